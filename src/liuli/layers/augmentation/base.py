"""What an augmentation of images is: each image changed on its own, at random, while training.

Numbers are drawn in float32, the same ones in every precision.
"""

from __future__ import annotations

from typing import Any, Literal

import jax
import jax.numpy as jnp

from liuli.core.errors import ShapeError
from liuli.core.keys import fold
from liuli.core.specs import abstract
from liuli.layers.base import Context, Layer, Params, Shape, State, shown
from liuli.layers.dropout import drawing_key
from liuli.layers.masks import refuse_mask
from liuli.layers.space import require_space

Factor = float | tuple[float, float]  # one number stands for a range that ends in it
Span = tuple[float, float]
Interpolation = Literal["nearest", "bilinear"]
FillMode = Literal["constant", "nearest", "reflect", "wrap"]


@abstract
class Augmentation(Layer):
    """The base: ``change(key, image)`` for each image of (batch, height, width, channels) with a key of its own."""

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        require_space(x, 2)
        return {}, {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        if not ctx.training:
            return self.unchanged(x), state
        return jax.vmap(self.change)(jax.random.split(drawing_key(ctx), x.shape[0]), x), state

    def change(self, key: jax.Array, image: jax.Array) -> jax.Array:
        """One image (height, width, channels), changed as ``key`` has it."""
        raise NotImplementedError

    def unchanged(self, x: jax.Array) -> jax.Array:
        """The images as they are when nothing is learned."""
        return x

    def output_mask(self, x: Any, mask: Any) -> None:
        refuse_mask(mask, type(self).__name__, "drop mask_zero=True")


def uniform(key: jax.Array, name: str, low: Any, high: Any, like: jax.Array, shape: tuple[int, ...] = ()) -> jax.Array:
    """Numbers between ``low`` and ``high``, of the dtype of ``like`` but float32 at least."""
    u = jax.random.uniform(fold(key, name), shape, jnp.float32).astype(wide(like))
    return low + (high - low) * u


def factor(key: jax.Array, name: str, value: Any, like: jax.Array, least: float | None = 0.0) -> jax.Array:
    """A number drawn from a pair; of one number f, between ``least`` and f, or -f and f where ``least`` is None."""
    low, high = value if isinstance(value, tuple) else (-value if least is None else least, value)
    return uniform(key, name, low, high, like)


def happens(key: jax.Array, name: str, share: Any, like: jax.Array) -> jax.Array:
    """True with a probability that is itself drawn where ``share`` is a pair, else ``share``."""
    likely = uniform(key, f"{name}/share", share[0], share[1], like) if isinstance(share, tuple) else share
    return uniform(key, name, 0.0, 1.0, like) < likely


def wide(x: jax.Array) -> Any:
    """The dtype of ``x``, float32 at least: coordinates and statistics need it."""
    return jnp.float32 if x.dtype.itemsize < 4 else x.dtype


def clipped(image: jax.Array, span: Span) -> jax.Array:
    """``image`` within its range of values."""
    return jnp.clip(image, span[0], span[1])


def require_colour(x: Shape) -> None:
    """Raise ShapeError unless ``x`` is a batch of images of red, green and blue."""
    require_space(x, 2)
    if x.shape[-1] != 3:
        got = f"an input of shape {shown(x)}"
        raise ShapeError("", got=got, expected="images of 3 channels", fix="leave this layer out for grey images")
