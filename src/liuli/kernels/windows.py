"""Windows that slide over space: how many fit, what is padded or cut off, and the elements that they see.

Space has one axis (a sequence), two (an image) or three (a volume). Along one axis of n elements, with windows of k
elements that are d apart, s between windows, reach r = (k - 1) d + 1:
``"valid"`` gives (n - r) // s + 1 outputs; ``"same"`` ceil(n / s), padded evenly and, where odd, more at the end;
``"causal"`` ceil(n / s), padded at the start alone, so that no window sees what comes after its last element.
"""

from __future__ import annotations

import itertools
from typing import Literal

import jax
import jax.numpy as jnp

Pair = tuple[int, int]
Triple = tuple[int, int, int]
Sizes = tuple[int, ...]  # one number for each axis of space
Padding = Literal["valid", "same"]
CausalPadding = Literal["valid", "same", "causal"]


def reach(window: int, dilation: int = 1) -> int:
    """How many elements lie between the ends of a window, the ends included."""
    return (window - 1) * dilation + 1


def fit(size: int, window: int, stride: int, dilation: int, padding: CausalPadding) -> tuple[int, Pair]:
    """The outputs along one axis, and the padding on both sides; what no window sees is cut off (negative padding)."""
    span = reach(window, dilation)
    outputs = (size - span) // stride + 1 if padding == "valid" else -(-size // stride)
    short = (outputs - 1) * stride + span - size
    before = {"valid": 0, "same": max(short, 0) // 2, "causal": span - 1}[padding]
    return outputs, (before, short - before)


def sides(space: Sizes, window: Sizes, strides: Sizes, dilation: Sizes, padding: CausalPadding) -> list[Pair]:
    """The padding on both sides of each axis of space."""
    return [fit(*axis, padding)[1] for axis in zip(space, window, strides, dilation, strict=True)]


def fitted(
    x: jax.Array, window: Sizes, strides: Sizes, dilation: Sizes, padding: CausalPadding, fill: float
) -> jax.Array:
    """``x`` (batch, *space, channels), padded with ``fill`` or cut so that its windows cover it exactly."""
    around = sides(x.shape[1:-1], window, strides, dilation, padding)
    return jax.lax.pad(x, jnp.asarray(fill, x.dtype), [(0, 0, 0), *((*side, 0) for side in around), (0, 0, 0)])


def views(x: jax.Array, window: Sizes, strides: Sizes, dilation: Sizes) -> list[jax.Array]:
    """For each place in the window, the last axis first, what all windows over a fitted ``x`` see there."""
    spans = [size - reach(k, d) + 1 for size, k, d in zip(x.shape[1:-1], window, dilation, strict=True)]
    seen = []
    for place in itertools.product(*map(range, window)):
        starts = [i * d for i, d in zip(place, dilation, strict=True)]
        ends = [start + span for start, span in zip(starts, spans, strict=True)]
        seen.append(jax.lax.slice(x, (0, *starts, 0), (x.shape[0], *ends, x.shape[-1]), (1, *strides, 1)))
    return seen
