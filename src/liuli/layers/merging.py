"""Layers that make one value of several."""

from __future__ import annotations

import functools
import operator
from typing import Any

import jax
import jax.numpy as jnp

from liuli.core.errors import ShapeError, SpecError
from liuli.core.specs import spec
from liuli.layers.base import Context, Layer, Params, Shape, State, shown
from liuli.layers.masks import all_of, joined

__all__ = ["Add", "Concatenate"]

Arrays = tuple[jax.Array, ...]


@spec
class Add(Layer):
    """y = x_1 + x_2 + ...            all of one shape

    Reference: as a shortcut around layers, He, Zhang, Ren and Sun, *Deep Residual Learning*, CVPR 2016.

    Raises:
        ShapeError: fewer than two inputs, or of different shapes; nothing is broadcast.

    Example:
        >>> from liuli import layers
        >>> layers.Add()
        Add()
    """

    def init(self, key: jax.Array, x: tuple[Shape, ...]) -> tuple[Params, State]:
        _require_several(x)
        for other in x[1:]:
            if other.shape[1:] != x[0].shape[1:]:
                raise _mismatch(
                    x[0], other, "equal shapes", f"bring both to {shown(x[0])}, with layers.Dense or Reshape"
                )
        return {}, {}

    def apply(self, params: Params, state: State, x: Arrays, ctx: Context) -> tuple[jax.Array, State]:
        return functools.reduce(operator.add, x), state

    def output_mask(self, x: Arrays, mask: Any) -> Any:
        return all_of(mask)


@spec
class Concatenate(Layer):
    """y = [x_1, x_2, ...] along one axis            all of one shape but for that axis

    Masks are joined where the axis is time; along any other, a step counts where it does in every input.

    axis:  along which the inputs follow each other; the batch is axis 0, and cannot be it.

    Raises:
        ShapeError: fewer than two inputs, or shapes that differ elsewhere.

    Example:
        >>> from liuli import layers
        >>> layers.Concatenate()
        Concatenate()
    """

    axis: int = -1

    def check(self) -> None:
        if self.axis == 0:
            raise SpecError("Concatenate.axis", got="0, the batch", expected="an axis within a sample", fix="axis=-1")

    def init(self, key: jax.Array, x: tuple[Shape, ...]) -> tuple[Params, State]:
        _require_several(x)
        if not 1 <= self._axis(x) < x[0].ndim:
            got, most = f"axis={self.axis} for inputs of shape {shown(x[0])}", x[0].ndim - 1
            raise ShapeError("", got=got, expected=f"an axis from 1 to {most}, or from {-most} to -1", fix="axis=-1")
        for other in x[1:]:
            if self._rest(other) != self._rest(x[0]):
                fix = "set axis to the one that differs, or Reshape one of them"
                raise _mismatch(x[0], other, f"shapes that agree but for axis {self._axis(x)}", fix)
        return {}, {}

    def apply(self, params: Params, state: State, x: Arrays, ctx: Context) -> tuple[jax.Array, State]:
        return jnp.concatenate(x, self.axis), state

    def output_mask(self, x: Arrays, mask: Any) -> Any:
        return joined(mask, x) if self._axis(x) == 1 else all_of(mask)

    def _axis(self, x: Any) -> int:
        return self.axis % x[0].ndim if -x[0].ndim <= self.axis < 0 else self.axis

    def _rest(self, x: Shape) -> tuple[int, ...]:
        """The sizes that must agree: all but the batch's and the axis's; as many as there are axes."""
        axis = self._axis((x,))
        return tuple(0 if i == axis else n for i, n in enumerate(x.shape[1:], 1))


def _require_several(x: Any) -> None:
    if not isinstance(x, tuple) or len(x) < 2:
        raise ShapeError("", got="one input", expected="two or more", fix="give a list of values: layers.Add()([a, b])")


def _mismatch(first: Shape, other: Shape, expected: str, fix: str) -> ShapeError:
    return ShapeError("", got=f"inputs of shapes {shown(first)} and {shown(other)}", expected=expected, fix=fix)
