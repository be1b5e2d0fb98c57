"""What Flax and Equinox leave to their users: batches, losses, optimizers. Both take Optax's."""

from __future__ import annotations

from collections.abc import Iterator

import jax
import numpy as np
import optax

from benchmarks.data import Data
from benchmarks.workloads import Workload

OPTIMIZERS = {"adam": optax.adam, "sgd": optax.sgd}


def batches(workload: Workload, data: Data) -> Iterator[Data]:
    x, y = data
    for _ in range(workload.epochs):
        order = np.random.permutation(len(x))
        for first in range(0, len(x), workload.batch):
            rows = order[first : first + workload.batch]
            yield x[rows], y[rows]


def loss_of(kind: str, z: jax.Array, y: jax.Array) -> jax.Array:
    if kind == "classes":
        return optax.softmax_cross_entropy_with_integer_labels(z, y).mean()
    return (optax.sigmoid_binary_cross_entropy(z, y) if kind == "chance" else (z - y) ** 2).mean()
