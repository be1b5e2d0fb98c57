"""Residuals: how far predictions of numbers are from the truth.

r = yhat - y;  Gaussian: mean and standard deviation of r;  Laplace: median m of r, scale b = mean |r - m|
"""

from __future__ import annotations

from typing import Any

import numpy as np

from liuli.core.figures import BLUE, GREY, axis, finite, short
from liuli.inspect.seeing.residuals import gaussian, histogram, laplace
from liuli.report.words import ENGLISH, Words

__all__ = ["gaussian", "laplace", "predicted_against_true", "residual_histogram"]


def predicted_against_true(
    true: np.ndarray, predicted: np.ndarray, name: str, ax: Any = None, words: Words = ENGLISH
) -> Any:
    """A point for each row, and the line yhat = y on which all of them would lie; returns the axis.

    true, predicted:  (rows,).
    name:             what is predicted.
    ax:               the Matplotlib axis to draw on.
    words:            the language of the labels.
    """
    ax, ends = axis(ax), _span(true, predicted)
    ax.plot(ends, ends, color=GREY, linestyle="--", linewidth=1, label=words("exactly right"))
    ax.plot(true, predicted, "o", color=BLUE, markersize=3.5, alpha=0.6, markeredgewidth=0, label=words("rows"))
    ax.set_xlabel(words("true value of", name=short(name, 24)), parse_math=False)
    ax.set_ylabel(words("predicted value of", name=short(name, 24)), parse_math=False)
    ax.legend(frameon=False)
    return ax


def residual_histogram(residuals: np.ndarray, name: str, ax: Any = None, words: Words = ENGLISH) -> Any:
    """The density of the residuals, with the Gaussian and the Laplace density of greatest likelihood; returns the axis.

    residuals:  predicted minus true, (rows,).
    name:       what is predicted.
    ax:         the Matplotlib axis to draw on.
    words:      the language of the labels.
    """
    labels = words("rows"), words("Gaussian"), words("Laplace")
    return histogram(finite(residuals), labels, (words("residual of", name=short(name, 24)), words("density")), ax)


def _span(true: np.ndarray, predicted: np.ndarray) -> tuple[float, float]:
    both = finite(np.concatenate([true, predicted]))
    return (float(both.min()), float(both.max())) if len(both) else (0.0, 1.0)
