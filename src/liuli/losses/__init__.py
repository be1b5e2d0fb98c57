"""Losses: how far predictions are from targets, as one number to be made small."""

from liuli.losses.base import Loss
from liuli.losses.classification import BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy
from liuli.losses.focal import BinaryFocalCrossentropy, CategoricalFocalCrossentropy
from liuli.losses.likelihood import (
    GaussianNegativeLogLikelihood,
    KLDivergence,
    LaplaceNegativeLogLikelihood,
    Poisson,
)
from liuli.losses.margin import CategoricalHinge, CosineSimilarity, Hinge, SquaredHinge
from liuli.losses.overlap import Dice, Tversky
from liuli.losses.regression import (
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    SmoothL1,
)

__all__ = [
    "BinaryCrossentropy", "BinaryFocalCrossentropy", "CategoricalCrossentropy", "CategoricalFocalCrossentropy",
    "CategoricalHinge", "CosineSimilarity", "Dice", "GaussianNegativeLogLikelihood", "Hinge", "Huber", "KLDivergence",
    "LaplaceNegativeLogLikelihood", "LogCosh", "Loss", "MeanAbsoluteError", "MeanAbsolutePercentageError",
    "MeanSquaredError", "MeanSquaredLogarithmicError", "Poisson", "SmoothL1", "SparseCategoricalCrossentropy",
    "SquaredHinge", "Tversky",
]  # fmt: skip
