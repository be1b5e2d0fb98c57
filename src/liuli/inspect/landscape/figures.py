"""Figures of the loss around parameters: lines, the way between two models, planes, sharpness."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from liuli.core.extras import require
from liuli.core.figures import PALETTE, axis

if TYPE_CHECKING:
    from liuli.inspect.landscape.planes import Plane
    from liuli.inspect.landscape.sharpness import Sharpness

Words = Mapping[str, str] | None
_LEVELS = 14  # lines of equal loss
_RATIO = 20.0  # of the largest to the smallest loss: from here on they are spread by the logarithm
_LEAST = 1e-5  # of the largest loss: smaller ones have one level together
_SHAPES = ("o", "s", "^", "D")


def line(at: np.ndarray, losses: np.ndarray, here: float, ax: Any = None, words: Words = None) -> Any:
    """The loss along a line, the parameters marked."""
    ax, words = axis(ax), words or {}
    ax.plot(at, losses, color=PALETTE[0])
    ax.plot([0.0], [here], color=PALETTE[1], marker="o", linestyle="none", label=words.get("model", "model"))
    ax.set_xlabel(words.get("along", "distance, in lengths of the direction"))
    ax.set_ylabel(words.get("loss", "loss"))
    ax.legend(frameon=False)
    return ax


def way(
    at: np.ndarray, values: np.ndarray, name: str, summit: int | None = None, ax: Any = None, words: Words = None
) -> Any:
    """A quantity on the way from one model to another; of the loss, its height above the straight line."""
    ax, words = axis(ax), words or {}
    label = words.get(name, name.replace("_", " "))
    ax.plot(at, values, color=PALETTE[0], label=label)
    ax.plot([0, 1], values[[0, -1]], color="0.5", linestyle="--", marker="o", linewidth=1, markersize=5)
    if summit is not None and 0 < summit < len(at) - 1:
        below = (1 - at[summit]) * values[0] + at[summit] * values[-1]
        word = words.get("barrier", "barrier")
        look = {"color": PALETTE[1], "marker": "_", "markersize": 10, "label": f"{word} {values[summit] - below:.3g}"}
        ax.plot([at[summit]] * 2, [below, values[summit]], **look)
        ax.legend(frameon=False)
    ax.set_xticks([0, 0.25, 0.5, 0.75, 1])
    ax.set_xlabel(words.get("way", "share of the way from the first model to the second"))
    ax.set_ylabel(label, parse_math=False)
    return ax


def plane(found: Plane, ax: Any = None, words: Words = None) -> Any:
    """Lines of equal loss, or the surface on an axis of three dimensions, with what is marked on it."""
    ax, words = axis(ax), words or {}
    losses = np.ma.masked_invalid(found.losses)
    levels = spread(losses.compressed())
    solid = hasattr(ax, "plot_surface")
    if solid:
        _surface(ax, found, losses, levels, words)
    else:
        look = {"levels": levels, "cmap": "viridis", "norm": _norm(levels)}
        filled = ax.contourf(found.a, found.b, losses, **look)
        ax.contour(found.a, found.b, losses, levels=levels, colors="white", linewidths=0.6)
        ax.locator_params(axis="x", nbins=5)
        bar = ax.figure.colorbar(filled, ax=ax, label=words.get("loss", "loss"), ticks=levels[::3], format="%.3g")
        bar.ax.minorticks_off()
        _way_of(ax, found)
        _marked(ax, found, words)
    ax.set_xlabel(words.get("first direction", "a, along the first direction"))
    ax.set_ylabel(words.get("second direction", "b, along the second direction"))
    return ax


def ways(found: Sharpness, ax: Any = None, words: Words = None) -> Any:
    """The rise of the loss on the ways to the worst points of the box and of the ball."""
    ax, words = axis(ax), words or {}
    box, ball = words.get("box", "to the worst point of the box"), words.get("ball", "up the gradient, in the ball")
    ax.plot(found.at, found.to_box, color=PALETTE[0], marker="o", markevery=5, markersize=4, label=box)
    ax.plot(
        found.at, found.to_ball, color=PALETTE[1], linestyle="--", marker="s", markevery=5, markersize=4, label=ball
    )
    ax.set_xlabel(words.get("share", "share of the way"))
    ax.set_ylabel(words.get("loss", "loss"))
    ax.legend(frameon=False)
    return ax


def spread(values: np.ndarray) -> np.ndarray:
    """Levels over the values: by their logarithm where they span much, else evenly; rising, at least two."""
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    if high - low <= 1e-12 * max(abs(low), abs(high), 1e-300):
        return np.array([low - 0.5, high + 0.5])
    room = 1e-6 * (high - low)  # so that the ends lie within
    levels = np.linspace(low, high, _LEVELS)
    if low > 0 and high / low > _RATIO:
        levels = np.geomspace(max(low, _LEAST * high), high, _LEVELS)
    levels[0], levels[-1] = low - room, high + room
    return levels


def _norm(levels: np.ndarray) -> Any:
    return require("matplotlib.colors", extra="plot").BoundaryNorm(levels, 256)


def _surface(ax: Any, found: Plane, losses: Any, levels: np.ndarray, words: Mapping[str, str]) -> None:
    """The loss as height; by its logarithm where it spans much."""
    by_log = len(levels) > 2 and not np.isclose(levels[1] - levels[0], levels[2] - levels[1])
    heights = np.ma.log10(losses) if by_log else losses
    ax.plot_surface(*np.meshgrid(found.a, found.b), heights, cmap="viridis", edgecolor="none", antialiased=True)
    ax.set_zlabel(words.get("log loss", "log10 of the loss") if by_log else words.get("loss", "loss"), labelpad=10)


def _way_of(ax: Any, found: Plane) -> None:
    """The way of a training, where there is one."""
    path = getattr(found, "path", None)
    if path is not None:
        ax.plot(path[:, 0], path[:, 1], color="white", linewidth=2.5)
        ax.plot(path[:, 0], path[:, 1], color="black", linewidth=1, marker=".", markersize=3)


def _marked(ax: Any, found: Plane, words: Mapping[str, str]) -> None:
    for (name, (a, b)), shape in zip(found.marks.items(), _SHAPES, strict=False):
        look = {"marker": shape, "color": "white", "markeredgecolor": "black", "markersize": 8, "linestyle": "none"}
        ax.plot([a], [b], label=words.get(name, name), **look)
    look = {"frameon": False, "loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": 3, "borderaxespad": 0}
    ax.legend(**look, fontsize="small")
