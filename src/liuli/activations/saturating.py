"""Activations that flatten out on both sides: their gradient vanishes where |z| is large."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from liuli.activations.base import Activation
from liuli.core.specs import spec

__all__ = ["Sigmoid", "Tanh"]


@spec
class Sigmoid(Activation):
    """f(z) = 1 / (1 + exp(-z))            f'(z) = f(z) (1 - f(z)) <= 1/4            range (0, 1)

    Reference: Verhulst's logistic function; as a unit: Rumelhart, Hinton and Williams, Nature 323, 1986.

    Example:
        >>> from liuli import activations
        >>> float(activations.Sigmoid()(0.0))
        0.5
    """

    def __call__(self, z: jax.Array) -> jax.Array:
        return jax.nn.sigmoid(z)


@spec
class Tanh(Activation):
    """f(z) = tanh(z)            f'(z) = 1 - f(z)^2 <= 1            range (-1, 1), centred on zero

    Reference: LeCun, Bottou, Orr and Müller, *Efficient BackProp*, 1998.

    Example:
        >>> from liuli import activations
        >>> float(activations.Tanh()(0.0))
        0.0
    """

    def __call__(self, z: jax.Array) -> jax.Array:
        return jnp.tanh(z)
