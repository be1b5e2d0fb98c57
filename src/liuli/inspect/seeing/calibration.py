"""Calibration: whether what is given a probability of 0.8 is true 8 times of 10."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from liuli.core.errors import DataError
from liuli.core.fields import nearest
from liuli.inspect.seeing.drawing import BLUE, GREY, PALE, axis, below, beside, short
from liuli.inspect.seeing.running import class_number, classified
from liuli.inspect.seeing.texts import Language, said
from liuli.training import Model

By = Literal["width", "mass"]


@dataclass(frozen=True, eq=False)
class Calibration:
    """ECE = sum over bins b of n_b / n |share_b - confidence_b|

    edges:       of the bins, (bins + 1,); a probability on an edge belongs to the bin below it.
    counts:      n_b, the rows of each bin.
    confidence:  the mean probability of each bin, NaN where it has no rows.
    share:       the share of each bin that is right, NaN where it has no rows.
    by:          "width" for bins of equal width, "mass" for bins of equally many rows.
    of:          the class whose probability it is; None for the predicted class of each row.
    rows:        the probability of each row, (rows,).

    Example:
        >>> import numpy as np
        >>> from liuli.inspect.seeing import reliability
        >>> found = reliability(np.array([0.75, 0.75, 0.25, 0.25]), np.array([1, 0, 0, 0]), bins=2)
        >>> found.confidence.tolist(), found.share.tolist(), found.error
        ([0.25, 0.75], [0.0, 0.5], 0.25)
    """

    edges: np.ndarray
    counts: np.ndarray
    confidence: np.ndarray
    share: np.ndarray
    by: By
    of: str | None
    rows: np.ndarray

    @property
    def error(self) -> float:
        """The expected calibration error, ECE."""
        return float((self.counts * np.nan_to_num(np.abs(self.share - self.confidence))).sum() / self.counts.sum())

    @property
    def largest_error(self) -> float:
        """The largest |share - confidence| of a bin, MCE."""
        return float(np.nanmax(np.abs(self.share - self.confidence)))


def calibration(model: Model, x: Any, y: Any = None, bins: int = 15, by: By = "width", of: Any = None) -> Calibration:
    """share_b against confidence_b for bins b of about equal probability

    Of the predicted class: how often it is right, against its probability. Of one class: how often it is true.

    Reference: Guo, Pleiss, Sun and Weinberger, *On Calibration of Modern Neural Networks*, ICML 2017; bins of equal
    mass: Nixon et al., *Measuring Calibration in Deep Learning*, CVPR workshops 2019.

    x, y:  labelled rows, as ``model.evaluate`` takes them.
    bins:  how many.
    by:    ``"width"`` or ``"mass"``.
    of:    a class, by number or name; the predicted one of each row where it is not given.

    Raises:
        DataError, ShapeError: they do not fit, or the model does not give probabilities of classes.

    Example:
        >>> import liuli as ll
        >>> from liuli.inspect.seeing import calibration
        >>> data = ll.data.load("iris")
        >>> net = ll.Sequential([ll.layers.Dense(3, "softmax")])
        >>> found = calibration(ll.Model(net, loss="categorical_crossentropy"), data, bins=10, by="mass")
        >>> int(found.counts.sum()), 0 <= found.error <= 1
        (150, True)
    """
    found = classified(model, x, y, "calibration")
    if found.probabilities is None:
        fix = 'train it with a cross entropy, such as loss="categorical_crossentropy"'
        raise DataError("calibration", got="scores that are no probabilities", expected="probabilities", fix=fix)
    if of is None:
        return reliability(found.probabilities.max(1), found.predicted == found.true, bins, by)
    chosen = class_number(of, found.names)
    return reliability(found.probabilities[:, chosen], found.true == chosen, bins, by, found.names[chosen])


def reliability(
    probability: np.ndarray, right: np.ndarray, bins: int = 15, by: By = "width", of: str | None = None
) -> Calibration:
    """Bins of probabilities (rows,) 0 to 1, and how often what they promise is ``right``, (rows,) of 0 and 1.

    bins, by:  as in :func:`calibration`.
    of:        the class whose probabilities they are.

    Raises:
        DataError: there are no rows, numbers outside 0 to 1, or no bins.

    Example:
        >>> import numpy as np
        >>> from liuli.inspect.seeing import reliability
        >>> reliability(np.array([0.25, 0.75]), np.array([0, 1]), bins=2, by="mass").edges.tolist()
        [0.25, 0.5, 0.75]
    """
    p, hit = np.asarray(probability, np.float64), np.asarray(right, np.float64)
    if by not in get_args(By):
        raise DataError("by", got=repr(by), expected="width or mass", fix=f"write {nearest(str(by), get_args(By))}")
    if isinstance(bins, bool) or not isinstance(bins, int) or bins < 1:
        raise DataError("bins", got=repr(bins), expected="a whole number of at least 1", fix="bins=15")
    if p.ndim != 1 or p.shape != hit.shape or not len(p) or not ((p >= 0) & (p <= 1 + 1e-6)).all():
        got = f"probabilities of shape {p.shape} and answers of shape {hit.shape}"
        raise DataError("reliability", got=got, expected="one of each a row, probabilities 0 to 1", fix="look at both")
    edges = np.linspace(0, 1, bins + 1) if by == "width" else np.quantile(p, np.linspace(0, 1, bins + 1))
    whose = np.searchsorted(edges[1:-1], p)
    counts, sums, hits = (np.bincount(whose, weights, bins) for weights in (None, p, hit))
    with np.errstate(invalid="ignore"):
        return Calibration(edges, counts, sums / counts, hits / counts, by, of, p)


def plot_calibration(calibration: Calibration, ax: Any = None, language: Language = "en") -> Any:
    """What is right against what was promised, the diagonal, and how many rows promise how much as bars; returns
    the axis.

    calibration:  what :func:`calibration` or :func:`reliability` found.
    ax:           the Matplotlib axis to draw on; a new one where it is not given.
    language:     "en" or "zh".

    Example:
        >>> import numpy as np
        >>> from matplotlib.figure import Figure
        >>> from liuli.inspect.seeing import plot_calibration, reliability
        >>> found = reliability(np.array([0.75, 0.75, 0.25, 0.25]), np.array([1, 0, 0, 0]), bins=2)
        >>> ax = plot_calibration(found, ax=Figure().subplots())
        >>> [text.get_text() for text in ax.get_legend().get_texts()]
        ['perfect calibration', 'this model, ECE 0.250', 'share of the rows']
    """
    ax, kept = axis(ax), calibration.counts > 0
    ax.plot([0, 1], [0, 1], "--", color=GREY, linewidth=1, label=said("calibrated", language))
    at, share = calibration.confidence[kept], calibration.share[kept]
    ax.vlines(at, np.minimum(at, share), np.maximum(at, share), color="0.75", linewidth=3)
    label = said("the model", language, ece=f"{calibration.error:.3f}")
    ax.plot(at, share, "o-", color=BLUE, markersize=4.5, label=label)
    number, bins = np.histogram(calibration.rows, np.linspace(0, 1, 21))
    bars = {"facecolor": PALE, "edgecolor": BLUE, "linewidth": 0.8, "label": said("share of rows", language)}
    ax.stairs(number / len(calibration.rows) * 0.98, bins, fill=True, zorder=0, **bars)
    of = calibration.of
    below(ax, said("confidence", language) if of is None else said("probability that", language, name=short(of, 24)))
    beside(ax, said("share of right", language) if of is None else said("share of class", language, name=short(of, 24)))
    ax.set(xlim=(-0.01, 1.01), ylim=(0, 1.03))
    ax.legend(frameon=False, fontsize=8, loc="upper left")
    return ax
