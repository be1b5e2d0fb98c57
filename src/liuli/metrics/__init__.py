"""Metrics: what is watched beside the loss."""

from liuli.metrics.agreement import BalancedAccuracy, CohenKappa, MatthewsCorrelation
from liuli.metrics.base import Metric
from liuli.metrics.calibration import BrierScore, ExpectedCalibrationError
from liuli.metrics.choice import resolve
from liuli.metrics.classification import Accuracy, BinaryAccuracy, CategoricalAccuracy, TopKCategoricalAccuracy
from liuli.metrics.correlation import ConcordanceCorrelation, PearsonCorrelation
from liuli.metrics.counted import (
    F1Score,
    FalseNegatives,
    FalsePositives,
    FBetaScore,
    Precision,
    Recall,
    TrueNegatives,
    TruePositives,
)
from liuli.metrics.curves import (
    AUC,
    PrecisionAtRecall,
    RecallAtPrecision,
    SensitivityAtSpecificity,
    SpecificityAtSensitivity,
)
from liuli.metrics.measured import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    KLDivergence,
    LogCoshError,
    MeanAbsolutePercentageError,
    MeanSquaredLogarithmicError,
    Perplexity,
    Poisson,
    SquaredHinge,
)
from liuli.metrics.overlap import BinaryIoU, IoU, MeanIoU
from liuli.metrics.ranking import NDCG, HitRate, MeanReciprocalRank
from liuli.metrics.regression import MeanAbsoluteError, MeanSquaredError, R2Score, RootMeanSquaredError

__all__ = [
    "AUC", "NDCG", "Accuracy", "BalancedAccuracy", "BinaryAccuracy", "BinaryCrossentropy", "BinaryIoU", "BrierScore",
    "CategoricalAccuracy", "CategoricalCrossentropy", "CategoricalHinge", "CohenKappa", "ConcordanceCorrelation",
    "CosineSimilarity", "ExpectedCalibrationError", "F1Score", "FBetaScore", "FalseNegatives", "FalsePositives",
    "Hinge", "HitRate", "IoU", "KLDivergence", "LogCoshError", "MatthewsCorrelation", "MeanAbsoluteError",
    "MeanAbsolutePercentageError", "MeanIoU", "MeanReciprocalRank", "MeanSquaredError", "MeanSquaredLogarithmicError",
    "Metric", "PearsonCorrelation", "Perplexity", "Poisson", "Precision", "PrecisionAtRecall", "R2Score", "Recall",
    "RecallAtPrecision", "RootMeanSquaredError", "SensitivityAtSpecificity", "SpecificityAtSensitivity", "SquaredHinge",
    "TopKCategoricalAccuracy", "TrueNegatives", "TruePositives", "resolve",
]  # fmt: skip
