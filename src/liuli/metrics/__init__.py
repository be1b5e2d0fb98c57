"""Metrics: what is watched beside the loss."""

from liuli.metrics.base import Metric
from liuli.metrics.classification import (
    AUC,
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    F1Score,
    Precision,
    Recall,
    TopKCategoricalAccuracy,
    resolve,
)
from liuli.metrics.regression import MeanAbsoluteError, MeanSquaredError, R2Score, RootMeanSquaredError

__all__ = [
    "AUC", "Accuracy", "BinaryAccuracy", "CategoricalAccuracy", "F1Score", "MeanAbsoluteError", "MeanSquaredError",
    "Metric", "Precision", "R2Score", "Recall", "RootMeanSquaredError", "TopKCategoricalAccuracy", "resolve",
]  # fmt: skip
