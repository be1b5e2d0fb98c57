"""Noise added to values while training, so that the network does not lean on their last digits."""

from __future__ import annotations

import jax

from liuli.core.specs import dial, spec
from liuli.layers.base import Context, Layer, Params, State
from liuli.layers.dropout import normal

__all__ = ["GaussianNoise"]


@spec
class GaussianNoise(Layer):
    """y = x + stddev e,   e ~ N(0, 1)   in training;   y = x otherwise            x, y: (...)

    Reference: Bishop, *Training with Noise is Equivalent to Tikhonov Regularization*, Neural Computation 7, 1995.

    stddev:  the standard deviation of the noise.

    Raises:
        LiuliError: training without a random key.

    Example:
        >>> from liuli import layers
        >>> layers.GaussianNoise(0.1)
        GaussianNoise(0.1)
    """

    stddev: float = dial(least=0.0)

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        return (x + self.stddev * normal(ctx, x) if ctx.training else x), state
