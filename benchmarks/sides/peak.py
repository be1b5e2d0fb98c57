"""What the processor can do: a square matrix product in XLA, whose speed other workloads are compared with."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from benchmarks.data import Data
from benchmarks.sides import Turn
from benchmarks.workloads import Workload

REPEATS = 10


def size(workload: Workload) -> int:
    """Rows and columns: large enough to be busy with."""
    return 8192 if workload.gpu else 1024


def operations(workload: Workload) -> int:
    """Floating-point operations of one product."""
    return 2 * size(workload) ** 3


def start(workload: Workload, data: Data, variant: str) -> Turn:
    n = size(workload)
    a = jax.random.normal(jax.random.key(0), (n, n)).astype(workload.precision)
    product = jax.jit(jnp.matmul)

    def turn(limit: float) -> float:
        for _ in range(REPEATS):
            y = product(a, a)
        y.block_until_ready()
        return REPEATS

    return turn
