"""Weights drawn from a distribution whose scale is given."""

from __future__ import annotations

import jax

from liuli.core.specs import dial, spec
from liuli.initializers.base import Initializer

__all__ = ["RandomNormal", "RandomUniform", "TruncatedNormal"]


@spec
class RandomNormal(Initializer):
    """W ~ N(mean, stddev^2)

    mean, stddev:  of the normal distribution (Keras's defaults).

    Example:
        >>> import jax
        >>> from liuli import initializers
        >>> initializers.RandomNormal(stddev=0.1)(jax.random.key(0), (3, 4)).shape
        (3, 4)
    """

    mean: float = dial(default=0.0)
    stddev: float = dial(default=0.05, least=0.0)

    def __call__(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        return self.mean + self.stddev * jax.random.normal(key, shape)


@spec
class TruncatedNormal(Initializer):
    """W ~ N(mean, stddev^2), drawn again where it is more than two stddev from the mean.

    mean, stddev:  of the normal distribution before it is cut (Keras's defaults); what is left deviates by 0.88 stddev.

    Example:
        >>> import jax
        >>> from liuli import initializers
        >>> bool(abs(initializers.TruncatedNormal(stddev=0.1)(jax.random.key(0), (30, 40))).max() <= 0.2)
        True
    """

    mean: float = dial(default=0.0)
    stddev: float = dial(default=0.05, least=0.0)

    def __call__(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        return self.mean + self.stddev * jax.random.truncated_normal(key, -2.0, 2.0, shape)


@spec
class RandomUniform(Initializer):
    """W ~ U[minval, maxval)

    minval, maxval:  the bounds (Keras's defaults).

    Example:
        >>> import jax
        >>> from liuli import initializers
        >>> initializers.RandomUniform(-1.0, 1.0)(jax.random.key(0), (3, 4)).shape
        (3, 4)
    """

    minval: float = dial(default=-0.05)
    maxval: float = dial(default=0.05)

    def __call__(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        return self.minval + (self.maxval - self.minval) * jax.random.uniform(key, shape)
