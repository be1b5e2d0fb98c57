"""Weights that all start alike: right for biases and scales."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from liuli.core.specs import dial, spec
from liuli.initializers.base import Initializer

__all__ = ["Constant", "Ones", "Zeros"]


@spec
class Zeros(Initializer):
    """W = 0. Right for biases; a kernel of zeros keeps all units alike (symmetry).

    Example:
        >>> import jax
        >>> from liuli import initializers
        >>> initializers.Zeros()(jax.random.key(0), (2,)).tolist()
        [0.0, 0.0]
    """

    def __call__(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        return jnp.zeros(shape)


@spec
class Ones(Initializer):
    """W = 1. The start of a normalization's scale.

    Example:
        >>> import jax
        >>> from liuli import initializers
        >>> initializers.Ones()(jax.random.key(0), (2,)).tolist()
        [1.0, 1.0]
    """

    def __call__(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        return jnp.ones(shape)


@spec
class Constant(Initializer):
    """W = value.

    value:  every element.

    Example:
        >>> import jax
        >>> from liuli import initializers
        >>> initializers.Constant(0.5)(jax.random.key(0), (2,)).tolist()
        [0.5, 0.5]
    """

    value: float = dial(default=0.0)

    def __call__(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        return jnp.full(shape, self.value, dtype=float)
