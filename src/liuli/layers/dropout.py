"""Dropout: units left out at random while training, so that none relies on another."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from liuli.core.errors import LiuliError
from liuli.core.specs import dial, spec
from liuli.layers.base import Context, Layer, Params, State

__all__ = ["Dropout"]


@spec
class Dropout(Layer):
    """y = x m / (1 - rate), m ~ Bernoulli(1 - rate)   in training;   y = x otherwise            x, y: (batch, ...)

    Kept units are scaled up, so that the mean of y is x. The probability is rounded to a multiple of 2^-16.

    Reference: Srivastava et al., *Dropout: A Simple Way to Prevent Neural Networks from Overfitting*, JMLR 15, 2014.

    rate:  the probability that a unit is left out.

    Raises:
        LiuliError: training without a random key.

    Example:
        >>> from liuli import layers
        >>> layers.Dropout(0.2)
        Dropout(0.2)
    """

    rate: float = dial(least=0.0, most=1.0)

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        if not ctx.training:
            return x, state
        if ctx.key is None:
            raise LiuliError(
                "", got="training without a random key", expected="a key to draw the mask", fix="give Context a key="
            )
        rate = jnp.asarray(self.rate, float)
        kept = _uniform16(ctx.key, x.shape).astype(jnp.uint32) >= jnp.round(rate * 2**16).astype(jnp.uint32)
        return x * jnp.where(kept, 1.0 / (1.0 - rate), 0.0).astype(x.dtype), state


def _uniform16(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Uniform 16-bit integers: two from each 32-bit word, because drawing words is what takes the time on a CPU."""
    size = math.prod(shape)
    words = jax.random.bits(key, (-(-size // 2),), jnp.uint32)
    return jax.lax.bitcast_convert_type(words, jnp.uint16).reshape(-1)[:size].reshape(shape)
