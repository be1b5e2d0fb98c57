"""Losses and metrics: targets and predictions that suit them, where two arrays of numbers do not."""

import numpy as np

from tests.contract.given import RNG, floats

CLASSES = 4


def probabilities(*shape: int) -> np.ndarray:
    """Random numbers between 0 and 1, none near an end."""
    return RNG.uniform(0.1, 0.9, size=shape)


def distributions(*shape: int) -> np.ndarray:
    """Random probabilities along the last axis."""
    p = probabilities(*shape)
    return p / p.sum(axis=-1, keepdims=True)


def bits(*shape: int) -> np.ndarray:
    """Zeros and ones, some of each."""
    return (np.arange(np.prod(shape)).reshape(shape) % 3 == 1).astype(float)


LABELS = np.array([0, 3, 1, 1, 2, 0])
VALUES = floats(6, 2), floats(6, 2)
POSITIVE = probabilities(6, 2) * 3, probabilities(6, 2) * 3
ON_CLASSES = LABELS, distributions(6, CLASSES)
SCORES = LABELS, floats(6, CLASSES)
ON_BITS = bits(6, 2), probabilities(6, 2)
ON_SIGNS = 2 * bits(6, 2) - 1, floats(6, 2)
COLUMN = bits(6), probabilities(6)
PAIRS = np.array([0, 1, 0, 1, 0, 2]), floats(6, 3)

AT = {
    "metrics.PrecisionAtRecall": {"recall": 0.5},
    "metrics.RecallAtPrecision": {"precision": 0.5},
    "metrics.SensitivityAtSpecificity": {"specificity": 0.5},
    "metrics.SpecificityAtSensitivity": {"sensitivity": 0.5},
}

FIELDS = AT

INPUTS = {
    "losses.BinaryCrossentropy": ON_BITS,
    "losses.BinaryFocalCrossentropy": ON_BITS,
    "losses.CTC": (np.array([[1, 2, 2], [3, 0, 0]]), floats(2, 5, CLASSES)),
    "losses.CategoricalCrossentropy": ON_CLASSES,
    "losses.CategoricalFocalCrossentropy": ON_CLASSES,
    "losses.CategoricalGeneralizedCrossEntropy": ON_CLASSES,
    "losses.CategoricalHinge": SCORES,
    "losses.Circle": PAIRS,
    "losses.Contrastive": PAIRS,
    "losses.Dice": ON_BITS,
    "losses.GaussianNegativeLogLikelihood": (floats(6, 2), floats(6, 4)),
    "losses.Hinge": ON_SIGNS,
    "losses.HingeEmbedding": ON_SIGNS,
    "losses.InfoNCE": PAIRS,
    "losses.KLDivergence": (distributions(6, CLASSES), distributions(6, CLASSES)),
    "losses.LaplaceNegativeLogLikelihood": (floats(6, 2), floats(6, 4)),
    "losses.MarginRanking": (2 * bits(6) - 1, floats(6, 2)),
    "losses.MeanSquaredLogarithmicError": POSITIVE,
    "losses.MultiMargin": SCORES,
    "losses.NegativeLogLikelihood": SCORES,
    "losses.Poisson": POSITIVE,
    "losses.SoftMargin": ON_SIGNS,
    "losses.SparseCategoricalCrossentropy": ON_CLASSES,
    "losses.SquaredHinge": ON_SIGNS,
    "losses.TripletMargin": PAIRS,
    "losses.Tversky": ON_BITS,
    "metrics.AUC": COLUMN,
    "metrics.BalancedAccuracy": ON_CLASSES,
    "metrics.BinaryAccuracy": ON_BITS,
    "metrics.BinaryCrossentropy": ON_BITS,
    "metrics.BinaryIoU": ON_BITS,
    "metrics.BrierScore": ON_CLASSES,
    "metrics.CategoricalAccuracy": ON_CLASSES,
    "metrics.CategoricalCrossentropy": ON_CLASSES,
    "metrics.CategoricalHinge": SCORES,
    "metrics.CohenKappa": ON_CLASSES,
    "metrics.ExpectedCalibrationError": ON_CLASSES,
    "metrics.F1Score": ON_CLASSES,
    "metrics.FBetaScore": ON_CLASSES,
    "metrics.FalseNegatives": ON_CLASSES,
    "metrics.FalsePositives": ON_CLASSES,
    "metrics.Hinge": ON_SIGNS,
    "metrics.HitRate": SCORES,
    "metrics.IoU": ON_CLASSES,
    "metrics.KLDivergence": (distributions(6, CLASSES), distributions(6, CLASSES)),
    "metrics.MatthewsCorrelation": ON_CLASSES,
    "metrics.MeanIoU": ON_CLASSES,
    "metrics.MeanReciprocalRank": SCORES,
    "metrics.MeanSquaredLogarithmicError": POSITIVE,
    "metrics.NDCG": (np.array([[0, 1, 2], [3, 1, 0]] * 3), floats(6, 3)),
    "metrics.Perplexity": ON_CLASSES,
    "metrics.Poisson": POSITIVE,
    "metrics.Precision": ON_CLASSES,
    "metrics.Recall": ON_CLASSES,
    "metrics.SquaredHinge": ON_SIGNS,
    "metrics.TopKCategoricalAccuracy": SCORES,
    "metrics.TrueNegatives": ON_CLASSES,
    "metrics.TruePositives": ON_CLASSES,
} | dict.fromkeys(AT, COLUMN)
