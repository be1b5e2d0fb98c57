"""Dropout: units left out or disturbed at random while training, so that none relies on another."""

from __future__ import annotations

import math
from typing import ClassVar

import jax
import jax.numpy as jnp

from liuli.core.errors import LiuliError, ShapeError
from liuli.core.specs import abstract, dial, setting, spec
from liuli.layers.base import Context, Layer, Params, Shape, State, require_rank, shown
from liuli.layers.space import AXES

__all__ = [
    "AlphaDropout", "Dropout", "GaussianDropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D",
]  # fmt: skip

_LOWEST = -1.7580993408473766  # -scale alpha: what SELU approaches on the negative side


@spec
class Dropout(Layer):
    """y = x m / (1 - rate), m ~ Bernoulli(1 - rate)   in training;   y = x otherwise            x, y: (batch, ...)

    Kept units are scaled up, so that the mean of y is x. The probability is rounded to a multiple of 2^-16.

    Reference: Srivastava et al., *Dropout: A Simple Way to Prevent Neural Networks from Overfitting*, JMLR 15, 2014.

    rate:         the probability that a unit is left out.
    noise_shape:  the shape of m, the batch first; along an axis where it is 1, units are left out together; None
                  stands for the size of x, as in ``(None, 1, None)``.

    Raises:
        ShapeError: ``noise_shape`` does not go with the input.
        LiuliError: training without a random key.

    Example:
        >>> from liuli import layers
        >>> layers.Dropout(0.2)
        Dropout(0.2)
    """

    rate: float = dial(least=0.0, most=1.0)
    noise_shape: tuple[int | None, ...] | None = setting(default=None, least=1)

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        _shape(self.noise_shape, x)
        return {}, {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        return _dropped(x, self.rate, _shape(self.noise_shape, x), ctx), state


@abstract
class _SpatialDropout(Layer):
    """The base of dropouts of whole channels.

    rate:  the probability that a channel is left out.
    """

    rate: float = dial(least=0.0, most=1.0)

    rank: ClassVar[int]  # how many axes of space there are

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        require_rank(x, self.rank + 2, AXES[self.rank])
        return {}, {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        return _dropped(x, self.rate, (x.shape[0], *(1,) * self.rank, x.shape[-1]), ctx), state


@spec
class SpatialDropout1D(_SpatialDropout):
    """y = x m / (1 - rate), m ~ Bernoulli(1 - rate)        x, y: (batch, steps, channels)   m: (batch, 1, channels)

    Dropout of whole channels: neighbours in one are alike, and would stand in for each other.

    Reference: Tompson, Goroshin, Jain, LeCun and Bregler, *Efficient Object Localization Using Convolutional
    Networks*, CVPR 2015.

    rate:  the probability that a channel is left out.

    Raises:
        ShapeError: the input is not (batch, steps, channels).
        LiuliError: training without a random key.

    Example:
        >>> from liuli import layers
        >>> layers.SpatialDropout1D(0.2)
        SpatialDropout1D(0.2)
    """

    rank: ClassVar[int] = 1


@spec
class SpatialDropout2D(_SpatialDropout):
    """y = x m / (1 - rate), m ~ Bernoulli(1 - rate)            m: (batch, 1, 1, channels)

    x, y: (batch, height, width, channels)

    Reference: Tompson et al., CVPR 2015, as in SpatialDropout1D.

    rate:  the probability that a channel is left out.

    Raises:
        ShapeError: the input is no batch of images.
        LiuliError: training without a random key.

    Example:
        >>> from liuli import layers
        >>> layers.SpatialDropout2D(0.2)
        SpatialDropout2D(0.2)
    """

    rank: ClassVar[int] = 2


@spec
class SpatialDropout3D(_SpatialDropout):
    """y = x m / (1 - rate), m ~ Bernoulli(1 - rate)            m: (batch, 1, 1, 1, channels)

    x, y: (batch, depth, height, width, channels)

    Reference: Tompson et al., CVPR 2015, as in SpatialDropout1D.

    rate:  the probability that a channel is left out.

    Raises:
        ShapeError: the input is no batch of volumes.
        LiuliError: training without a random key.

    Example:
        >>> from liuli import layers
        >>> layers.SpatialDropout3D(0.2)
        SpatialDropout3D(0.2)
    """

    rank: ClassVar[int] = 3


@spec
class GaussianDropout(Layer):
    """y = x (1 + s e),   e ~ N(0, 1),   s^2 = rate / (1 - rate)   in training;   y = x otherwise        x, y: (...)

    The factor has the mean and the variance that it has in Dropout, but is never zero for good.

    Reference: Srivastava et al., *Dropout*, JMLR 15, 2014, section 10.

    rate:  of the Dropout with the same variance; at 1 that is infinite.

    Raises:
        LiuliError: training without a random key.

    Example:
        >>> from liuli import layers
        >>> layers.GaussianDropout(0.2)
        GaussianDropout(0.2)
    """

    rate: float = dial(least=0.0, most=0.999)

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        if not ctx.training:
            return x, state
        rate = jnp.asarray(self.rate, float)
        deviation = jnp.sqrt(rate / (1.0 - rate)).astype(x.dtype)
        return x * (1.0 + deviation * normal(ctx, x)), state


@spec
class AlphaDropout(Layer):
    """y = a (x m + lowest (1 - m)) + b,   m ~ Bernoulli(1 - rate)   in training;   y = x otherwise       x, y: (...)

    Dropout for SELU: units are set to lowest = -1.7581, which SELU approaches on the negative side, and
    a = 1 / sqrt((1 - rate) (1 + rate lowest^2)), b = -a rate lowest keep mean 0 and variance 1 where x has them.

    Reference: Klambauer, Unterthiner, Mayr and Hochreiter, *Self-Normalizing Neural Networks*, NIPS 2017.

    rate, noise_shape:  as in Dropout.

    Raises:
        ShapeError: ``noise_shape`` does not go with the input.
        LiuliError: training without a random key.

    Example:
        >>> from liuli import layers
        >>> layers.AlphaDropout(0.1)
        AlphaDropout(0.1)
    """

    rate: float = dial(least=0.0, most=0.999)
    noise_shape: tuple[int | None, ...] | None = setting(default=None, least=1)

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        _shape(self.noise_shape, x)
        return {}, {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        if not ctx.training:
            return x, state
        rate = jnp.asarray(self.rate, float)
        kept = _kept(ctx, rate, _shape(self.noise_shape, x))
        a = jax.lax.rsqrt((1.0 - rate) * (1.0 + rate * _LOWEST**2))
        factor, shift = jnp.where(kept, a, 0.0), jnp.where(kept, 0.0, a * _LOWEST) - a * rate * _LOWEST
        return x * factor.astype(x.dtype) + shift.astype(x.dtype), state


def drawing_key(ctx: Context) -> jax.Array:
    """The key of this call; LiuliError where there is none."""
    if ctx.key is None:
        raise LiuliError(
            "", got="training without a random key", expected="a key to draw the mask", fix="give Context a key="
        )
    return ctx.key


def normal(ctx: Context, x: jax.Array) -> jax.Array:
    """Standard normal numbers like ``x``, drawn in float32: the same ones in every precision."""
    return jax.random.normal(drawing_key(ctx), x.shape, jnp.float32).astype(x.dtype)


def _shape(noise_shape: tuple[int | None, ...] | None, x: Shape | jax.Array) -> tuple[int, ...]:
    """The shape of the mask for inputs like ``x``."""
    if noise_shape is None:
        return x.shape
    fits = len(noise_shape) == x.ndim and all(
        n in (None, 1, size) for n, size in zip(noise_shape, x.shape, strict=True)
    )
    if not fits:
        got = f"noise_shape={noise_shape} for an input of shape {shown(x)}"  # type: ignore[arg-type]
        raise ShapeError("", got=got, expected="1 or None for each axis", fix=f"noise_shape={(None,) * x.ndim}")
    return tuple(size if n is None else n for n, size in zip(noise_shape, x.shape, strict=True))


def _dropped(x: jax.Array, rate: float, shape: tuple[int, ...], ctx: Context) -> jax.Array:
    """Dropout with a mask of ``shape``."""
    if not ctx.training:
        return x
    p = jnp.asarray(rate, float)
    return x * jnp.where(_kept(ctx, p, shape), 1.0 / (1.0 - p), 0.0).astype(x.dtype)


def _kept(ctx: Context, rate: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """True with the probability 1 - rate."""
    return _uniform16(drawing_key(ctx), shape).astype(jnp.uint32) >= jnp.round(rate * 2**16).astype(jnp.uint32)


def _uniform16(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Uniform 16-bit integers: two from each 32-bit word, because drawing words is what takes the time on a CPU."""
    size = math.prod(shape)
    words = jax.random.bits(key, (-(-size // 2),), jnp.uint32)
    return jax.lax.bitcast_convert_type(words, jnp.uint16).reshape(-1)[:size].reshape(shape)
