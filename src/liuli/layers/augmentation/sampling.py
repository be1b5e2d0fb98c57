"""An image looked at between its pixels: y[r, c] = image at (row[r, c], column[r, c]), by weights of its neighbours."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from liuli.layers.augmentation.base import FillMode, Interpolation, wide

Grid = tuple[jax.Array, jax.Array]  # rows and columns, each (height, width)


def centred(image: jax.Array) -> Grid:
    """The distance of every pixel from the centre of the image, in rows (down) and in columns (to the right)."""
    height, width = image.shape[:2]
    rows = jnp.arange(height, dtype=wide(image)) - (height - 1) / 2
    columns = jnp.arange(width, dtype=wide(image)) - (width - 1) / 2
    return jnp.broadcast_to(rows[:, None], (height, width)), jnp.broadcast_to(columns[None, :], (height, width))


def from_centre(
    image: jax.Array, where: Grid, interpolation: Interpolation, fill_mode: FillMode, fill_value: float
) -> jax.Array:
    """The image at ``where``, distances from its centre."""
    height, width = image.shape[:2]
    return sample(
        image, (where[0] + (height - 1) / 2, where[1] + (width - 1) / 2), interpolation, fill_mode, fill_value
    )


def sample(
    image: jax.Array, where: Grid, interpolation: Interpolation, fill_mode: FillMode, fill_value: float
) -> jax.Array:
    """The image at rows and columns that may lie between its pixels, or outside of it.

    Outside: ``"constant"`` is k k | a b c | k k, ``"nearest"`` a a | a b c | c c, ``"reflect"`` b a | a b c | c b, and
    ``"wrap"`` b c | a b c | a b.
    """
    if interpolation == "nearest":
        row, column = (jnp.floor(at + 0.5).astype(jnp.int32) for at in where)
        return _pixel(image, row, column, fill_mode, fill_value)
    low = [jnp.floor(at) for at in where]
    up = [at - at_low for at, at_low in zip(where, low, strict=True)]
    row, column = (at.astype(jnp.int32) for at in low)
    total = jnp.zeros((*row.shape, image.shape[-1]), wide(image))
    for i, row_weight in ((0, 1 - up[0]), (1, up[0])):
        for j, column_weight in ((0, 1 - up[1]), (1, up[1])):
            seen = _pixel(image, row + i, column + j, fill_mode, fill_value).astype(total.dtype)
            total = total + (row_weight * column_weight)[:, :, None] * seen
    return total.astype(image.dtype)


def _pixel(image: jax.Array, row: jax.Array, column: jax.Array, fill_mode: FillMode, fill_value: float) -> jax.Array:
    height, width = image.shape[:2]
    found = image[_folded(row, height, fill_mode), _folded(column, width, fill_mode)]
    if fill_mode != "constant":
        return found
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    return jnp.where(inside[:, :, None], found, jnp.asarray(fill_value, image.dtype))


def _folded(at: jax.Array, size: int, fill_mode: FillMode) -> jax.Array:
    """Places outside of 0 ... size - 1 brought inside."""
    if fill_mode == "wrap":
        return at % size
    if fill_mode == "reflect":
        at = at % (2 * size)
        return jnp.minimum(at, 2 * size - 1 - at)
    return jnp.clip(at, 0, size - 1)
