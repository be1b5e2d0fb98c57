"""scikit-learn's MLPClassifier and MLPRegressor: ``partial_fit`` is one pass over the rows."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor

from benchmarks.data import Data
from benchmarks.sides import Turn
from benchmarks.workloads import Workload


def start(workload: Workload, data: Data, variant: str) -> Turn:
    estimator = estimator_of(workload)
    return training(workload, estimator, data) if workload.kind == "train" else predictions(workload, estimator, data)


def estimator_of(workload: Workload, rate: float | None = None, seed: int = 0) -> Any:
    """The workload's network, without weight decay."""
    kind = MLPRegressor if workload.loss == "squared" else MLPClassifier
    hidden = workload.sizes["hidden"]
    return kind(
        hidden_layer_sizes=workload.sizes["sizes"][1:-1],
        activation="logistic" if hidden == "sigmoid" else hidden,
        alpha=0.0,
        batch_size=workload.batch,
        learning_rate_init=workload.rate if rate is None else rate,
        random_state=seed,
    )


def training(workload: Workload, estimator: Any, data: Data) -> Turn:
    x, y = data
    y = y.ravel().astype(np.int64) if workload.loss == "chance" else y
    classes = {} if workload.loss == "squared" else {"classes": np.unique(y)}

    def turn(limit: float) -> float:
        end = time.perf_counter() + limit
        for epoch in range(1, workload.epochs + 1):
            estimator.partial_fit(x, y, **classes)
            if epoch == workload.epochs or time.perf_counter() > end:
                return epoch * (workload.rows // workload.batch)
        return 0

    return turn


def predictions(workload: Workload, estimator: Any, data: Data) -> Turn:
    inputs, outputs = workload.sizes["sizes"][0], workload.sizes["sizes"][-1]
    estimator.set_params(batch_size=outputs)
    estimator.partial_fit(np.zeros((outputs, inputs), np.float32), np.arange(outputs), classes=np.arange(outputs))

    def turn(limit: float) -> float:
        for _ in range(workload.steps):
            estimator.predict_proba(data[0])
        return workload.steps

    return turn
