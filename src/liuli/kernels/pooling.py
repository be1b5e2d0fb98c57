"""Pooling over images, channels last: the maximum or the mean of what each window sees."""

from __future__ import annotations

import functools
import math
import operator

import jax
import jax.numpy as jnp
import numpy as np

from liuli.kernels.windows import Padding, Pair, fit, fitted, views

_ONE: Pair = (1, 1)
_AT_ONCE = 16  # elements of a window that are looked at in one pass; more in two, rows and columns, which is less work


def max_pool2d(x: jax.Array, window: Pair, strides: Pair, padding: Padding = "valid") -> jax.Array:
    """y = the largest of each window            x: (batch, height, width, channels)

    The gradient goes to the largest element; where several are equal, to the first of them, row by row.
    """
    x = fitted(x, window, strides, _ONE, padding, -jnp.inf)
    if jax.default_backend() != "cpu":
        return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, *window, 1), (1, *strides, 1), "VALID")
    if window == strides and math.prod(window) <= _AT_ONCE:
        return _largest(x, window, strides)
    rows = _largest(x, (1, window[1]), (1, strides[1]))
    return _largest(rows, (window[0], 1), (strides[0], 1))


def average_pool2d(x: jax.Array, window: Pair, strides: Pair, padding: Padding = "valid") -> jax.Array:
    """y = the mean of each window, padding not counted            x: (batch, height, width, channels)"""
    counts = jnp.asarray(_counts(x.shape[1:3], window, strides, padding), x.dtype)  # (1, height, width, 1)
    x = fitted(x, window, strides, _ONE, padding, 0.0)
    if jax.default_backend() != "cpu":
        return jax.lax.reduce_window(x, 0.0, jax.lax.add, (1, *window, 1), (1, *strides, 1), "VALID") / counts
    rows = _total(views(x, (1, window[1]), (1, strides[1]), _ONE))
    return _total(views(rows, (window[0], 1), (strides[0], 1), _ONE)) / counts


def _total(values: list[jax.Array]) -> jax.Array:
    return functools.reduce(operator.add, values)


def _counts(shape: tuple[int, ...], window: Pair, strides: Pair, padding: Padding) -> np.ndarray:
    """How many real elements each window sees: (1, height, width, 1)."""
    each = []
    for size, k, s in zip(shape, window, strides, strict=True):
        outputs, (before, _) = fit(size, k, s, 1, padding)
        start = np.arange(outputs) * s - before
        each.append(np.minimum(start + k, size) - np.maximum(start, 0))
    return np.multiply.outer(*each)[None, :, :, None]


@functools.partial(jax.custom_vjp, nondiff_argnums=(1, 2))
def _largest(x: jax.Array, window: Pair, strides: Pair) -> jax.Array:
    return _largest_and_where(x, window, strides)[0]


def _largest_and_where(x: jax.Array, window: Pair, strides: Pair) -> tuple[jax.Array, jax.Array]:
    """The largest of each window, and its place in the window, counted row by row."""
    first, *others = views(x, window, strides, _ONE)
    kind = jnp.uint8 if len(others) < 256 else jnp.int32
    y, where = first, jnp.zeros(first.shape, kind)
    for place, value in enumerate(others, 1):
        where = jnp.where(value > y, jnp.asarray(place, kind), where)
        y = jnp.maximum(y, value)
    return y, where


def _to_largest(window: Pair, strides: Pair, where: jax.Array, g: jax.Array) -> tuple[jax.Array]:
    """The gradient of the windows, put where the largest elements were."""
    if window == strides:
        batch, height, width, channels = g.shape
        places = jnp.arange(window[0] * window[1], dtype=where.dtype).reshape(1, 1, window[0], 1, window[1], 1)
        mine = where[:, :, None, :, None, :] == places  # (batch, height, rows, width, columns, channels)
        spread = jnp.where(mine, g[:, :, None, :, None, :], 0)
        return (spread.reshape(batch, height * window[0], width * window[1], channels),)
    zero = jnp.zeros((), g.dtype)
    put = []
    for place in range(window[0] * window[1]):
        i, j = divmod(place, window[1])
        rows, columns = (i, window[0] - 1 - i, strides[0] - 1), (j, window[1] - 1 - j, strides[1] - 1)
        put.append(jax.lax.pad(jnp.where(where == place, g, 0), zero, [(0, 0, 0), rows, columns, (0, 0, 0)]))
    return (_total(put),)


_largest.defvjp(_largest_and_where, _to_largest)
