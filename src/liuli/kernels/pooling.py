"""Pooling over one, two or three axes of space, channels last: the maximum or the mean of what each window sees.

Where there is a mask, elements at which it is False do not count, and a window in which none counts gives 0.
"""

from __future__ import annotations

import functools
import itertools
import math
import operator
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np

from liuli.kernels.windows import Padding, Sizes, fit, fitted, views

_AT_ONCE = 4  # elements of a window that are looked at in one pass; more axis by axis, which is less work


def max_pool(
    x: jax.Array, window: Sizes, strides: Sizes, padding: Padding = "valid", mask: jax.Array | None = None
) -> jax.Array:
    """y = the largest of each window            x: (batch, *space, channels)   mask: (batch, *space)

    The gradient goes to the largest element; where several are equal, to the first of them, row by row.
    """
    if mask is not None:
        largest = max_pool(jnp.where(mask[..., None], x, -jnp.inf), window, strides, padding)
        return jnp.where(counted(mask, window, strides, padding)[..., None] > 0, largest, 0)
    x = fitted(x, window, strides, _ones(window), padding, -jnp.inf)
    if jax.default_backend() != "cpu":
        return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, *window, 1), (1, *strides, 1), "VALID")
    if window == strides and math.prod(window) <= _AT_ONCE:
        return _largest(x, window, strides)
    for axis, line, steps in _axis_by_axis(window, strides):
        x = _largest_of_tiles(x, axis, line[axis - 1]) if line == steps else _largest(x, line, steps)
    return x


def average_pool(
    x: jax.Array, window: Sizes, strides: Sizes, padding: Padding = "valid", mask: jax.Array | None = None
) -> jax.Array:
    """y = the mean of each window, padding not counted        x: (batch, *space, channels)   mask: (batch, *space)"""
    if mask is None:
        counts = jnp.asarray(_counts(x.shape[1:-1], window, strides, padding), x.dtype)  # (1, *space, 1)
    else:
        counts = jnp.maximum(counted(mask, window, strides, padding), 1).astype(x.dtype)[..., None]
        x = jnp.where(mask[..., None], x, 0)
    x = fitted(x, window, strides, _ones(window), padding, 0.0)
    if jax.default_backend() != "cpu":
        return jax.lax.reduce_window(x, 0.0, jax.lax.add, (1, *window, 1), (1, *strides, 1), "VALID") / counts
    return _sums(x, window, strides) / counts


def counted(mask: jax.Array, window: Sizes, strides: Sizes, padding: Padding) -> jax.Array:
    """How many elements of each window count            mask: (batch, *space)"""
    ones = fitted(mask.astype(jnp.int32)[..., None], window, strides, _ones(window), padding, 0)
    return _sums(ones, window, strides)[..., 0]


def adaptive_max_pool(x: jax.Array, sizes: Sizes) -> jax.Array:
    """y = the largest of each bin            x: (batch, *space, channels)   y: (batch, *sizes, channels)

    Along an axis of n elements, bin i of m goes from floor(i n / m) up to, not including, ceil((i + 1) n / m).
    The gradient goes to the largest element; where several are equal, to the first of them, row by row.
    """
    window = []
    for axis, bins in enumerate(sizes, 1):
        x, inside = _binned(x, bins, axis)
        window.append(inside.shape[1])
    return max_pool(x, tuple(window), tuple(window))


def adaptive_average_pool(x: jax.Array, sizes: Sizes) -> jax.Array:
    """y = the mean of each bin, the bins as in :func:`adaptive_max_pool`"""
    for axis, bins in enumerate(sizes, 1):
        x, inside = _binned(x, bins, axis)
        length = inside.shape[1]
        inside = inside.reshape(*(1,) * axis, *inside.shape, *(1,) * (x.ndim - axis - 1))
        total = jnp.where(inside, _tiled(x, axis, length), 0).sum(axis + 1)
        x = total / jnp.asarray(inside.sum(axis + 1), x.dtype)
    return x


