"""Tones spread so that each occurs about equally often: the tone becomes its place in the cumulated histogram.

Both work in training and in use, and their derivative is 0: a histogram is made of counts.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from liuli.core.errors import ShapeError
from liuli.core.specs import setting, spec
from liuli.layers.augmentation.base import Augmentation, Span, wide
from liuli.layers.base import Params, Shape, State, shown

__all__ = ["ContrastLimitedAdaptiveHistogramEqualization", "Equalization"]

_EIGHT_BITS = (0.0, 255.0)
_BINS = 256


@spec
class Equalization(Augmentation):
    """y = low + (high - low) (H(x) - H_min) / (N - H_min)            x, y: (batch, height, width, n)

    H(x): how many of the N pixels of the channel lie in the bin of x or below; H_min: in the first bin that has any.

    Reference: Gonzalez and Woods, *Digital Image Processing*, section 3.3.

    value_range:  low and high, the range of the images' values.
    bins:         how many tones are told apart.

    Example:
        >>> from liuli import layers
        >>> layers.Equalization(bins=64)
        Equalization(bins=64)
    """

    value_range: Span = _EIGHT_BITS
    bins: int = setting(default=256, least=2)

    def change(self, key: jax.Array, image: jax.Array) -> jax.Array:
        channels = jnp.moveaxis(image, -1, 0)
        return jnp.moveaxis(jax.vmap(self._equalized)(channels), 0, -1)

    def unchanged(self, x: jax.Array) -> jax.Array:
        return jax.vmap(lambda image: self.change(jax.random.key(0), image))(x)

    def _equalized(self, channel: jax.Array) -> jax.Array:
        tone = _bin(channel, self.value_range, self.bins)
        counts = jnp.zeros(self.bins, wide(channel)).at[tone].add(1)
        below = jnp.cumsum(counts)
        first = counts[jnp.argmax(counts > 0)]
        rest = channel.size - first
        share = (below[tone] - first) / jnp.where(rest > 0, rest, 1)
        low, high = self.value_range
        return jnp.where(rest > 0, (low + (high - low) * share).astype(channel.dtype), jax.lax.stop_gradient(channel))


@spec
class ContrastLimitedAdaptiveHistogramEqualization(Augmentation):
    """y = x equalized by the histograms of the tiles around each pixel, their counts limited

    x, y: (batch, height, width, n)

    A bin of a tile holds at most clip_limit times the mean count; what is cut off is spread over all bins. Between the
    centres of tiles the tones are interpolated.

    Reference: Zuiderveld, *Contrast Limited Adaptive Histogram Equalization*, Graphics Gems IV, 1994.

    value_range:     the range of the images' values.
    clip_limit:      how far a tile's contrast may rise.
    tile_grid_size:  how many tiles there are down and across; height and width must be multiples of them.

    Raises:
        ShapeError: the tiles do not divide the image.

    Example:
        >>> from liuli import layers
        >>> layers.ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=4)
        ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=(4, 4))
    """

    value_range: Span = _EIGHT_BITS
    clip_limit: float = setting(default=4.0, least=1.0)
    tile_grid_size: tuple[int, int] = setting(default=(8, 8), least=1)

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        super().init(key, x)
        if any(size % tiles for size, tiles in zip(x.shape[1:3], self.tile_grid_size, strict=True)):
            expected = f"a height and width that are multiples of {self.tile_grid_size}"
            fix = "tile_grid_size=1, or layers.Resizing before it"
            raise ShapeError("", got=f"an input of shape {shown(x)}", expected=expected, fix=fix)
        return {}, {}

    def change(self, key: jax.Array, image: jax.Array) -> jax.Array:
        channels = jnp.moveaxis(image, -1, 0)
        return jnp.moveaxis(jax.vmap(self._equalized)(channels), 0, -1)

    def unchanged(self, x: jax.Array) -> jax.Array:
        return jax.vmap(lambda image: self.change(jax.random.key(0), image))(x)

    def _equalized(self, channel: jax.Array) -> jax.Array:
        tone, (down, across) = _bin(channel, self.value_range, _BINS), self.tile_grid_size
        height, width = channel.shape
        tiles = tone.reshape(down, height // down, across, width // across).swapaxes(1, 2).reshape(down * across, -1)
        tables = jax.vmap(self._table)(tiles).reshape(down, across, _BINS).astype(wide(channel))
        rows, columns = _between(height, down, tables.dtype), _between(width, across, tables.dtype)
        total = jnp.zeros(channel.shape, tables.dtype)
        for row, row_weight in rows:
            for column, column_weight in columns:
                seen = tables[row[:, None], column[None, :], tone]
                total = total + row_weight[:, None] * column_weight[None, :] * seen
        low, high = self.value_range
        return (low + (high - low) * total).astype(channel.dtype)

    def _table(self, tones: jax.Array) -> jax.Array:
        """The new tone of each bin, between 0 and 1."""
        counts = jnp.zeros(_BINS, jnp.float32).at[tones].add(1)
        limit = max(1.0, self.clip_limit * tones.size / _BINS)
        kept = jnp.minimum(counts, limit)
        return jnp.cumsum(kept + (counts - kept).sum() / _BINS) / tones.size


def _bin(channel: jax.Array, span: Span, bins: int) -> jax.Array:
    share = (channel.astype(wide(channel)) - span[0]) / (span[1] - span[0])
    return jnp.clip(jnp.floor(share * (bins - 1) + 0.5), 0, bins - 1).astype(jnp.int32)


def _between(size: int, tiles: int, dtype: Any) -> list[tuple[jax.Array, jax.Array]]:
    """For each pixel along an axis the two tiles whose centres are nearest, and their weights."""
    at = (jnp.arange(size, dtype=dtype) + 0.5) / (size // tiles) - 0.5
    low = jnp.floor(at)
    up = at - low
    return [(jnp.clip(low + i, 0, tiles - 1).astype(jnp.int32), w) for i, w in ((0, 1 - up), (1, up))]
