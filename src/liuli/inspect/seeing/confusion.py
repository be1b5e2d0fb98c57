"""The confusion matrix: which class was taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from liuli.inspect.seeing.drawing import axis, short, wide
from liuli.inspect.seeing.running import classified
from liuli.inspect.seeing.texts import Language, said
from liuli.training import Model

NUMBERED, NAMED = 14, 40
"""Up to so many classes have their numbers written into the cells, and their names along the sides."""
_LETTER = 0.085  # the width of a letter in inches


@dataclass(frozen=True, eq=False)
class Confusion:
    """C_ij: how many rows of class i were taken for class j

    counts:  (classes, classes), the true class down, the predicted across.
    names:   a name for each class.

    Example:
        >>> import numpy as np
        >>> from liuli.inspect.seeing import Confusion
        >>> found = Confusion(np.array([[3, 1], [0, 4]]), ("cat", "dog"))
        >>> found.shares.tolist(), found.accuracy
        ([[0.75, 0.25], [0.0, 1.0]], 0.875)
    """

    counts: np.ndarray
    names: tuple[str, ...]

    @property
    def shares(self) -> np.ndarray:
        """C_ij / sum_j C_ij, and 0 in rows without any."""
        return row_shares(self.counts)

    @property
    def accuracy(self) -> float:
        """sum_i C_ii / sum_ij C_ij, NaN without rows."""
        return float(self.counts.trace() / self.counts.sum()) if self.counts.sum() else float("nan")


def confusion(model: Model, x: Any, y: Any = None) -> Confusion:
    """C_ij = how many rows of class i the model takes for class j            (classes, classes)

    x, y:  labelled rows, as ``model.evaluate`` takes them.

    Raises:
        DataError, ShapeError: they do not fit, or the model does not name one class for each row.

    Example:
        >>> import liuli as ll
        >>> from liuli.inspect.seeing import confusion
        >>> data = ll.data.load("iris")
        >>> net = ll.Sequential([ll.layers.Dense(3, "softmax")])
        >>> int(confusion(ll.Model(net, loss="categorical_crossentropy"), data).counts.sum())
        150
    """
    found = classified(model, x, y, "confusion")
    return Confusion(confusion_counts(found.true, found.predicted, len(found.names)), found.names)


def confusion_counts(true: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """C_ij: how many rows of class i were taken for class j            (classes, classes)

    >>> confusion_counts(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    return np.bincount(true * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def row_shares(counts: np.ndarray) -> np.ndarray:
    """C_ij / sum_j C_ij, and 0 in rows without any."""
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def plot_confusion(confusion: Confusion, ax: Any = None, language: Language = "en") -> Any:
    """Counts and shares of the row, written into the cells and coloured by the share; returns the axis.

    confusion:  what :func:`confusion` found.
    ax:         the Matplotlib axis to draw on; a new one of a fitting size where it is not given.
    language:   "en" or "zh".

    Example:
        >>> import numpy as np
        >>> from matplotlib.figure import Figure
        >>> from liuli.inspect.seeing import Confusion, plot_confusion
        >>> found = Confusion(np.array([[3, 1], [0, 4]]), ("cat", "dog"))
        >>> ax = plot_confusion(found, ax=Figure().subplots())
        >>> [text.get_text() for text in ax.texts]
        ['3', '75%', '1', '25%', '4', '100%']
    """
    labels = said("predicted class", language), said("true class", language)
    return matrix(confusion.counts, confusion.names, labels, ax)


def matrix(counts: np.ndarray, names: Sequence[str], labels: tuple[str, str], ax: Any = None) -> Any:
    """The same, ``labels`` below and beside."""
    fresh, ax, shares, classes = ax is None, axis(ax), row_shares(counts), len(counts)
    if fresh:
        ax.figure.set_size_inches(*(max(3.4, side + 0.4) for side in extent(names)))
    ax.pcolormesh(shares, cmap="Blues", vmin=0, vmax=1, edgecolors="white", linewidth=0.5, rasterized=classes > NAMED)
    ax.set(xlabel=labels[0], ylabel=labels[1], aspect="equal")
    ax.invert_yaxis()
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    if classes <= NAMED:
        ticks, shown = np.arange(classes) + 0.5, _labels(names)
        ax.set_xticks(ticks, shown, rotation=90 if _upright(shown) else 0, parse_math=False)
        ax.set_yticks(ticks, shown, parse_math=False)
    if classes <= NUMBERED:
        _write(ax, counts, shares)
    return ax


def extent(names: Sequence[str]) -> tuple[float, float]:
    """The width and the height in inches that the confusion matrix of these classes needs."""
    shown = _labels(names)
    side, longest = len(names) * _cell(len(names)), _LETTER * max(map(wide, shown), default=0)
    return side + longest + 0.6, side + (longest if _upright(shown) else 0.15) + 0.6


def _cell(classes: int) -> float:
    """The side of a cell in inches."""
    return min(0.8, max(0.36, 2.6 / classes), 6.4 / classes)


def _labels(names: Sequence[str]) -> list[str]:
    return [short(name) for name in names] if len(names) <= NAMED else []


def _upright(names: Sequence[str]) -> bool:
    """Whether names are too long to stand below their cells side by side."""
    return bool(names) and _LETTER * (max(map(wide, names)) + 1) > _cell(len(names))


def _write(ax: Any, counts: np.ndarray, shares: np.ndarray) -> None:
    """The count, and the share of the row beneath it, in every cell that has any."""
    for i, j in np.argwhere(counts):
        colour = "white" if shares[i, j] > 0.5 else "black"
        ax.text(j + 0.5, i + 0.5, str(counts[i, j]), ha="center", va="bottom", color=colour, fontsize=9)
        ax.text(j + 0.5, i + 0.55, f"{shares[i, j]:.0%}", ha="center", va="top", color=colour, fontsize=7)
