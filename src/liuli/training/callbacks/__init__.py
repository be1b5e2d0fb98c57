"""Callbacks: what happens between compiled calls."""

from liuli.training.callbacks.base import Callback, Logs
from liuli.training.callbacks.monitoring import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from liuli.training.callbacks.simple import CSVLogger, LambdaCallback, LearningRateScheduler

__all__ = [
    "CSVLogger", "Callback", "EarlyStopping", "LambdaCallback", "LearningRateScheduler", "Logs", "ModelCheckpoint",
    "ReduceLROnPlateau",
]  # fmt: skip
