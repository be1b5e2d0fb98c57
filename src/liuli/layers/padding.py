"""Borders: zeros put around sequences, images and volumes, or elements cut off."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from liuli.core.errors import ShapeError, SpecError
from liuli.core.specs import abstract, spec
from liuli.kernels.windows import Pair
from liuli.layers.base import Context, Layer, Params, Shape, State, shown
from liuli.layers.masks import refuse_mask
from liuli.layers.space import require_space

__all__ = [
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
]


Pairs = tuple[Pair, ...]


@abstract
class _Border(Layer):
    """The base of layers that change the border: by ``sides``, how much before and after along each axis of space."""

    takes_integers: ClassVar[bool] = True

    @property
    def sides(self) -> Pairs:
        raise NotImplementedError

    def changed(self, x: jax.Array) -> jax.Array:
        """``x`` (batch, *space, ...) with another border."""
        raise NotImplementedError

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        require_space(x, len(self.sides))
        return {}, {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        return self.changed(x), state

    def output_mask(self, x: Any, mask: Any) -> Any:
        if len(self.sides) > 1:
            refuse_mask(mask, type(self).__name__, "drop mask_zero=True")
        return None if mask is None else self.changed(mask)


@abstract
class _ZeroPadding(_Border):
    """Zeros around; in a mask False, so that they do not count."""

    padding: Any = 1

    def check(self) -> None:
        _require_counts(f"{type(self).__name__}.padding", self.sides)

    @property
    def sides(self) -> Pairs:
        return _pairs(self.padding)

    def changed(self, x: jax.Array) -> jax.Array:
        return jnp.pad(x, [(0, 0), *self.sides, *[(0, 0)] * (x.ndim - 1 - len(self.sides))])


@abstract
class _Cropping(_Border):
    """Elements cut off."""

    cropping: Any = 1

    def check(self) -> None:
        _require_counts(f"{type(self).__name__}.cropping", self.sides)

    @property
    def sides(self) -> Pairs:
        return _pairs(self.cropping)

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        made = super().init(key, x)
        if any(size <= sum(side) for size, side in zip(x.shape[1:-1], self.sides, strict=True)):
            least = " x ".join(str(sum(side) + 1) for side in self.sides)
            got = f"{' x '.join(map(str, x.shape[1:-1]))}, of an input of shape {shown(x)}"
            raise ShapeError("", got=got, expected=f"at least {least}, so that something is left", fix="crop less")
        return made

    def changed(self, x: jax.Array) -> jax.Array:
        space = zip(x.shape[1:], self.sides, strict=False)
        return x[:, *(slice(before, size - after) for size, (before, after) in space)]


def _pairs(border: Any) -> Pairs:
    """The border of sequences, a pair, as that of images and volumes: pairs."""
    return border if isinstance(border[0], tuple) else (border,)


def _require_counts(where: str, sides: Pairs) -> None:
    if min(map(min, sides)) < 0:
        raise SpecError(where, got=str(sides), expected="numbers of at least 0", fix="write 0 where nothing changes")


@spec
class ZeroPadding1D(_ZeroPadding):
    """y = x with zeros before and after            x: (batch, steps, n)   y: (batch, before + steps + after, n)

    What is added to a masked sequence does not count.

    padding:  how many steps before and after; one number stands for both.

    Raises:
        SpecError: a number below 0.
        ShapeError: the input is no sequence.

    Example:
        >>> from liuli import layers
        >>> layers.ZeroPadding1D((2, 0))
        ZeroPadding1D(padding=(2, 0))
    """

    padding: Pair = (1, 1)


@spec
class ZeroPadding2D(_ZeroPadding):
    """y = x with zeros around            x: (batch, height, width, n)   y: (batch, top + height + bottom, ..., n)

    padding:  ((top, bottom), (left, right)); (rows, columns) adds as much on both sides, one number on all four.

    Raises:
        SpecError: a number below 0.
        ShapeError: the input is no image.
        LiuliError: the input carries a mask.

    Example:
        >>> from liuli import layers
        >>> layers.ZeroPadding2D((2, 3))
        ZeroPadding2D(padding=((2, 2), (3, 3)))
    """

    padding: tuple[Pair, Pair] = ((1, 1), (1, 1))


@spec
class ZeroPadding3D(_ZeroPadding):
    """y = x with zeros around        x: (batch, depth, height, width, n)   y: (batch, front + depth + back, ..., n)

    padding:  ((front, back), (top, bottom), (left, right)); three numbers add as much on both sides, one on all six.

    Raises:
        SpecError: a number below 0.
        ShapeError: the input is no volume.
        LiuliError: the input carries a mask.

    Example:
        >>> from liuli import layers
        >>> layers.ZeroPadding3D(2)
        ZeroPadding3D(padding=((2, 2), (2, 2), (2, 2)))
    """

    padding: tuple[Pair, Pair, Pair] = ((1, 1), (1, 1), (1, 1))


@spec
class Cropping1D(_Cropping):
    """y = x without its ends            x: (batch, steps, n)   y: (batch, steps - before - after, n)

    A mask loses the same steps.

    cropping:  how many steps before and after; one number stands for both.

    Raises:
        SpecError: a number below 0.
        ShapeError: the input is no sequence, or nothing of it is left.

    Example:
        >>> from liuli import layers
        >>> layers.Cropping1D((2, 0))
        Cropping1D(cropping=(2, 0))
    """

    cropping: Pair = (1, 1)


@spec
class Cropping2D(_Cropping):
    """y = x without its edges            x: (batch, height, width, n)   y: (batch, height - top - bottom, ..., n)

    cropping:  ((top, bottom), (left, right)); (rows, columns) cuts as much on both sides, one number on all four.

    Raises:
        SpecError: a number below 0.
        ShapeError: the input is no image, or nothing of it is left.
        LiuliError: the input carries a mask.

    Example:
        >>> from liuli import layers
        >>> layers.Cropping2D(((2, 0), (1, 1)))
        Cropping2D(cropping=((2, 0), (1, 1)))
    """

    cropping: tuple[Pair, Pair] = ((0, 0), (0, 0))


@spec
class Cropping3D(_Cropping):
    """y = x without its faces        x: (batch, depth, height, width, n)   y: (batch, depth - front - back, ..., n)

    cropping:  ((front, back), (top, bottom), (left, right)); three numbers cut as much on both sides, one on all six.

    Raises:
        SpecError: a number below 0.
        ShapeError: the input is no volume, or nothing of it is left.
        LiuliError: the input carries a mask.

    Example:
        >>> from liuli import layers
        >>> layers.Cropping3D((2, 0, 1))
        Cropping3D(cropping=((2, 2), (0, 0), (1, 1)))
    """

    cropping: tuple[Pair, Pair, Pair] = ((1, 1), (1, 1), (1, 1))
