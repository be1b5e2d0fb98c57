"""Activations over the last axis that make distributions."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from liuli.activations.base import Activation
from liuli.core.specs import spec

__all__ = ["LogSoftmax", "Softmax", "Sparsemax"]


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


@spec
class Sparsemax(Activation):
    """f(z)_i = max(0, z_i - tau), tau such that sum_i f(z)_i = 1, over the last axis: z's nearest distribution

    Where z_i is far below the maximum, f(z)_i is exactly 0. With S the i where it is not, df_i/dz_j = [i = j] - 1/|S|
    for i and j in S, else 0.

    Reference: Martins and Astudillo, *From Softmax to Sparsemax*, ICML 2016.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import activations
        >>> activations.Sparsemax()(jnp.array([2.0, 3.0, 3.5])).tolist()
        [0.0, 0.25, 0.75]
    """

    def __call__(self, z: jax.Array) -> jax.Array:
        z = z - jax.lax.stop_gradient(z.max(axis=-1, keepdims=True))  # changes nothing, and keeps the sums small
        falling = -jnp.sort(-z, axis=-1)
        counts = jax.lax.broadcasted_iota(z.dtype, z.shape, z.ndim - 1) + 1
        inside = 1 + counts * falling > jnp.cumsum(falling, axis=-1)
        size = inside.sum(axis=-1, keepdims=True, dtype=z.dtype)
        tau = (jnp.where(inside, falling, 0).sum(axis=-1, keepdims=True) - 1) / size
        return jax.nn.relu(z - tau)
