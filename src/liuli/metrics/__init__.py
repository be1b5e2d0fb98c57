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
from liuli.metrics.correlation import ConcordanceCorrelation, PearsonCorrelation
from liuli.metrics.measured import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CosineSimilarity,
    Hinge,
    KLDivergence,
    MeanAbsolutePercentageError,
    MeanSquaredLogarithmicError,
)
from liuli.metrics.overlap import FBetaScore, MeanIoU
from liuli.metrics.regression import MeanAbsoluteError, MeanSquaredError, R2Score, RootMeanSquaredError

__all__ = [
    "AUC", "Accuracy", "BinaryAccuracy", "BinaryCrossentropy", "CategoricalAccuracy", "CategoricalCrossentropy",
    "ConcordanceCorrelation", "CosineSimilarity", "F1Score", "FBetaScore", "Hinge", "KLDivergence",
    "MeanAbsoluteError", "MeanAbsolutePercentageError", "MeanIoU", "MeanSquaredError", "MeanSquaredLogarithmicError",
    "Metric", "PearsonCorrelation", "Precision", "R2Score", "Recall", "RootMeanSquaredError",
    "TopKCategoricalAccuracy", "resolve",
]  # fmt: skip
