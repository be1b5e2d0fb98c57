"""Windows that slide over an image: how many fit, what is padded or cut off, and the elements that they see.

One axis of n elements, windows of k elements that are d apart, s between windows, reach r = (k - 1) d + 1:
``"valid"`` gives (n - r) // s + 1 outputs, ``"same"`` ceil(n / s), padded evenly and, where odd, more at the end.
"""

from __future__ import annotations

from typing import Literal

import jax
import jax.numpy as jnp

Pair = tuple[int, int]
Padding = Literal["valid", "same"]


def reach(window: int, dilation: int = 1) -> int:
    """How many elements lie between the ends of a window, the ends included."""
    return (window - 1) * dilation + 1


def fit(size: int, window: int, stride: int, dilation: int, padding: Padding) -> tuple[int, Pair]:
    """The outputs along one axis, and the padding on both sides; what no window sees is cut off (negative padding)."""
    span = reach(window, dilation)
    outputs = -(-size // stride) if padding == "same" else (size - span) // stride + 1
    short = (outputs - 1) * stride + span - size
    before = max(short, 0) // 2 if padding == "same" else 0
    return outputs, (before, short - before)


def fitted(x: jax.Array, window: Pair, strides: Pair, dilation: Pair, padding: Padding, fill: float) -> jax.Array:
    """``x`` (batch, height, width, channels), padded with ``fill`` or cut so that its windows cover it exactly."""
    sides = [fit(*axis, padding)[1] for axis in zip(x.shape[1:3], window, strides, dilation, strict=True)]
    return jax.lax.pad(x, jnp.asarray(fill, x.dtype), [(0, 0, 0), *((*side, 0) for side in sides), (0, 0, 0)])


def views(x: jax.Array, window: Pair, strides: Pair, dilation: Pair) -> list[jax.Array]:
    """For each place in the window, row by row, what all windows over a fitted ``x`` see there."""
    spans = [size - reach(k, d) + 1 for size, k, d in zip(x.shape[1:3], window, dilation, strict=True)]
    return [
        jax.lax.slice(
            x,
            (0, i * dilation[0], j * dilation[1], 0),
            (x.shape[0], i * dilation[0] + spans[0], j * dilation[1] + spans[1], x.shape[3]),
            (1, *strides, 1),
        )
        for i in range(window[0])
        for j in range(window[1])
    ]