def _binned(x: jax.Array, bins: int, axis: int) -> tuple[jax.Array, np.ndarray]:
    """The bins along ``axis`` side by side, short ones repeating their last element; (bins, length): which are no
    repetition."""
    size = x.shape[axis]
    start = np.arange(bins) * size // bins
    last = -(-(np.arange(bins) + 1) * size // bins) - 1
    place = start[:, None] + np.arange((last - start).max() + 1)
    if place.size > size:  # else the bins lie side by side as they are
        x = jnp.take(x, np.minimum(place, last[:, None]).ravel(), axis=axis, mode="clip")
    return x, place <= last[:, None]


def _tiled(x: jax.Array, axis: int, length: int) -> jax.Array:
    """``x`` with ``axis`` cut into tiles of ``length``, on an axis of their own: (..., tiles, length, ...)."""
    return x.reshape(*x.shape[:axis], x.shape[axis] // length, length, *x.shape[axis + 1 :])


def _ones(window: Sizes) -> Sizes:
    return (1,) * len(window)


def _axis_by_axis(window: Sizes, strides: Sizes) -> Iterator[tuple[int, Sizes, Sizes]]:
    """Axes, the last first, with windows and strides along them alone: together they see what ``window`` sees."""
    for axis in range(len(window), 0, -1):
        before, after = _ones(window[: axis - 1]), _ones(window[axis:])
        yield axis, (*before, window[axis - 1], *after), (*before, strides[axis - 1], *after)


def _sums(x: jax.Array, window: Sizes, strides: Sizes) -> jax.Array:
    """The sum of each window over a fitted ``x``."""
    for _, line, steps in _axis_by_axis(window, strides):
        x = _total(views(x, line, steps, _ones(window)))
    return x


def _total(values: list[jax.Array]) -> jax.Array:
    return functools.reduce(operator.add, values)


def _counts(space: Sizes, window: Sizes, strides: Sizes, padding: Padding) -> np.ndarray:
    """How many real elements each window sees: (1, *space, 1)."""
    each = []
    for size, k, s in zip(space, window, strides, strict=True):
        outputs, (before, _) = fit(size, k, s, 1, padding)
        start = np.arange(outputs) * s - before
        each.append(np.minimum(start + k, size) - np.maximum(start, 0))
    return functools.reduce(np.multiply.outer, each)[None, ..., None]


@functools.partial(jax.custom_vjp, nondiff_argnums=(1, 2))
def _largest(x: jax.Array, window: Sizes, strides: Sizes) -> jax.Array:
    return _largest_and_where(x, window, strides)[0]


def _largest_and_where(x: jax.Array, window: Sizes, strides: Sizes) -> tuple[jax.Array, jax.Array]:
    """The largest of each window, and its place in the window, counted row by row."""
    first, *others = views(x, window, strides, _ones(window))
    kind = jnp.uint8 if len(others) < 256 else jnp.int32
    y, where = first, jnp.zeros(first.shape, kind)
    for place, value in enumerate(others, 1):
        where = jnp.where(value > y, jnp.asarray(place, kind), where)
        y = jnp.maximum(y, value)
    return y, where


def _to_largest(window: Sizes, strides: Sizes, where: jax.Array, g: jax.Array) -> tuple[jax.Array]:
    """The gradient of the windows, put where the largest elements were."""
    if window == strides:
        inner = tuple(range(2, 2 * len(window) + 1, 2))  # (batch, height, 1, width, 1, channels)
        sizes = itertools.chain(*((1, k) for k in window))
        places = jnp.arange(math.prod(window), dtype=where.dtype).reshape(1, *sizes, 1)
        spread = jnp.where(jnp.expand_dims(where, inner) == places, jnp.expand_dims(g, inner), 0)
        space = [size * k for size, k in zip(g.shape[1:-1], window, strict=True)]
        return (spread.reshape(g.shape[0], *space, g.shape[-1]),)
    zero = jnp.zeros((), g.dtype)
    put = []
    for place, starts in enumerate(itertools.product(*map(range, window))):
        around = [(i, k - 1 - i, s - 1) for i, k, s in zip(starts, window, strides, strict=True)]
        put.append(jax.lax.pad(jnp.where(where == place, g, 0), zero, [(0, 0, 0), *around, (0, 0, 0)]))
    return (_total(put),)


_largest.defvjp(_largest_and_where, _to_largest)


@functools.partial(jax.custom_vjp, nondiff_argnums=(1, 2))
def _largest_of_tiles(x: jax.Array, axis: int, length: int) -> jax.Array:
    return _largest_of_tiles_and_where(x, axis, length)[0]


def _largest_of_tiles_and_where(x: jax.Array, axis: int, length: int) -> tuple[jax.Array, jax.Array]:
    """The largest of windows that lie side by side along one axis, and its place in the window."""
    apart = _tiled(x, axis, length)
    y = apart.max(axis + 1)
    places = jax.lax.broadcasted_iota(jnp.int32, apart.shape, axis + 1)
    return y, jnp.where(apart == jnp.expand_dims(y, axis + 1), places, length).min(axis + 1)


def _to_largest_of_tiles(axis: int, length: int, where: jax.Array, g: jax.Array) -> tuple[jax.Array]:
    apart = (*g.shape[: axis + 1], length, *g.shape[axis + 1 :])
    mine = jnp.expand_dims(where, axis + 1) == jax.lax.broadcasted_iota(jnp.int32, apart, axis + 1)
    spread = jnp.where(mine, jnp.expand_dims(g, axis + 1), 0)
    return (spread.reshape(*g.shape[:axis], g.shape[axis] * length, *g.shape[axis + 1 :]),)


_largest_of_tiles.defvjp(_largest_of_tiles_and_where, _to_largest_of_tiles)
