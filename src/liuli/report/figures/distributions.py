"""Distributions: weights and activations of a layer, the classes, the target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from liuli.core.figures import BLUE, ORANGE, PALE, axis, edges, finite, short
from liuli.report.words import ENGLISH, Words


def histogram(values: np.ndarray, title: str, ax: Any = None, words: Words = ENGLISH) -> Any:
    """How many of the values lie in each of some 40 intervals; what is not finite is left out. Returns the axis.

    values:  the weights or activations of a layer, of any shape.
    title:   what they are.
    ax:      the Matplotlib axis to draw on.
    words:   the language of the labels.
    """
    ax, values = axis(ax), finite(values)
    ax.stairs(*np.histogram(values, edges(values)), fill=True, facecolor=BLUE)
    ax.set_title(short(title, 34), loc="left", parse_math=False)
    ax.set_xlabel(words("value"))
    ax.set_ylabel(words("count"))
    ax.locator_params(axis="x", nbins=4)
    ax.locator_params(axis="y", nbins=3, integer=True)
    ax.ticklabel_format(axis="y", scilimits=(-3, 5))
    return ax


def class_counts(
    counts: Mapping[str, np.ndarray], class_names: Sequence[str], ax: Any = None, words: Words = ENGLISH
) -> Any:
    """A bar for each class and part of the data; returns the axis.

    counts:       the rows of each class, (classes,), by the name of the part.
    class_names:  a name for each class.
    ax:           the Matplotlib axis to draw on.
    words:        the language of the labels.
    """
    ax, height = axis(ax), 0.8 / len(counts)
    places = np.arange(len(class_names))
    for i, ((part, number), (face, hatch)) in enumerate(zip(counts.items(), _BARS, strict=False)):
        ax.barh(
            places + (i + 0.5) * height - 0.4, number, height, facecolor=face, edgecolor=BLUE, hatch=hatch, label=part
        )
    ax.set_yticks(places, [short(name) for name in class_names], parse_math=False)
    ax.invert_yaxis()
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel(words("rows"))
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=len(counts), borderaxespad=0)
    return ax


def target_distribution(parts: Mapping[str, np.ndarray], name: str, ax: Any = None, words: Words = ENGLISH) -> Any:
    """The density of the target in each part of the data, on the same bins; returns the axis.

    parts:  the targets, (rows,), by the name of the part.
    name:   what the target is.
    ax:     the Matplotlib axis to draw on.
    words:  the language of the labels.
    """
    ax, values = axis(ax), {part: finite(v) for part, v in parts.items()}
    bins = edges(np.concatenate(list(values.values())), 30)
    for (part, v), look in zip(values.items(), _STEPS, strict=False):
        ax.stairs(np.histogram(v, bins, density=len(v) > 0)[0], bins, label=part, **look)
    ax.set_xlabel(short(name, 30), parse_math=False)
    ax.set_ylabel(words("density"))
    ax.legend(frameon=False)
    return ax


_BARS = ((BLUE, ""), ("white", "////"))
_STEPS: tuple[dict[str, Any], ...] = (
    {"fill": True, "facecolor": PALE, "edgecolor": BLUE, "linewidth": 1},
    {"edgecolor": ORANGE, "linestyle": "--", "linewidth": 1.6},
)
