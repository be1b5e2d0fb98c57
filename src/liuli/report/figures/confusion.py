"""The confusion matrix: which class was taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from liuli.core.figures import axis, short, wide
from liuli.report.words import ENGLISH, Words

NUMBERED = 14  # up to so many classes have their numbers written into the cells
NAMED = 40  # up to so many have their names along the sides
_LETTER = 0.085  # the width of a letter in inches


def confusion_counts(true: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """C_ij: how many rows of class i were taken for class j            (classes, classes)

    >>> confusion_counts(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    return np.bincount(true * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def row_shares(counts: np.ndarray) -> np.ndarray:
    """C_ij / sum_j C_ij, and 0 in rows without any."""
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def extent(class_names: Sequence[str]) -> tuple[float, float]:
    """The width and the height in inches that the confusion matrix of these classes needs."""
    names = _labels(class_names)
    side, longest = len(class_names) * _cell(len(class_names)), _LETTER * max(map(wide, names), default=0)
    return side + longest + 0.6, side + (longest if _upright(names) else 0.15) + 0.6


def confusion_matrix(counts: np.ndarray, class_names: Sequence[str], ax: Any = None, words: Words = ENGLISH) -> Any:
    """Counts, written and coloured by their share of the row (the true class); returns the axis.

    counts:       as ``confusion_counts`` makes them.
    class_names:  a name for each class.
    ax:           the Matplotlib axis to draw on.
    words:        the language of the labels.
    """
    ax, shares = axis(ax), row_shares(counts)
    classes = len(counts)
    ax.pcolormesh(shares, cmap="Blues", vmin=0, vmax=1, edgecolors="white", linewidth=0.5, rasterized=classes > NAMED)
    ax.set(xlabel=words("predicted class"), ylabel=words("true class"), aspect="equal")
    ax.invert_yaxis()
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    if classes <= NAMED:
        ticks, names = np.arange(classes) + 0.5, _labels(class_names)
        ax.set_xticks(ticks, names, rotation=90 if _upright(names) else 0, parse_math=False)
        ax.set_yticks(ticks, names, parse_math=False)
    if classes <= NUMBERED:
        _write(ax, counts, shares)
    return ax


def _cell(classes: int) -> float:
    """The side of a cell in inches."""
    return min(0.8, max(0.36, 2.6 / classes), 6.4 / classes)


def _labels(class_names: Sequence[str]) -> list[str]:
    return [short(name) for name in class_names] if len(class_names) <= NAMED else []


def _upright(names: Sequence[str]) -> bool:
    """Whether names are too long to stand below their cells side by side."""
    return bool(names) and _LETTER * (max(map(wide, names)) + 1) > _cell(len(names))


def _write(ax: Any, counts: np.ndarray, shares: np.ndarray) -> None:
    """The count, and the share of the row beneath it, in every cell that has any."""
    for i, j in np.argwhere(counts):
        colour = "white" if shares[i, j] > 0.5 else "black"
        ax.text(j + 0.5, i + 0.5, str(counts[i, j]), ha="center", va="bottom", color=colour, fontsize=9)
        ax.text(j + 0.5, i + 0.55, f"{shares[i, j]:.0%}", ha="center", va="top", color=colour, fontsize=7)
