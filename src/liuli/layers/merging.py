"""Layers that make one value of several."""

from __future__ import annotations

import functools
import operator
from typing import Any

import jax
import jax.numpy as jnp

from liuli.core.errors import ShapeError, SpecError
from liuli.core.specs import abstract, spec
from liuli.layers.axes import places, unit
from liuli.layers.base import Context, Layer, Params, Shape, State, shown
from liuli.layers.masks import all_of, joined, refuse_mask

__all__ = ["Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract"]

Arrays = tuple[jax.Array, ...]


@abstract
class _Elementwise(Layer):
    """The base of layers that join values of one shape, element by element."""

    def init(self, key: jax.Array, x: tuple[Shape, ...]) -> tuple[Params, State]:
        _require_several(x)
        for other in x[1:]:
            if other.shape[1:] != x[0].shape[1:]:
                raise _mismatch(
                    x[0], other, "equal shapes", f"bring both to {shown(x[0])}, with layers.Dense or Reshape"
                )
        return {}, {}

    def output_mask(self, x: Arrays, mask: Any) -> Any:
        return all_of(mask)


@spec
class Add(_Elementwise):
    """y = x_1 + x_2 + ...            all of one shape

    Reference: as a shortcut around layers, He, Zhang, Ren and Sun, *Deep Residual Learning*, CVPR 2016.

    Raises:
        ShapeError: fewer than two inputs, or of different shapes; nothing is broadcast.

    Example:
        >>> from liuli import layers
        >>> layers.Add()
        Add()
    """

    def apply(self, params: Params, state: State, x: Arrays, ctx: Context) -> tuple[jax.Array, State]:
        return functools.reduce(operator.add, x), state


@spec
class Subtract(_Elementwise):
    """y = x_1 - x_2            both of one shape

    Raises:
        ShapeError: not two inputs, or of different shapes; nothing is broadcast.

    Example:
        >>> from liuli import layers
        >>> layers.Subtract()
        Subtract()
    """

    def init(self, key: jax.Array, x: tuple[Shape, ...]) -> tuple[Params, State]:
        _require_two(x)
        return super().init(key, x)

    def apply(self, params: Params, state: State, x: Arrays, ctx: Context) -> tuple[jax.Array, State]:
        return x[0] - x[1], state


@spec
class Multiply(_Elementwise):
    """y = x_1 x_2 ...            element by element, all of one shape

    Reference: as a gate, Hochreiter and Schmidhuber, *Long Short-Term Memory*, 1997.

    Raises:
        ShapeError: fewer than two inputs, or of different shapes; nothing is broadcast.

    Example:
        >>> from liuli import layers
        >>> layers.Multiply()
        Multiply()
    """

    def apply(self, params: Params, state: State, x: Arrays, ctx: Context) -> tuple[jax.Array, State]:
        return functools.reduce(operator.mul, x), state


@spec
class Average(_Elementwise):
    """y = (x_1 + ... + x_k) / k            all of one shape

    Reference: of networks, Hansen and Salamon, *Neural Network Ensembles*, 1990.

    Raises:
        ShapeError: fewer than two inputs, or of different shapes; nothing is broadcast.

    Example:
        >>> from liuli import layers
        >>> layers.Average()
        Average()
    """

    def apply(self, params: Params, state: State, x: Arrays, ctx: Context) -> tuple[jax.Array, State]:
        return functools.reduce(operator.add, x) / len(x), state


@spec
class Maximum(_Elementwise):
    """y = max(x_1, x_2, ...)            element by element, all of one shape

    The gradient goes to the largest; two that are equal take half of it each.

    Raises:
        ShapeError: fewer than two inputs, or of different shapes; nothing is broadcast.

    Example:
        >>> from liuli import layers
        >>> layers.Maximum()
        Maximum()
    """

    def apply(self, params: Params, state: State, x: Arrays, ctx: Context) -> tuple[jax.Array, State]:
        return functools.reduce(jnp.maximum, x), state


@spec
class Minimum(_Elementwise):
    """y = min(x_1, x_2, ...)            element by element, all of one shape

    The gradient goes to the smallest; two that are equal take half of it each.

    Raises:
        ShapeError: fewer than two inputs, or of different shapes; nothing is broadcast.

    Example:
        >>> from liuli import layers
        >>> layers.Minimum()
        Minimum()
    """

    def apply(self, params: Params, state: State, x: Arrays, ctx: Context) -> tuple[jax.Array, State]:
        return functools.reduce(jnp.minimum, x), state


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


@spec
class Dot(Layer):
    """y = sum over i of x1[..., i, ...] x2[..., i, ...], for each sample alone

    y has the axes of x1 that are left, then those of x2: (batch, m, n) and (batch, k, n) give (batch, m, k) along axis
    2. Of two vectors for each sample y is (batch, 1).

    Reference: as a score of likeness, Luong, Pham and Manning, *Effective Approaches to Attention-based Neural Machine
    Translation*, EMNLP 2015.

    axes:       the axis of i: one for both inputs, or one for each; the batch is axis 0, and cannot be it.
    normalize:  whether vectors along that axis are brought to length 1 before, so that y is their cosine.

    Raises:
        ShapeError: not two inputs, no such axis, or of different sizes along it.
        LiuliError: an input carries a mask.

    Example:
        >>> from liuli import layers
        >>> layers.Dot(-1, normalize=True)
        Dot(-1, normalize=True)
    """

    axes: int | tuple[int, int]
    normalize: bool = False

    def init(self, key: jax.Array, x: tuple[Shape, ...]) -> tuple[Params, State]:
        _require_two(x)
        first, second = self._axes(x)
        if x[0].shape[first] != x[1].shape[second]:
            fix = "set axes to axes of one size, or Permute one of them"
            raise _mismatch(x[0], x[1], f"one size along axis {first} and axis {second}", fix)
        return {}, {}

    def apply(self, params: Params, state: State, x: Arrays, ctx: Context) -> tuple[jax.Array, State]:
        axes = self._axes(x)
        if self.normalize:
            x = tuple(unit(one, axis) for one, axis in zip(x, axes, strict=True))
        y = jax.lax.dot_general(x[0], x[1], (((axes[0],), (axes[1],)), ((0,), (0,))))
        return (y[:, None] if y.ndim == 1 else y), state

    def output_mask(self, x: Arrays, mask: Any) -> None:
        refuse_mask(all_of(mask), "Dot", "drop mask_zero=True")

    def _axes(self, x: Any) -> tuple[int, ...]:
        axes = (self.axes, self.axes) if isinstance(self.axes, int) else self.axes
        return tuple(places(axis, one)[0] for axis, one in zip(axes, x, strict=True))


def _require_two(x: Any) -> None:
    if not isinstance(x, tuple) or len(x) != 2:
        got = f"{len(x)} inputs" if isinstance(x, tuple) else "one input"
        raise ShapeError("", got=got, expected="two", fix="give a list of two values: layers.Subtract()([a, b])")


def _require_several(x: Any) -> None:
    if not isinstance(x, tuple) or len(x) < 2:
        raise ShapeError("", got="one input", expected="two or more", fix="give a list of values: layers.Add()([a, b])")


def _mismatch(first: Shape, other: Shape, expected: str, fix: str) -> ShapeError:
    return ShapeError("", got=f"inputs of shapes {shown(first)} and {shown(other)}", expected=expected, fix=fix)
