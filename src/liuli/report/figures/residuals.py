"""Residuals: how far predictions of numbers are from the truth.

r = yhat - y;  Gaussian: mean and standard deviation of r;  Laplace: median m of r, scale b = mean |r - m|
"""

from __future__ import annotations

from typing import Any

import numpy as np

from liuli.core.figures import BLUE, GREY, ORANGE, PALE, axis, edges, finite, short
from liuli.report.words import ENGLISH, Words


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
    ax, residuals = axis(ax), finite(residuals)
    density, bins = np.histogram(residuals, edges(residuals), density=len(residuals) > 0)
    ax.stairs(density, bins, fill=True, facecolor=PALE, edgecolor=BLUE, linewidth=1, label=words("rows"))
    (mean, std), (median, scale) = gaussian(residuals), laplace(residuals)
    r = np.linspace(bins[0], bins[-1], 200)
    if std > 0 and scale > 0:
        bell = np.exp(-0.5 * ((r - mean) / std) ** 2) / (std * np.sqrt(2 * np.pi))
        ax.plot(r, bell, color=BLUE, label=words("Gaussian"))
        ax.plot(r, np.exp(-np.abs(r - median) / scale) / (2 * scale), "--", color=ORANGE, label=words("Laplace"))
    ax.set_xlabel(words("residual of", name=short(name, 24)), parse_math=False)
    ax.set_ylabel(words("density"))
    ax.set_ylim(0, 1.25 * max(ax.get_ylim()[1], 1e-300))
    ax.legend(frameon=False, loc="upper right", fontsize=8)
    return ax


def gaussian(residuals: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation of greatest likelihood (divided by n)."""
    return (float(residuals.mean()), float(residuals.std())) if len(residuals) else (0.0, 0.0)


def laplace(residuals: np.ndarray) -> tuple[float, float]:
    """Median and scale of greatest likelihood."""
    middle = float(np.median(residuals)) if len(residuals) else 0.0
    return middle, float(np.abs(residuals - middle).mean()) if len(residuals) else 0.0


def _span(true: np.ndarray, predicted: np.ndarray) -> tuple[float, float]:
    both = finite(np.concatenate([true, predicted]))
    return (float(both.min()), float(both.max())) if len(both) else (0.0, 1.0)
