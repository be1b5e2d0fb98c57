"""Layers that change the shape and nothing else."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import jax

from liuli.core.errors import ShapeError, SpecError
from liuli.core.specs import spec
from liuli.layers.base import Context, Layer, Params, Shape, State, require_rank, shown
from liuli.layers.masks import refuse_mask

__all__ = ["Flatten", "Reshape"]


@spec
class Flatten(Layer):
    """y = x in one row per sample            x: (batch, ...)   y: (batch, product of ...)

    Raises:
        LiuliError: the input carries a mask.

    Example:
        >>> from liuli import layers
        >>> layers.Flatten()
        Flatten()
    """

    takes_integers: ClassVar[bool] = True

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        return x.reshape(x.shape[0], math.prod(x.shape[1:])), state

    def output_mask(self, x: Any, mask: Any) -> None:
        refuse_mask(mask, "Flatten", "end the sequence first, with layers.LSTM(units), or drop mask_zero=True")


@spec
class Reshape(Layer):
    """y = x in another shape            x: (batch, ...)   y: (batch, *target_shape)

    A mask passes where the time axis stays as it is.

    target_shape:  the shape of a sample; one axis may be -1, which takes what is left.

    Raises:
        ShapeError: the input has another number of elements.
        LiuliError: the input carries a mask, and its time axis would change.

    Example:
        >>> from liuli import layers
        >>> layers.Reshape((28, 28, 1))
        Reshape((28, 28, 1))
    """

    target_shape: tuple[int, ...]

    takes_integers: ClassVar[bool] = True

    def check(self) -> None:
        if self.target_shape.count(-1) > 1 or min(self.target_shape, default=1) < -1:
            expected = "sizes of at least 0, and -1 at most once"
            raise SpecError("Reshape.target_shape", got=str(self.target_shape), expected=expected, fix="write (-1, 8)")

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        require_rank(x, tuple(range(1, 9)), "(batch, ...)")
        known, size = math.prod(n for n in self.target_shape if n != -1), math.prod(x.shape[1:])
        if known != size and not (-1 in self.target_shape and known and size % known == 0):
            got = f"{size} elements per sample, of shape {shown(x)}"
            raise ShapeError(
                "", got=got, expected=f"as many as target_shape={self.target_shape} holds", fix="Reshape((-1,))"
            )
        return {}, {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        return x.reshape(x.shape[0], *self._shape(x)), state

    def output_mask(self, x: Any, mask: Any) -> Any:
        if self._shape(x)[:1] != x.shape[1:2]:
            refuse_mask(mask, "this Reshape", "keep the time axis first in target_shape, or drop mask_zero=True")
        return mask

    def _shape(self, x: Any) -> tuple[int, ...]:
        known = math.prod(n for n in self.target_shape if n != -1)
        return tuple(math.prod(x.shape[1:]) // max(known, 1) if n == -1 else n for n in self.target_shape)
