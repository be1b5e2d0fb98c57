"""Inputs with space in them: sequences, images and volumes, channels last."""

from __future__ import annotations

from liuli.core.errors import ShapeError
from liuli.kernels.windows import CausalPadding, Sizes, reach
from liuli.layers.base import Shape, require_rank, shown

AXES = {
    1: "(batch, steps, channels)",
    2: "(batch, height, width, channels)",
    3: "(batch, depth, height, width, channels)",
}
_NOUNS = {1: "sequences", 2: "images", 3: "volumes"}


def require_space(x: Shape, rank: int) -> None:
    """Raise ShapeError unless ``x`` is a batch of sequences (rank 1), images (2) or volumes (3) that are not empty."""
    require_rank(x, rank + 2, AXES[rank])
    if 0 in x.shape[1:]:
        got = f"an input of shape {shown(x)}"
        raise ShapeError("", got=got, expected=f"{_NOUNS[rank]} that are not empty", fix="look at the data")


def require_windows(x: Shape, window: Sizes, dilation: Sizes, padding: CausalPadding) -> None:
    """Raise ShapeError unless ``x`` has as many axes of space as ``window``, each with room for it."""
    require_space(x, len(window))
    spans = [reach(k, d) for k, d in zip(window, dilation, strict=True)]
    if padding == "valid" and any(span > size for span, size in zip(spans, x.shape[1:-1], strict=True)):
        size = " x ".join(map(str, x.shape[1:-1]))
        got = f"{_NOUNS[len(window)]} of {size}, of an input of shape {shown(x)}"
        fix = 'use padding="same", or fewer pooling layers before it'
        expected = f"at least {' x '.join(map(str, spans))}, which the window covers"
        raise ShapeError("", got=got, expected=expected, fix=fix)
