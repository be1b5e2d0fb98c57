"""Residuals: how far predictions of numbers are from the truth, and which loss their shape speaks for.

r = yhat - y;  Gaussian: mean and standard deviation of r;  Laplace: median m of r, scale b = mean |r - m|
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Literal

import numpy as np

from liuli.core.errors import DataError, ShapeError
from liuli.inspect.seeing.drawing import BLUE, GREY, ORANGE, PALE, axis, below, beside, edges, finite, short
from liuli.inspect.seeing.running import names_classes, one_output, target_name
from liuli.inspect.seeing.texts import Language, said
from liuli.training import Model

_CLEAR = 1.96  # Vuong's z beyond which one distribution is preferred: 5 times of 100 by chance


@dataclass(frozen=True, eq=False)
class Residuals:
    """r_i = yhat_i - y_i, in units of the target, and the two densities of greatest likelihood

    values:    r, (rows,).
    name:      what is predicted.
    gaussian:  its mean and standard deviation (divided by n).
    laplace:   its median and scale, the mean of |r - median|.

    Reference: Vuong, *Likelihood Ratio Tests for Model Selection and Non-Nested Hypotheses*, Econometrica 57, 1989.

    Example:
        >>> import numpy as np
        >>> from liuli.inspect.seeing import fit_residuals
        >>> found = fit_residuals(np.array([-1.0, 0.0, 4.0]))
        >>> found.gaussian[0], found.laplace
        (1.0, (0.0, 1.6666666666666667))
    """

    values: np.ndarray
    name: str
    gaussian: tuple[float, float]
    laplace: tuple[float, float]

    @property
    def log_densities(self) -> tuple[np.ndarray, np.ndarray]:
        """log p(r_i) under the Gaussian and under the Laplace density, (rows,) each; NaN without spread."""
        (mean, std), (middle, scale) = self.gaussian, self.laplace
        if std <= 0 or scale <= 0:
            return np.full((2, len(self.values)), np.nan)[0], np.full(len(self.values), np.nan)
        bell = -0.5 * ((self.values - mean) / std) ** 2 - math.log(std * math.sqrt(2 * math.pi))
        return bell, -np.abs(self.values - middle) / scale - math.log(2 * scale)

    @property
    def log_likelihoods(self) -> tuple[float, float]:
        """sum over i of log p(r_i), under the Gaussian and under the Laplace density."""
        bell, tent = self.log_densities
        return float(bell.sum()), float(tent.sum())

    @property
    def vuong(self) -> float:
        """z = sum d_i / (sqrt(n) std d),  d_i = log p_Gaussian(r_i) - log p_Laplace(r_i); NaN where d does not vary."""
        bell, tent = self.log_densities
        d = bell - tent
        spread = d.std()
        return float(d.sum() / (math.sqrt(len(d)) * spread)) if spread > 0 else math.nan

    @property
    def speaks_for(self) -> Literal["mse", "mae"] | None:
        """The loss that is the likelihood of the density that fits clearly better, |z| > 1.96; else None."""
        z = self.vuong
        return "mse" if z > _CLEAR else "mae" if z < -_CLEAR else None

    def sentence(self, language: Language = "en") -> str:
        """What the shape of the residuals says of the loss, in words."""
        if math.isnan(self.vuong):
            return said("no spread", language)
        bell, tent = (f"{value:.1f}" for value in self.log_likelihoods)
        key = f"speaks for {self.speaks_for or 'neither'}"
        return said(key, language, gaussian=bell, laplace=tent, z=f"{self.vuong:.1f}")


def residuals(model: Model, x: Any, y: Any = None, column: int = 0) -> Residuals:
    """r = yhat - y, in units of the raw target where the model has a schema

    x, y:    rows with what is true of them, as ``model.evaluate`` takes them.
    column:  which number, where each row has several.

    Raises:
        DataError, ShapeError: they do not fit, or the model predicts classes.

    Example:
        >>> import liuli as ll
        >>> from liuli.inspect.seeing import residuals
        >>> data = ll.data.load("diabetes")
        >>> model = ll.Model(ll.Sequential([ll.layers.Dense(1)]), loss="mse", schema=ll.data.Schema.fit(data))
        >>> residuals(model, data).values.shape
        (442,)
    """
    one_output(model, "residuals")
    targets = model.prepare(x, y)[1][0]
    predicted, schema = np.asarray(model.predict(x), np.float64), model.recipe.schema
    if names_classes(model) or predicted.shape != targets.shape:
        got = f"predictions of shape {predicted.shape} for targets of shape {targets.shape}"
        got = "a model of classes" if names_classes(model) else got
        raise ShapeError("residuals", got=got, expected="numbers", fix="see confusion and calibration for classes")
    true = np.asarray(schema.decode(targets) if schema is not None else targets, np.float64)
    each = (predicted - true).reshape(len(true), -1)
    if not 0 <= column < each.shape[1]:
        expected = f"0 to {each.shape[1] - 1}"
        raise DataError("residuals: column", got=str(column), expected=expected, fix="column=0")
    return fit_residuals(each[:, column], target_name(model, x))


def fit_residuals(values: Any, name: str = "") -> Residuals:
    """The Gaussian and the Laplace density of greatest likelihood of residuals (rows,).

    values:  predicted minus true; what is not finite is left out.
    name:    what is predicted.

    Raises:
        DataError: none of them is finite.

    Example:
        >>> import numpy as np
        >>> from liuli.inspect.seeing import fit_residuals
        >>> fit_residuals(np.random.default_rng(0).laplace(size=400)).speaks_for
        'mae'
    """
    r = finite(values)
    if not len(r):
        raise DataError("residuals", got="no finite numbers", expected="at least one", fix="look at the predictions")
    return Residuals(r, name, gaussian(r), laplace(r))


def gaussian(residuals: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation of greatest likelihood (divided by n)."""
    return (float(residuals.mean()), float(residuals.std())) if len(residuals) else (0.0, 0.0)


