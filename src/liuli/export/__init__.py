"""Getting in and out: weights from PyTorch and Keras."""

from liuli.export.keras import weights_from_keras
from liuli.export.torch import weights_from_torch

__all__ = ["weights_from_keras", "weights_from_torch"]
