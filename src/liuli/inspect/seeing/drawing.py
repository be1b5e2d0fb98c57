"""What the figures have in common: colours, names that are short, tiles beside each other in one axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from liuli.core import figures
from liuli.core.extras import require
from liuli.core.figures import BLUE, GREY, ORANGE, PALE, PALETTE, edges, finite, short, wide

__all__ = [
    "AMOUNT", "BLUE", "GREY", "MARKERS", "ORANGE", "PALE", "PALETTE", "SIGNED", "axis", "bar", "bare", "below",
    "beside", "brief", "dated", "edges", "finite", "hatch", "largest", "short", "tiles", "titled", "wide",
]  # fmt: skip

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")
SIGNED, AMOUNT = "PuOr_r", "cividis"
"""Colours of numbers of both signs, with 0 in the middle; and of amounts, from dark to light."""


def axis(ax: Any) -> Any:
    """The axis that was given, or a new one, in a figure that leaves room for what is written."""
    if ax is None:
        ax = figures.axis(None)
        ax.figure.set_layout_engine("constrained")
    return ax


def brief(number: Any) -> str:
    """A number in three digits.

    >>> brief(0.123456), brief(-0.0)
    ('0.123', '0')
    """
    return f"{float(number) + 0.0:.3g}"


def largest(values: np.ndarray) -> float:
    """The largest size of a number, for colours from its negative to it; 1 where all are 0."""
    return float(np.abs(finite(values)).max(initial=0.0)) or 1.0


def tiles(
    images: np.ndarray,
    titles: Sequence[str] = (),
    ax: Any = None,
    columns: int | None = None,
    cmap: str = "gray",
    limits: tuple[float, float] | None = None,
    square: bool = False,
    room: float = 0.2,
) -> tuple[Any, Any]:
    """Images (n, height, width) or (n, height, width, 3) side by side in one axis; the axis, and what a colour bar
    takes.

    titles:   a text above each, or none.
    columns:  how many stand beside each other; about as many as below each other, by default.
    cmap:     the colours of numbers.
    limits:   the numbers of the first and the last colour; the least and the largest, by default.
    square:   whether every tile is as high as it is wide, whatever its pixels.
    room:     for a title, as a share of the width of a tile.
    """
    ax, (n, height, width) = axis(ax), images.shape[:3]
    tall = 1.0 if square else height / width
    titled = room * bool(len(titles)) + 0.06
    columns = columns or _columns(n, math.sqrt(1.3 * n * (tall + titled)))
    low, high = limits or (float(images.min()), float(images.max()))
    drawn, size = None, _size(ax, titles, columns, room)
    for i, image in enumerate(images):
        left, top = 1.06 * (i % columns), (tall + titled) * (i // columns) + titled
        place = (left, left + 1, top + tall, top)
        drawn = ax.imshow(image, cmap=cmap, vmin=low, vmax=high, extent=place, interpolation="nearest")
        hatch(ax, image, place, low)
        ax.add_patch(_frame(left, top, tall))
        if len(titles):
            ax.text(left + 0.5, top - 0.02, titles[i], ha="center", va="bottom", fontsize=size, parse_math=False)
    rows = -(-n // columns)
    ax.set(xlim=(-0.04, 1.06 * min(n, columns) - 0.02), ylim=((tall + titled) * rows + 0.04, 0), aspect="equal")
    bare(ax)
    return ax, drawn


def hatch(ax: Any, image: np.ndarray, place: tuple[float, float, float, float], low: float) -> None:
    """Hatch the numbers below a tenth of ``low`` < 0, for eyes or paper that do not tell colours; not of many pixels.

    place:  left, right, bottom and top of the image.
    """
    negative = image < low / 10
    if low >= 0 or image.ndim != 2 or image.size > 4096 or not negative.any():
        return
    height, width = image.shape
    x, y = np.linspace(place[0], place[1], width + 1), np.linspace(place[3], place[2], height + 1)
    look = {"hatch": "////", "facecolor": "none", "edgecolor": "0.45", "linewidth": 0.0}
    paths = require("matplotlib.collections", extra="plot").PolyCollection
    ax.add_collection(paths(_runs(negative, x, y), **look), autolim=False)


def bare(ax: Any) -> None:
    """Take the frame and the ticks away, and leave the labels."""
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)


def bar(ax: Any, drawn: Any, label: str) -> Any:
    """A colour bar beside the axis."""
    found = ax.figure.colorbar(drawn, cax=ax.inset_axes((1.03, 0.0, 0.04, 1.0)))
    found.set_label(label, parse_math=False)
    found.outline.set_linewidth(0.5)
    return found


def titled(ax: Any, text: str) -> None:
    """A title on the left above the axis."""
    ax.set_title(text, loc="left", fontsize=10, parse_math=False)


def below(ax: Any, text: str) -> None:
    """What stands under the axis."""
    ax.set_xlabel(text, parse_math=False)


def beside(ax: Any, text: str) -> None:
    """What stands to the left of the axis."""
    ax.set_ylabel(text, parse_math=False)


def dated(along: Any) -> None:
    """Dates along an x or y axis of days since 1970-01-01."""
    dates = require("matplotlib.dates", extra="plot")
    places = dates.AutoDateLocator(maxticks=7)
    along.axis_date()
    along.set_major_locator(places)
    along.set_major_formatter(dates.ConciseDateFormatter(places))


def _columns(n: int, wanted: float) -> int:
    """How many tiles stand side by side: about as many as wanted, and few places left empty."""
    near = range(max(1, math.floor(wanted) - 1), math.ceil(wanted) + 2)
    return min(n, min(near, key=lambda c: (-n % c) / n + 0.25 * abs(c - wanted)))


def _size(ax: Any, titles: Sequence[str], columns: int, room: float) -> float:
    """The size of titles that fit the room above their tiles, and their width."""
    tile = ax.get_window_extent().width / ax.figure.dpi * 72 / (1.06 * columns)  # in points
    lines = [line for title in titles for line in title.split("\n")] or [""]
    deep = max((title.count("\n") + 1 for title in titles), default=1)
    return max(3.0, min(8.0, 0.75 * room * tile / deep, tile / (0.55 * max(map(wide, lines)) + 0.1)))


def _runs(chosen: np.ndarray, x: np.ndarray, y: np.ndarray) -> list[list[tuple[float, float]]]:
    """A rectangle for each run of chosen pixels in a row."""
    found = []
    for row, line in enumerate(chosen):
        ends = np.flatnonzero(np.diff(np.concatenate([[0], line.astype(int), [0]])))
        for a, b in zip(ends[::2], ends[1::2], strict=True):
            found.append([(x[a], y[row]), (x[b], y[row]), (x[b], y[row + 1]), (x[a], y[row + 1])])
    return found


def _frame(left: float, top: float, tall: float) -> Any:
    patches = require("matplotlib.patches", extra="plot")
    return patches.Rectangle((left, top), 1, tall, fill=False, edgecolor="0.75", linewidth=0.5)
