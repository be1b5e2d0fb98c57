"""Keras on JAX: compile and fit."""

from __future__ import annotations

import keras

from benchmarks.data import Data
from benchmarks.networks import keras as networks
from benchmarks.sides import Turn
from benchmarks.workloads import Workload

_LOSSES = {
    "classes": lambda: keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    "chance": lambda: keras.losses.BinaryCrossentropy(from_logits=True),
    "squared": keras.losses.MeanSquaredError,
}
_OPTIMIZERS = {"adam": keras.optimizers.Adam, "sgd": keras.optimizers.SGD}


def start(workload: Workload, data: Data, variant: str) -> Turn:
    x, y = data
    model = getattr(networks, workload.network)(**workload.sizes)
    model.compile(_OPTIMIZERS[workload.optimizer](workload.rate), _LOSSES[workload.loss]())

    def train(limit: float) -> float:
        model.fit(x, y, epochs=workload.epochs, batch_size=workload.batch, verbose=0)
        return workload.steps

    def predict(limit: float) -> float:
        """``predict_on_batch`` for one row, as Keras advises for small inputs."""
        for _ in range(workload.steps):
            model.predict_on_batch(x) if len(x) == 1 else model.predict(x, batch_size=1024, verbose=0)
        return workload.steps

    return train if workload.kind == "train" else predict