def laplace(residuals: np.ndarray) -> tuple[float, float]:
    """Median and scale of greatest likelihood."""
    middle = float(np.median(residuals)) if len(residuals) else 0.0
    return middle, float(np.abs(residuals - middle).mean()) if len(residuals) else 0.0


def plot_residuals(residuals: Residuals, ax: Any = None, language: Language = "en") -> Any:
    """The density of the residuals, with the Gaussian (solid) and the Laplace density (dashed) of greatest likelihood;
    returns the axis.

    residuals:  what :func:`residuals` or :func:`fit_residuals` found.
    ax:         the Matplotlib axis to draw on; a new one where it is not given.
    language:   "en" or "zh".

    Example:
        >>> import numpy as np
        >>> from matplotlib.figure import Figure
        >>> from liuli.inspect.seeing import fit_residuals, plot_residuals
        >>> found = fit_residuals(np.array([-1.0, 0.0, 4.0]), "price")
        >>> ax = plot_residuals(found, ax=Figure().subplots())
        >>> ax.get_xlabel()
        'residual: predicted − true price'
    """
    bell, tent = residuals.log_likelihoods
    labels = (
        said("rows", language),
        *(said(key, language, value=f"{value:.1f}") for key, value in (("Gaussian", bell), ("Laplace", tent))),
    )
    texts = said("residual", language, name=short(residuals.name or "y", 24)), said("density", language)
    return histogram(residuals.values, labels, texts, ax)


def histogram(values: np.ndarray, labels: tuple[str, ...], texts: tuple[str, str], ax: Any = None) -> Any:
    """The same: ``labels`` of the rows and of both densities, ``texts`` below and beside."""
    ax = axis(ax)
    density, bins = np.histogram(values, edges(values), density=len(values) > 0)
    ax.stairs(density, bins, fill=True, facecolor=PALE, edgecolor=BLUE, linewidth=1, label=labels[0])
    (mean, std), (median, scale) = gaussian(values), laplace(values)
    r = np.linspace(bins[0], bins[-1], 200)
    if std > 0 and scale > 0:
        bell = np.exp(-0.5 * ((r - mean) / std) ** 2) / (std * np.sqrt(2 * np.pi))
        ax.plot(r, bell, color=BLUE, label=labels[1])
        ax.plot(r, np.exp(-np.abs(r - median) / scale) / (2 * scale), "--", color=ORANGE, label=labels[2])
    below(ax, texts[0])
    beside(ax, texts[1])
    ax.set_ylim(0, 1.35 * max(ax.get_ylim()[1], 1e-300))
    ax.legend(frameon=False, loc="upper right", fontsize=8)
    return ax


def plot_quantiles(
    residuals: Residuals,
    against: Literal["gaussian", "laplace"] = "gaussian",
    ax: Any = None,
    language: Language = "en",
) -> Any:
    """The residuals in order against the quantiles of a fitted density (QQ plot); on the line it fits. Returns the
    axis.

    residuals:  what :func:`residuals` or :func:`fit_residuals` found.
    against:    "gaussian" or "laplace".
    ax:         the Matplotlib axis to draw on; a new one where it is not given.
    language:   "en" or "zh".

    Raises:
        DataError: another density.

    Example:
        >>> import numpy as np
        >>> from matplotlib.figure import Figure
        >>> from liuli.inspect.seeing import fit_residuals, plot_quantiles
        >>> found = fit_residuals(np.array([-1.0, 0.0, 4.0]))
        >>> ax = plot_quantiles(found, ax=Figure().subplots())
        >>> ax.lines[1].get_ydata().tolist()
        [-1.0, 0.0, 4.0]
    """
    if against not in ("gaussian", "laplace"):
        raise DataError("against", got=repr(against), expected="gaussian or laplace", fix='against="gaussian"')
    ax, inner, r = axis(ax), _gaussian_at if against == "gaussian" else _laplace_at, np.sort(residuals.values)
    p = (np.arange(len(r)) + 0.5) / len(r)
    at = inner(p, *getattr(residuals, against))
    ends = min(at[0], r[0]), max(at[-1], r[-1])
    ax.plot(ends, ends, "--", color=GREY, linewidth=1, label=said("as fitted", language))
    ax.plot(at, r, "o", color=BLUE, markersize=3.5, alpha=0.6, markeredgewidth=0, label=said("rows", language))
    name = said("Gaussian alone" if against == "gaussian" else "Laplace alone", language)
    below(ax, said("quantile", language, name=name))
    beside(ax, said("residual", language, name=short(residuals.name or "y", 24)))
    ax.legend(frameon=False, fontsize=8)
    return ax


def _gaussian_at(p: np.ndarray, mean: float, std: float) -> np.ndarray:
    normal = NormalDist()
    return mean + std * np.array([normal.inv_cdf(float(each)) for each in p])


def _laplace_at(p: np.ndarray, middle: float, scale: float) -> np.ndarray:
    return middle - scale * np.sign(p - 0.5) * np.log1p(-2 * np.abs(p - 0.5))
