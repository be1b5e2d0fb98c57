"""Rows that are images, shown as images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from liuli.core.figures import axis, wrapped


def image_grid(images: np.ndarray, captions: Sequence[str], ax: Any = None, columns: int = 6) -> Any:
    """Images side by side, a caption under each; returns the axis.

    images:    (n, height, width, 1 or 3), 0 to 1.
    captions:  a text for each, on two lines at most.
    ax:        the Matplotlib axis to draw on.
    columns:   how many stand beside each other.
    """
    ax, deep = axis(ax), 1.5
    for i, (image, caption) in enumerate(zip(images, captions, strict=True)):
        left, top = 1.1 * (i % columns), deep * (i // columns)
        shown = image[..., 0] if image.shape[-1] == 1 else image
        ax.imshow(shown, cmap="gray", vmin=0, vmax=1, extent=(left, left + 1, top + 1, top), interpolation="nearest")
        ax.text(left + 0.5, top + 1.04, wrapped(caption, 18), ha="center", va="top", fontsize=8, parse_math=False)
    ax.set(xlim=(-0.05, 1.1 * columns - 0.05), ylim=(deep * -(-len(images) // columns), -0.05), aspect="equal")
    ax.set_axis_off()
    return ax
