"""What an initializer is."""

from __future__ import annotations

import jax

from liuli.core.specs import Spec

__all__ = ["Initializer"]


class Initializer(Spec, family="initializers"):
    """Called as ``initializer(key, shape)``: an array of the default float dtype."""

    def __call__(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        raise NotImplementedError
