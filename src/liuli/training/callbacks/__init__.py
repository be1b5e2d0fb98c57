"""Callbacks: what happens between compiled calls."""

from liuli.training.callbacks.backup import BackupAndRestore
from liuli.training.callbacks.base import Callback, Logs
from liuli.training.callbacks.monitoring import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from liuli.training.callbacks.remote import RemoteMonitor
from liuli.training.callbacks.simple import (
    CSVLogger,
    LambdaCallback,
    LearningRateScheduler,
    SwapEMAWeights,
    TerminateOnNaN,
)
from liuli.training.callbacks.tensorboard import TensorBoard

__all__ = [
    "BackupAndRestore", "CSVLogger", "Callback", "EarlyStopping", "LambdaCallback", "LearningRateScheduler", "Logs",
    "ModelCheckpoint", "ReduceLROnPlateau", "RemoteMonitor", "SwapEMAWeights", "TensorBoard", "TerminateOnNaN",
]  # fmt: skip
