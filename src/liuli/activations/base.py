"""What an activation is: an elementwise (or last-axis) function f with no weights."""

from __future__ import annotations

import jax

from liuli.core.specs import Spec

__all__ = ["Activation"]


class Activation(Spec, family="activations"):
    """y = f(z), of the shape of z (GLU halves the last axis). Called on an array: ``activations.Sigmoid()(z)``."""

    def __call__(self, z: jax.Array) -> jax.Array:
        raise NotImplementedError
