"""Figures of curvature: the density of eigenvalues, and a line along which the loss is not convex."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from liuli.core.figures import PALETTE, axis, logarithmic

if TYPE_CHECKING:
    from liuli.inspect.curvature.convexity import NegativeCurvature

_FLOOR = 1e-7  # of the largest density: below it nothing is drawn


def spectrum(
    at: np.ndarray,
    density: np.ndarray,
    eigenvalues: np.ndarray,
    noise: float,
    ax: Any = None,
    words: Mapping[str, str] | None = None,
) -> Any:
    """The density on a logarithmic axis; eigenvalues that were found as triangles, hollow where negative."""
    ax, words = axis(ax), words or {}
    floor = density.max() * _FLOOR
    ax.fill_between(at, floor, np.maximum(density, floor), color="0.88", linewidth=0)
    ax.plot(at, np.maximum(density, floor), color="0.35", linewidth=1)
    below = eigenvalues < -noise
    for chosen, colour, face, name in (
        (below, PALETTE[1], "white", "negative"),
        (~below, PALETTE[0], PALETTE[0], "positive or zero"),
    ):
        if chosen.any():
            look = {"color": colour, "markerfacecolor": face, "marker": "v", "linestyle": "none", "clip_on": False}
            label = f"{words.get('eigenvalues found', 'eigenvalues found')}: {words.get(name, name)}"
            ax.plot(eigenvalues[chosen], np.full(chosen.sum(), floor * 3), label=label, zorder=3, **look)
    ax.axvline(0.0, color="0.5", linewidth=0.8, linestyle=":", zorder=0)
    logarithmic(ax)
    ax.set_ylim(floor, density.max() * 3)
    ax.set_xlabel(words.get("eigenvalue", "eigenvalue of the Hessian"))
    ax.set_ylabel(words.get("density", "density"))
    ax.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0, fontsize="small")
    return ax


def chord(found: NegativeCurvature, ax: Any = None, words: Mapping[str, str] | None = None) -> Any:
    """The loss along the line, hatched where it bends downwards, and the chord that lies below it."""
    ax, words = axis(ax), words or {}
    low, high = float(found.losses.min()), float(found.losses.max())
    room = 0.08 * (high - low or 1.0)
    bent = found.bends < 0
    if bent.any():
        label = words.get("second derivative below 0", "second derivative below 0")
        shade = {"facecolor": "0.93", "edgecolor": "0.75", "hatch": "///", "linewidth": 0, "label": label, "zorder": 0}
        ax.fill_between(found.at, low - room, high + room, where=bent, **shade)
    ax.plot(found.at, found.losses, color=PALETTE[0], label=words.get("loss", "loss"))
    if found.found:
        (a, mid, b), (la, lm, lb) = found.places, found.heights
        label = words.get("chord", "chord")
        ax.plot([a, b], [la, lb], color=PALETTE[1], linestyle="--", marker="o", markersize=5, label=label)
        ax.plot([mid], [lm], color=PALETTE[1], marker="o", markerfacecolor="white", linestyle="none", markersize=5)
        ax.plot([mid, mid], [(la + lb) / 2, lm], color=PALETTE[1], linewidth=1.2, zorder=1)
    ax.axvline(0.0, color="0.5", linewidth=0.8, linestyle=":", zorder=0)
    ax.set_xlim(found.at[0], found.at[-1])
    ax.set_ylim(low - room, high + room)
    ax.set_xlabel(words.get("distance", "distance along the direction of least curvature"))
    ax.set_ylabel(words.get("loss", "loss"))
    ax.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0, fontsize="small")
    return ax
