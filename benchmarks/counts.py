"""Multiply-adds of one sample's way forward, counted by hand; those of matrix products and convolutions only.

Training is counted as three times that: forward, the gradient of the inputs, the gradient of the weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any


def forward(network: str, sizes: dict[str, Any]) -> int | None:
    """The count for a network of these sizes; None where nobody counted."""
    count: Callable[..., int] | None = _COUNTS.get(network)
    return count(**sizes) if count else None


def mlp(sizes: Sequence[int], **_: Any) -> int:
    return sum(n * m for n, m in pairwise(sizes))


def cnn(shape: tuple[int, int, int], filters: Sequence[int], dense: int) -> int:
    height, width, channels = shape
    total = 0
    for wide in filters:
        total += height * width * 9 * channels * wide
        height, width, channels = height // 2, width // 2, wide
    return total + mlp((height * width * channels, dense, 10))


def residual(shape: tuple[int, int, int], widths: Sequence[int], blocks: int) -> int:
    side, channels = shape[0], widths[0]
    total = side * side * 9 * shape[2] * channels
    for stage, wide in enumerate(widths):
        for block in range(blocks):
            narrowing = stage > 0 and block == 0
            side = side // 2 if narrowing else side
            total += side * side * wide * (9 * channels + 9 * wide + (channels if narrowing else 0))
            channels = wide
    return total + channels * 10


def separable(shape: tuple[int, int, int], stem: int, stages: Sequence[tuple[int, int]]) -> int:
    side, channels = shape[0], stem
    total = side * side * 9 * shape[2] * stem
    for wide, stride in stages:
        side //= stride
        total += side * side * channels * (9 + wide)
        channels = wide
    return total + channels * 10


def recurrent(cell: str, steps: int, features: int, units: int) -> int:
    gates = {"lstm": 4, "gru": 3}[cell]
    return steps * gates * units * (features + units) + units * 10


def transformer(vocabulary: int, length: int, size: int, heads: int, blocks: int) -> int:
    """Scores and contexts are counted whole, though half of them lie in the future."""
    projections, scores, network = 4 * size * size, 2 * length * size, 8 * size * size
    return length * (blocks * (projections + scores + network) + size * vocabulary)


_COUNTS: dict[str, Callable[..., int]] = {
    "mlp": mlp,
    "cnn": cnn,
    "residual": residual,
    "separable": separable,
    "recurrent": recurrent,
    "transformer": transformer,
}
