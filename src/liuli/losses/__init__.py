"""Losses: how far predictions are from targets, as one number to be made small."""

from liuli.losses.base import Loss
from liuli.losses.classification import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalGeneralizedCrossEntropy,
    SparseCategoricalCrossentropy,
)
from liuli.losses.focal import BinaryFocalCrossentropy, CategoricalFocalCrossentropy
from liuli.losses.likelihood import (
    GaussianNegativeLogLikelihood,
    KLDivergence,
    LaplaceNegativeLogLikelihood,
    NegativeLogLikelihood,
    Poisson,
)
from liuli.losses.margin import (
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    HingeEmbedding,
    MarginRanking,
    MultiMargin,
    SoftMargin,
    SquaredHinge,
)
from liuli.losses.overlap import Dice, Tversky
from liuli.losses.pairs import Circle, Contrastive, InfoNCE, TripletMargin
from liuli.losses.regression import (
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Quantile,
    SmoothL1,
)
from liuli.losses.sequence import CTC

__all__ = [
    "CTC", "BinaryCrossentropy", "BinaryFocalCrossentropy", "CategoricalCrossentropy", "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy", "CategoricalHinge", "Circle", "Contrastive", "CosineSimilarity", "Dice",
    "GaussianNegativeLogLikelihood", "Hinge", "HingeEmbedding", "Huber", "InfoNCE", "KLDivergence",
    "LaplaceNegativeLogLikelihood", "LogCosh", "Loss", "MarginRanking", "MeanAbsoluteError",
    "MeanAbsolutePercentageError", "MeanSquaredError", "MeanSquaredLogarithmicError", "MultiMargin",
    "NegativeLogLikelihood", "Poisson", "Quantile", "SmoothL1", "SoftMargin", "SparseCategoricalCrossentropy",
    "SquaredHinge", "TripletMargin", "Tversky",
]  # fmt: skip
