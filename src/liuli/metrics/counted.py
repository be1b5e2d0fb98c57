"""Metrics made of counts: right predictions, predictions and samples of each class."""

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
from liuli.metrics.classification import columns, labels


class Counts(NamedTuple):
    """How many samples of each class were guessed rightly, were guessed to be of it, are of it, and all: (C,) each."""

    right: jax.Array
    guessed: jax.Array
    true: jax.Array
    every: jax.Array

    def both(self) -> Counts:
        """The counts of no and yes, (2, C), of columns that count the yes."""
        noes = Counts(self.every - self.guessed - self.true + self.right, self.every - self.guessed,
                      self.every - self.true, self.every)  # fmt: skip
        return Counts(*(jnp.stack(pair) for pair in zip(noes, self, strict=True)))


@abstract
class _Counted(Metric):
    """The base. Sums: (4, C), as in Counts. The most probable class is the guess, or each column is a yes or no."""

    threshold: float | None = dial(default=None)

    def by_column(self, y_pred: Shaped) -> bool:
        """Whether each column is a yes or no of its own."""
        return self.threshold is not None or columns(y_pred) == 1

    def check_targets(self, y_true: Shaped, y_pred: Shaped) -> None:
        (same_shape if self.by_column(y_pred) else class_targets)(y_true, y_pred)

    def measure(self, y_true: jax.Array, y_pred: jax.Array, weight: jax.Array) -> jax.Array:
        self.check_targets(y_true, y_pred)
        y_pred = at_least_float32(y_pred)
        truth, guess = (as_rows(yes) for yes in self.decided(y_true, y_pred))
        counts = jnp.stack([truth & guess, guess, truth, jnp.ones_like(truth)]).astype(y_pred.dtype)  # (4, rows, C)
        return (counts * row_weights(weight, counts[0])[None]).sum(axis=1)

    def decided(self, y_true: jax.Array, y_pred: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Whether each class is true, and whether it is guessed: (batch, ..., C)."""
        if self.by_column(y_pred):
            return y_true.astype(y_pred.dtype) > 0.5, y_pred > (0.5 if self.threshold is None else self.threshold)
        classes = y_pred.shape[-1]
        guess = jax.nn.one_hot(y_pred.argmax(axis=-1), classes, dtype=bool)
        return jax.nn.one_hot(labels(y_true, y_pred), classes, dtype=bool), guess

    def result(self, total: jax.Array) -> jax.Array:
        return self.of(Counts(*total))

    def of(self, counts: Counts) -> jax.Array:
        """The metric, a scalar."""
        raise NotImplementedError


@abstract
class _Scored(_Counted):
    """The base of what has a value for each class."""

    average: Literal["macro", "micro", "weighted"] = dataclasses.field(default="macro", kw_only=True)

    def score(self, counts: Counts) -> jax.Array:
        """The metric of each class from its counts: (C,)."""
        raise NotImplementedError

    def of(self, counts: Counts) -> jax.Array:
        if self.average == "micro":
            return self.score(Counts(*(each.sum() for each in counts)))
        if self.average == "weighted":
            return share((self.score(counts) * counts.true).sum(), counts.true.sum())
        return mean_of_present(self.score(counts), counts)


@abstract
class _Chosen(_Scored):
    """The base of precision and recall: of a class, and of the first guesses."""

    top_k: int | None = setting(default=None, least=1, kw_only=True)
    class_id: int | None = setting(default=None, least=0, kw_only=True)

    def check_targets(self, y_true: Shaped, y_pred: Shaped) -> None:
        if self.top_k is not None and columns(y_pred) > 1:
            class_targets(y_true, y_pred)
        else:
            super().check_targets(y_true, y_pred)
        for field in ("top_k", "class_id"):
            check_column(field, getattr(self, field), y_pred, past=field == "top_k")

    def decided(self, y_true: jax.Array, y_pred: jax.Array) -> tuple[jax.Array, jax.Array]:
        if self.top_k is None or columns(y_pred) == 1:
            return super().decided(y_true, y_pred)
        classes = y_pred.shape[-1]
        first = jax.nn.one_hot(jax.lax.top_k(y_pred, self.top_k)[1], classes, dtype=bool).any(axis=-2)
        guess = first if self.threshold is None else first & (y_pred > self.threshold)
        if are_labels(y_true, y_pred):
            return jax.nn.one_hot(y_true, classes, dtype=bool), guess
        return y_true.astype(y_pred.dtype) > 0.5, guess

    def of(self, counts: Counts) -> jax.Array:
        if self.class_id is not None:
            counts = Counts(*(each[self.class_id, None] for each in counts))
        return super().of(counts)


@spec
class Precision(_Chosen):
    """P = right / guessed: of the samples said to be of the class, the share that are.

    y: (batch, ...), p: the same or (batch, ..., C) for labels;  w: (batch,). A class never guessed has P = 0; one that
    neither occurs nor is guessed is left out of the mean (as in scikit-learn). A single column counts only the yes.

    Reference: van Rijsbergen, *Information Retrieval*, 1979.

    threshold:  None takes the most probable class, or more than 1/2 of a single column; a number takes each column for
                a yes or no of its own (several labels a sample).
    average:    ``"macro"``, the mean over classes; ``"micro"``, of the counts of all classes together, as Keras does
                with a threshold; ``"weighted"``, the mean by how often each class occurs.
    top_k:      the k most probable classes are guessed, not only the first.
    class_id:   counts this class alone.
    name:       what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> float(metrics.Precision()(jnp.array([0.0, 1.0, 1.0]), jnp.array([0.9, 0.6, 0.1])))
        0.5
    """

    def score(self, counts: Counts) -> jax.Array:
        return share(counts.right, counts.guessed)


@spec
class Recall(_Chosen):
    """R = right / true: of the samples of the class, the share that was found.

    y: (batch, ...), p: the same or (batch, ..., C) for labels;  w: (batch,). Classes are counted as in Precision.

    Reference: van Rijsbergen, *Information Retrieval*, 1979.

    threshold, average, top_k, class_id:  as in Precision.
    name:                                 what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> float(metrics.Recall()(jnp.array([0.0, 1.0, 1.0, 1.0, 1.0]), jnp.array([0.9, 0.6, 0.1, 0.2, 0.3])))
        0.25
    """

    def score(self, counts: Counts) -> jax.Array:
        return share(counts.right, counts.true)


@spec
class F1Score(_Scored):
    """F1 = 2 P R / (P + R) = 2 right / (guessed + true)

    y: (batch, ...), p: the same or (batch, ..., C) for labels;  w: (batch,). Classes are counted as in Precision.

    Reference: van Rijsbergen, *Information Retrieval*, 1979.

    threshold, average:  as in Precision (Keras's ``average=None`` gives a number for each class).
    name:                what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> float(metrics.F1Score()(jnp.array([0.0, 1.0, 1.0]), jnp.array([0.9, 0.6, 0.1])))
        0.5
    """

    def score(self, counts: Counts) -> jax.Array:
        return share(2 * counts.right, counts.guessed + counts.true)


@spec
class FBetaScore(_Scored):
    """F = (1 + beta^2) P R / (beta^2 P + R) = (1 + beta^2) right / (guessed + beta^2 true)

    y: (batch, ...), p: the same or (batch, ..., C) for labels;  w: (batch,). Classes are counted as in Precision.

    Reference: van Rijsbergen, *Information Retrieval*, 1979.

    beta:                how many times as much recall counts as precision; 1 is F1.
    threshold, average:  as in Precision.
    name:                what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> score = metrics.FBetaScore(beta=2.0)
        >>> round(float(score(jnp.array([0.0, 1.0, 1.0]), jnp.array([0.9, 0.6, 0.7]))), 4)
        0.9091
    """

    beta: float = dial(default=1.0, least=0.0, kw_only=True)

    def score(self, counts: Counts) -> jax.Array:
        square = jnp.square(self.beta)
        return share((1 + square) * counts.right, counts.guessed + square * counts.true)


@spec
class TruePositives(_Counted):
    """TP = sum_i w_i [y_i and guess_i]: how many samples are of the class and guessed so; the sum over classes.

    y: (batch, ...), p: the same or (batch, ..., C) for labels;  w: (batch,). A single column counts only the yes.

    Reference: Sokolova and Lapalme, *A Systematic Analysis of Performance Measures*, 2009.

    threshold:  as in Precision; Keras takes each column for a yes or no above 1/2.
    name:       what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> float(metrics.TruePositives()(jnp.array([0.0, 1.0, 1.0]), jnp.array([0.9, 0.6, 0.1])))
        1.0
    """

    def of(self, counts: Counts) -> jax.Array:
        return counts.right.sum()


@spec
class FalsePositives(_Counted):
    """FP = sum_i w_i [not y_i and guess_i]: how many samples are guessed to be of a class and are not.

    y, p, w: as in TruePositives.

    Reference: Sokolova and Lapalme, *A Systematic Analysis of Performance Measures*, 2009.

    threshold:  as in TruePositives.
    name:       what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> float(metrics.FalsePositives()(jnp.array([0.0, 0.0, 1.0]), jnp.array([0.9, 0.6, 0.1])))
        2.0
    """

    def of(self, counts: Counts) -> jax.Array:
        return (counts.guessed - counts.right).sum()


@spec
class FalseNegatives(_Counted):
    """FN = sum_i w_i [y_i and not guess_i]: how many samples are of a class and not guessed so.

    y, p, w: as in TruePositives.

    Reference: Sokolova and Lapalme, *A Systematic Analysis of Performance Measures*, 2009.

    threshold:  as in TruePositives.
    name:       what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> float(metrics.FalseNegatives()(jnp.array([0.0, 0.0, 1.0]), jnp.array([0.9, 0.6, 0.1])))
        1.0
    """

    def of(self, counts: Counts) -> jax.Array:
        return (counts.true - counts.right).sum()


@spec
class TrueNegatives(_Counted):
    """TN = sum_i w_i [not y_i and not guess_i]: how many samples are not of a class and not guessed so.

    y, p, w: as in TruePositives.

    Reference: Sokolova and Lapalme, *A Systematic Analysis of Performance Measures*, 2009.

    threshold:  as in TruePositives.
    name:       what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> float(metrics.TrueNegatives()(jnp.array([0.0, 0.0, 1.0]), jnp.array([0.9, 0.1, 0.1])))
        1.0
    """

    def of(self, counts: Counts) -> jax.Array:
        return (counts.every - counts.guessed - counts.true + counts.right).sum()


def share(part: jax.Array, whole: jax.Array) -> jax.Array:
    """part / whole; 0 where the whole is 0."""
    return jnp.where(whole > 0, part / jnp.where(whole > 0, whole, 1.0), 0.0)


def mean_of_present(scores: jax.Array, counts: Counts) -> jax.Array:
    """The mean over the classes that occur or are guessed, of scores that are 0 for the others."""
    present = (counts.guessed + counts.true > 0).astype(scores.dtype)
    return scores.sum() / jnp.maximum(present.sum(), 1.0)


def check_column(field: str, number: int | None, y_pred: Shaped, past: bool = False) -> None:
    """Raise ShapeError where there is no column of this number; ``past`` allows their number itself."""
    most = columns(y_pred) - (0 if past else 1)
    if number is not None and number > most:
        got = f"{field}={number} for predictions of shape {y_pred.shape}"
        raise ShapeError("metric", got=got, expected=f"{field} of at most {most}", fix=f"{field}={most}")
