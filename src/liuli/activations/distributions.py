"""Activations over the last axis that make distributions."""

from __future__ import annotations

import jax

from liuli.activations.base import Activation
from liuli.core.specs import spec

__all__ = ["LogSoftmax", "Softmax"]


@spec
class Softmax(Activation):
    """f(z)_i = exp(z_i) / sum_j exp(z_j), over the last axis            df_i/dz_j = f_i ([i = j] - f_j)

    The maximum is subtracted first, so that no exponential overflows.

    Reference: Bridle, *Probabilistic Interpretation of Feedforward Classification Network Outputs*, 1990.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import activations
        >>> [round(p, 3) for p in activations.Softmax()(jnp.array([2.0, 3.0, 5.0])).tolist()]
        [0.042, 0.114, 0.844]
    """

    def __call__(self, z: jax.Array) -> jax.Array:
        return jax.nn.softmax(z, axis=-1)


@spec
class LogSoftmax(Activation):
    """f(z)_i = z_i - log sum_j exp(z_j), over the last axis

    Reference: the logarithm of Bridle's softmax, 1990.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import activations
        >>> round(float(activations.LogSoftmax()(jnp.array([0.0, 0.0]))[0]), 4)
        -0.6931
    """

    def __call__(self, z: jax.Array) -> jax.Array:
        return jax.nn.log_softmax(z, axis=-1)
