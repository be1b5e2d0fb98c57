"""Metrics of a yes at every threshold: areas under curves, and one rate where another is given.

As in Keras the thresholds are evenly spaced over [0, 1], so that a curve is a histogram, and histograms add up: p is
known to 1 / (num_thresholds - 1).
"""

from __future__ import annotations

import dataclasses
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp

from liuli.core.errors import ShapeError
from liuli.core.precision import at_least_float32
from liuli.core.specs import abstract, dial, setting, spec
from liuli.losses.base import Shaped, are_labels, class_targets, same_shape
from liuli.metrics.base import Metric, as_rows, row_weights
from liuli.metrics.classification import columns
from liuli.metrics.counted import check_column, share


class Rates(NamedTuple):
    """True and false positives, and how many yeses and noes there are, at each threshold: (num_thresholds, C)."""

    tp: jax.Array
    fp: jax.Array
    yes: jax.Array
    no: jax.Array


@abstract
class _Curve(Metric):
    """The base. Sums: (2, num_thresholds - 1, C), the noes and the yeses between neighbouring thresholds."""

    num_thresholds: int = setting(default=200, least=2, kw_only=True)
    from_logits: bool = dataclasses.field(default=False, kw_only=True)

    def selected(self, y_true: jax.Array, y_pred: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Targets and probabilities of the columns that are asked about: (batch, ..., C)."""
        raise NotImplementedError

    def measure(self, y_true: jax.Array, y_pred: jax.Array, weight: jax.Array) -> jax.Array:
        self.check_targets(y_true, y_pred)
        y, p = (as_rows(column) for column in self.selected(y_true, at_least_float32(y_pred)))
        bins, yes = self.num_thresholds - 1, (y.astype(p.dtype) > 0.5).astype(int)
        above = jnp.clip(jnp.ceil(p * bins) - 1, 0, bins - 1).astype(int)  # the last threshold below p
        column = jnp.broadcast_to(jnp.arange(p.shape[1]), p.shape)
        weights = jnp.broadcast_to(row_weights(weight, p), p.shape)
        return jnp.zeros((2, bins, p.shape[1]), p.dtype).at[yes, above, column].add(weights)

    def result(self, total: jax.Array) -> jax.Array:
        beyond = jnp.cumsum(total[:, ::-1], axis=1)[:, ::-1]
        fp, tp = jnp.concatenate([beyond, jnp.zeros_like(beyond[:, :1])], axis=1)
        return self.of(Rates(tp, fp, jnp.broadcast_to(tp[:1], tp.shape), jnp.broadcast_to(fp[:1], fp.shape)))

    def of(self, rates: Rates) -> jax.Array:
        """The metric, a scalar."""
        raise NotImplementedError


@spec
class AUC(_Curve):
    """The area under the curve of true over false positives: the chance that a yes is ranked above a no.

    y, p: (batch,) or (batch, ..., 1), with p in [0, 1];  w: (batch,). NaN where a class does not occur.

    Reference: Hanley and McNeil, *The Meaning and Use of the Area under a ROC Curve*, Radiology 143, 1982; Davis and
    Goadrich, *The Relationship Between Precision-Recall and ROC Curves*, ICML 2006.

    curve:             ``"ROC"``, tp / yes over fp / no, or ``"PR"``, the precision tp / (tp + fp) over tp / yes.
    summation_method:  how points are joined: ``"interpolation"``, by lines (under PR, by the curves that lines of the
                       other become); ``"minoring"`` or ``"majoring"``, by steps below or above.
    multi_label:       whether p is (batch, ..., C), each column a yes or no with a curve of its own, and y the same or
                       integer labels, each class against the rest; the mean over columns.
    num_thresholds:    the points of the curve.
    from_logits:       whether a sigmoid makes p of the predictions.
    name:              what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> float(metrics.AUC()(jnp.array([0.0, 1.0, 0.0, 1.0]), jnp.array([0.1, 0.4, 0.6, 0.9])))
        0.75
    """

    curve: Literal["ROC", "PR"] = dataclasses.field(default="ROC", kw_only=True)
    summation_method: Literal["interpolation", "minoring", "majoring"] = dataclasses.field(
        default="interpolation", kw_only=True
    )
    multi_label: bool = dataclasses.field(default=False, kw_only=True)

    def check_targets(self, y_true: Shaped, y_pred: Shaped) -> None:
        if self.multi_label and columns(y_pred) > 1:
            class_targets(y_true, y_pred)
        else:
            _one_column(y_true, y_pred, "AUC", "multi_label=True, or the column of one class")

    def selected(self, y_true: jax.Array, y_pred: jax.Array) -> tuple[jax.Array, jax.Array]:
        return _hot(y_true, y_pred), jax.nn.sigmoid(y_pred) if self.from_logits else y_pred

    def of(self, rates: Rates) -> jax.Array:
        recall = rates.tp / rates.yes
        if self.curve == "ROC":
            return self._area(rates.fp / rates.no, recall).mean()
        if self.summation_method == "interpolation":
            return _area_of_precision(rates).mean()
        return self._area(recall, share(rates.tp, rates.tp + rates.fp)).mean()

    def _area(self, x: jax.Array, y: jax.Array) -> jax.Array:
        """The area under each curve, (C,), whose points run from right to left."""
        left, right = y[1:], y[:-1]
        heights = {
            "interpolation": (left + right) / 2,
            "minoring": jnp.minimum(left, right),
            "majoring": jnp.maximum(left, right),
        }
        return ((x[:-1] - x[1:]) * heights[self.summation_method]).sum(axis=0)


@abstract
class _At(_Curve):
    """The base of the best of one rate where another is at least ``wanted``; 0 where it never is."""

    class_id: int | None = setting(default=None, least=0, kw_only=True)

    def check_targets(self, y_true: Shaped, y_pred: Shaped) -> None:
        if self.class_id is None:
            _one_column(y_true, y_pred, type(self).__name__, "class_id=0, or the column of one class")
        else:
            class_targets(y_true, y_pred)
            check_column("class_id", self.class_id, y_pred)

    def selected(self, y_true: jax.Array, y_pred: jax.Array) -> tuple[jax.Array, jax.Array]:
        if self.class_id is None:
            return y_true, jax.nn.sigmoid(y_pred) if self.from_logits else y_pred
        p = jax.nn.softmax(y_pred, axis=-1) if self.from_logits else y_pred
        return _hot(y_true, p)[..., self.class_id, None], p[..., self.class_id, None]

    def of(self, rates: Rates) -> jax.Array:
        wanted, given, best = self.pair(rates)
        return jnp.where(given >= wanted, best, 0.0).max()

    def pair(self, rates: Rates) -> tuple[float, jax.Array, jax.Array]:
        """What is wanted of the one rate, that rate, and the rate of which the best is taken."""
        raise NotImplementedError


@spec
class PrecisionAtRecall(_At):
    """max_t P(t) where R(t) >= recall,  P = tp / (tp + fp), R = tp / yes: the best precision at a recall.

    y, p: (batch,) or (batch, ..., 1), with p in [0, 1], or those of a class;  w: (batch,).

    Reference: Davis and Goadrich, *The Relationship Between Precision-Recall and ROC Curves*, ICML 2006.

    recall:          what is wanted at least, between 0 and 1.
    class_id:        the class that is the yes, where p is (batch, ..., C) and y one-hot or integer labels.
    num_thresholds:  how many thresholds t are tried.
    from_logits:     whether a sigmoid makes p of the predictions, or a softmax with a ``class_id``.
    name:            what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> score = metrics.PrecisionAtRecall(0.5)
        >>> float(score(jnp.array([0.0, 1.0, 0.0, 1.0]), jnp.array([0.1, 0.4, 0.6, 0.9])))
        1.0
    """

    recall: float = dial(least=0.0, most=1.0)

    def pair(self, rates: Rates) -> tuple[float, jax.Array, jax.Array]:
        return self.recall, share(rates.tp, rates.yes), share(rates.tp, rates.tp + rates.fp)


@spec
class RecallAtPrecision(_At):
    """max_t R(t) where P(t) >= precision,  P = tp / (tp + fp), R = tp / yes: the best recall at a precision.

    y, p, w: as in PrecisionAtRecall.

    Reference: Davis and Goadrich, *The Relationship Between Precision-Recall and ROC Curves*, ICML 2006.

    precision:                              what is wanted at least, between 0 and 1.
    class_id, num_thresholds, from_logits:  as in PrecisionAtRecall.
    name:                                   what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> score = metrics.RecallAtPrecision(0.8)
        >>> float(score(jnp.array([0.0, 1.0, 0.0, 1.0]), jnp.array([0.1, 0.4, 0.6, 0.9])))
        0.5
    """

    precision: float = dial(least=0.0, most=1.0)

    def pair(self, rates: Rates) -> tuple[float, jax.Array, jax.Array]:
        return self.precision, share(rates.tp, rates.tp + rates.fp), share(rates.tp, rates.yes)


@spec
class SensitivityAtSpecificity(_At):
    """max_t tp / yes where (no - fp) / no >= specificity: the most yeses found where so many noes are left alone.

    y, p, w: as in PrecisionAtRecall.

    Reference: Fawcett, *An Introduction to ROC Analysis*, Pattern Recognition Letters 27, 2006.

    specificity:                            what is wanted at least, between 0 and 1.
    class_id, num_thresholds, from_logits:  as in PrecisionAtRecall.
    name:                                   what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> score = metrics.SensitivityAtSpecificity(0.5)
        >>> float(score(jnp.array([0.0, 1.0, 0.0, 1.0]), jnp.array([0.1, 0.4, 0.6, 0.9])))
        1.0
    """

    specificity: float = dial(least=0.0, most=1.0)

    def pair(self, rates: Rates) -> tuple[float, jax.Array, jax.Array]:
        return self.specificity, share(rates.no - rates.fp, rates.no), share(rates.tp, rates.yes)


@spec
class SpecificityAtSensitivity(_At):
    """max_t (no - fp) / no where tp / yes >= sensitivity: the most noes left alone where so many yeses are found.

    y, p, w: as in PrecisionAtRecall.

    Reference: Fawcett, *An Introduction to ROC Analysis*, Pattern Recognition Letters 27, 2006.

    sensitivity:                            what is wanted at least, between 0 and 1.
    class_id, num_thresholds, from_logits:  as in PrecisionAtRecall.
    name:                                   what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> score = metrics.SpecificityAtSensitivity(0.8)
        >>> float(score(jnp.array([0.0, 1.0, 0.0, 1.0]), jnp.array([0.1, 0.4, 0.6, 0.9])))
        0.5
    """

    sensitivity: float = dial(least=0.0, most=1.0)

    def pair(self, rates: Rates) -> tuple[float, jax.Array, jax.Array]:
        return self.sensitivity, share(rates.tp, rates.yes), share(rates.no - rates.fp, rates.no)


def _area_of_precision(rates: Rates) -> jax.Array:
    """The area under precision over recall, (C,), where tp is a line of all that is guessed between two thresholds.

    With tp = a + s n, of n guessed, the precision is s + a / n, and its integral over tp / yes s (s n + a log n) / yes.
    """
    guessed = rates.tp + rates.fp
    right, all_guessed = rates.tp[:-1] - rates.tp[1:], guessed[:-1] - guessed[1:]
    slope = share(right, all_guessed)
    start = rates.tp[1:] - slope * guessed[1:]
    ends = (guessed[1:] > 0) & (guessed[:-1] > 0)
    ratio = jnp.where(ends, guessed[:-1] / jnp.where(ends, guessed[1:], 1.0), 1.0)
    return (slope * (right + start * jnp.log(ratio)) / rates.yes[1:]).sum(axis=0)


def _one_column(y_true: Shaped, y_pred: Shaped, metric: str, fix: str) -> None:
    if columns(y_pred) != 1:
        got, expected = f"predictions of shape {y_pred.shape}", "one column: (batch,) or (batch, 1)"
        raise ShapeError(metric, got=got, expected=expected, fix=f"{fix}, with targets y == that class")
    same_shape(y_true, y_pred)


def _hot(y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
    """Targets of the shape of predictions: labels as one-hot."""
    return jax.nn.one_hot(y_true, y_pred.shape[-1]) if are_labels(y_true, y_pred) else y_true
