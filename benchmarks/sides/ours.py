"""liuli, as a user writes it."""

from __future__ import annotations

import liuli as ll
from benchmarks.data import Data
from benchmarks.networks import ours as networks
from benchmarks.sides import Turn
from benchmarks.workloads import Workload

_LOSSES = {"classes": "categorical_crossentropy", "chance": "binary_crossentropy", "squared": "mse"}
_OPTIMIZERS = {"adam": ll.optimizers.Adam, "sgd": ll.optimizers.SGD}


def start(workload: Workload, data: Data, variant: str) -> Turn:
    x, y = data
    model = model_of(workload)
    probes = int(variant.removeprefix("liuli-probes-")) if variant.startswith("liuli-probes") else None

    def train(limit: float) -> float:
        model.fit(x, y, epochs=workload.epochs, batch_size=workload.batch, probes=probes, verbose=0)
        return workload.steps

    def predict(limit: float) -> float:
        for _ in range(workload.steps):
            model.predict(x)
        return workload.steps

    return train if workload.kind == "train" else predict


def model_of(workload: Workload) -> ll.Model:
    net = getattr(networks, workload.network)(**workload.sizes)
    optimizer = _OPTIMIZERS[workload.optimizer](workload.rate)
    return ll.Model(net, _LOSSES[workload.loss], optimizer, precision=workload.precision)
