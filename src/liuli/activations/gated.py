"""Activations in which one half of the features decides how much of the other half passes."""

from __future__ import annotations

import jax

from liuli.activations.base import Activation
from liuli.core.errors import ShapeError
from liuli.core.specs import spec

__all__ = ["GLU"]


@spec
class GLU(Activation):
    """f(a, b) = a sigmoid(b), a and b the first and the second half of z's last axis            (..., 2n) -> (..., n)

    Reference: Dauphin, Fan, Auli and Grangier, *Language Modeling with Gated Convolutional Networks*, ICML 2017.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import activations
        >>> activations.GLU()(jnp.array([[2.0, 4.0, 0.0, 100.0]])).tolist()
        [[1.0, 4.0]]
    """

    def __call__(self, z: jax.Array) -> jax.Array:
        if z.shape[-1] % 2:
            raise ShapeError(
                "GLU",
                got=f"{z.shape[-1]} features",
                expected="an even number, which it halves",
                fix="double the units of the layer before it",
            )
        half = z.shape[-1] // 2
        return z[..., :half] * jax.nn.sigmoid(z[..., half:])
