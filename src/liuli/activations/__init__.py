"""Activations: the non-linear functions between layers."""

from liuli.activations.base import Activation
from liuli.activations.distributions import LogSoftmax, Softmax
from liuli.activations.rectifiers import ELU, GELU, Identity, LeakyReLU, ReLU, SiLU, Softplus
from liuli.activations.saturating import Sigmoid, Tanh

__all__ = [
    "ELU", "GELU", "Activation", "Identity", "LeakyReLU", "LogSoftmax", "ReLU", "SiLU", "Sigmoid", "Softmax",
    "Softplus", "Tanh",
]  # fmt: skip
