"""Layers that change the shape and nothing else."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from liuli.core.errors import ShapeError, SpecError
from liuli.core.specs import setting, spec
from liuli.layers.base import Context, Layer, Params, Shape, State, require_rank, shown
from liuli.layers.masks import refuse_mask

__all__ = ["Flatten", "Permute", "RepeatVector", "Reshape"]


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


@spec
class Permute(Layer):
    """y[b, i_dims[0], i_dims[1], ...] = x[b, i_1, i_2, ...]        x, y: (batch, ...), the axes in another order

    A mask passes where the time axis stays first.

    dims:  which axis of x each axis of y is; the batch is not counted, the first after it is 1.

    Raises:
        SpecError: dims are not 1 to n, each once.
        ShapeError: the input has another number of axes.
        LiuliError: the input carries a mask, and its time axis would move.

    Example:
        >>> from liuli import layers
        >>> layers.Permute((2, 1))
        Permute((2, 1))
    """

    dims: tuple[int, ...]

    takes_integers: ClassVar[bool] = True

    def check(self) -> None:
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            expected = "1 to n, each once: the axes after the batch in their new order"
            raise SpecError("Permute.dims", got=str(self.dims), expected=expected, fix="write (2, 1)")

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        if x.ndim != len(self.dims) + 1:
            expected = f"{len(self.dims)} axes after the batch, for dims={self.dims}"
            raise ShapeError("", got=f"an input of shape {shown(x)}", expected=expected, fix="name every axis in dims")
        return {}, {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        return x.transpose(0, *self.dims), state

    def output_mask(self, x: Any, mask: Any) -> Any:
        if self.dims[:1] != (1,):
            refuse_mask(mask, f"Permute({self.dims})", "keep the time axis first in dims, or drop mask_zero=True")
        return mask


@spec
class RepeatVector(Layer):
    """y_t = x for t = 1 ... n            x: (batch, features)   y: (batch, n, features)

    n:  how often x is repeated: the number of time steps of y.

    Raises:
        ShapeError: the input is not one vector per sample.
        LiuliError: the input carries a mask.

    Example:
        >>> from liuli import layers
        >>> layers.RepeatVector(10)
        RepeatVector(10)
    """

    n: int = setting(least=1)

    takes_integers: ClassVar[bool] = True

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        require_rank(x, 2, "(batch, features)")
        return {}, {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        return jnp.repeat(x[:, None], self.n, axis=1), state

    def output_mask(self, x: Any, mask: Any) -> None:
        refuse_mask(mask, "RepeatVector", "end the sequence first, with layers.LSTM(units)")
