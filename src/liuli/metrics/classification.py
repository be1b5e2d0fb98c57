"""Metrics of classifiers, and what "accuracy" means for a loss.

Where predictions have one column (or none) the question is yes or no; with more columns they are classes. Targets are
one-hot or integer labels, told apart by dtype and rank as in the losses.
"""

from __future__ import annotations

from typing import ClassVar

import jax
import jax.numpy as jnp

from liuli.activations import Sigmoid, Softmax
from liuli.core.errors import ShapeError, SpecError
from liuli.core.precision import at_least_float32
from liuli.core.specs import abstract, dial, setting, spec
from liuli.losses.base import Loss, Shaped, are_labels, class_targets, mean_over_features, same_shape
from liuli.metrics.base import Metric, _Mean, as_rows, row_weights


@spec
class Accuracy(Metric):
    """The share of samples whose prediction is right; by class or by yes and no, whichever the loss asks.

    A Model makes it a CategoricalAccuracy or a BinaryAccuracy, see :func:`resolve`.

    Reference: Sokolova and Lapalme, *A Systematic Analysis of Performance Measures*, 2009.

    name:  what the history calls it.

    Example:
        >>> from liuli import losses, metrics
        >>> metrics.resolve(metrics.Accuracy(), losses.BinaryCrossentropy())
        BinaryAccuracy(name='accuracy')
    """

    aliases: ClassVar[tuple[str, ...]] = ("acc",)


@spec
class CategoricalAccuracy(_Mean):
    """A = sum_i w_i [argmax_c p_ic = y_i] / sum_i w_i

    y: (batch, ...), integer labels, or one-hot (batch, ..., C);  p: (batch, ..., C);  w: (batch,).

    Reference: Sokolova and Lapalme, *A Systematic Analysis of Performance Measures*, 2009.

    name:  what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> float(metrics.CategoricalAccuracy()(jnp.array([0, 1]), jnp.array([[0.9, 0.1], [0.6, 0.4]])))
        0.5
    """

    aliases: ClassVar[tuple[str, ...]] = ("sparse_categorical_accuracy",)

    def check_targets(self, y_true: Shaped, y_pred: Shaped) -> None:
        class_targets(y_true, y_pred)

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        right = labels(y_true, y_pred) == y_pred.argmax(axis=-1)
        return mean_over_features(right.astype(y_pred.dtype))


@spec
class BinaryAccuracy(_Mean):
    """A = sum_i w_i mean_j [(p_ij > threshold) = (y_ij > 1/2)] / sum_i w_i            y, p: (batch, ...)   w: (batch,)

    Reference: Sokolova and Lapalme, *A Systematic Analysis of Performance Measures*, 2009.

    threshold:  above it the prediction is yes; on logits write 0.
    name:       what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> float(metrics.BinaryAccuracy()(jnp.array([0.0, 1.0]), jnp.array([0.9, 0.6])))
        0.5
    """

    threshold: float = dial(default=0.5)

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        right = (y_true.astype(y_pred.dtype) > 0.5) == (y_pred > self.threshold)
        return mean_over_features(right.astype(y_pred.dtype))


@spec
class TopKCategoricalAccuracy(_Mean):
    """A = sum_i w_i [fewer than k classes are more probable than y_i] / sum_i w_i

    y: (batch, ...), integer labels, or one-hot (batch, ..., C);  p: (batch, ..., C);  w: (batch,).

    Reference: Russakovsky et al., *ImageNet Large Scale Visual Recognition Challenge*, IJCV 115, 2015.

    k:     how many guesses are allowed.
    name:  what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> float(metrics.TopKCategoricalAccuracy(2)(jnp.array([0, 1]), jnp.array([[0.1, 0.2, 0.7], [0.6, 0.3, 0.1]])))
        0.5
    """

    aliases: ClassVar[tuple[str, ...]] = ("sparse_top_k_categorical_accuracy",)

    k: int = setting(default=5, least=1)

    def check_targets(self, y_true: Shaped, y_pred: Shaped) -> None:
        class_targets(y_true, y_pred)

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        mine = jnp.take_along_axis(y_pred, labels(y_true, y_pred)[..., None], axis=-1)
        rank = (~(y_pred <= mine)).sum(axis=-1)  # NaN is never a hit
        return mean_over_features((rank < self.k).astype(y_pred.dtype))


@abstract
class _Counted(Metric):
    """The base of what is made of counts. Sums: (3, C), right predictions, predictions and samples of each class."""

    threshold: float | None = dial(default=None)

    def check_targets(self, y_true: Shaped, y_pred: Shaped) -> None:
        (same_shape if self.threshold is not None or _columns(y_pred) == 1 else class_targets)(y_true, y_pred)

    def measure(self, y_true: jax.Array, y_pred: jax.Array, weight: jax.Array) -> jax.Array:
        self.check_targets(y_true, y_pred)
        y_pred = at_least_float32(y_pred)
        truth, guess = (as_rows(yes) for yes in self._decided(y_true, y_pred))
        counts = jnp.stack([truth & guess, guess, truth]).astype(y_pred.dtype)  # (3, rows, C)
        return (counts * row_weights(weight, counts[0])[None]).sum(axis=1)

    def _decided(self, y_true: jax.Array, y_pred: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Whether each class is true, and whether it is guessed: (batch, ..., C)."""
        if self.threshold is None and _columns(y_pred) > 1:
            classes = y_pred.shape[-1]
            guess = jax.nn.one_hot(y_pred.argmax(axis=-1), classes, dtype=bool)
            return jax.nn.one_hot(labels(y_true, y_pred), classes, dtype=bool), guess
        return y_true.astype(y_pred.dtype) > 0.5, y_pred > (0.5 if self.threshold is None else self.threshold)

    def result(self, total: jax.Array) -> jax.Array:
        right, guessed, true = total
        occurs = (guessed + true > 0).astype(total.dtype)
        return self.score(right, guessed, true).sum() / jnp.maximum(occurs.sum(), 1.0)

    def score(self, right: jax.Array, guessed: jax.Array, true: jax.Array) -> jax.Array:
        """The metric of each class from its counts: (C,)."""
        raise NotImplementedError


@spec
class Precision(_Counted):
    """P = right / guessed: of the samples said to be of the class, the share that are. The mean over classes.

    y: (batch, ...), p: the same or (batch, ..., C) for labels;  w: (batch,). A class never guessed has P = 0; one that
    neither occurs nor is guessed is left out of the mean (as in scikit-learn). A single column counts only the yes.

    Reference: van Rijsbergen, *Information Retrieval*, 1979.

    threshold:  None takes the most probable class, or more than 1/2 of a single column; a number takes each column for
                a yes or no of its own (several labels a sample).
    name:       what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> float(metrics.Precision()(jnp.array([0.0, 1.0, 1.0]), jnp.array([0.9, 0.6, 0.1])))
        0.5
    """

    def score(self, right: jax.Array, guessed: jax.Array, true: jax.Array) -> jax.Array:
        return _share(right, guessed)


@spec
class Recall(_Counted):
    """R = right / true: of the samples of the class, the share that was found. The mean over classes.

    y: (batch, ...), p: the same or (batch, ..., C) for labels;  w: (batch,). Classes are counted as in Precision.

    Reference: van Rijsbergen, *Information Retrieval*, 1979.

    threshold:  None takes the most probable class, or more than 1/2 of a single column; a number takes each column for
                a yes or no of its own (several labels a sample).
    name:       what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> float(metrics.Recall()(jnp.array([0.0, 1.0, 1.0, 1.0, 1.0]), jnp.array([0.9, 0.6, 0.1, 0.2, 0.3])))
        0.25
    """

    def score(self, right: jax.Array, guessed: jax.Array, true: jax.Array) -> jax.Array:
        return _share(right, true)


@spec
class F1Score(_Counted):
    """F1 = 2 P R / (P + R) = 2 right / (guessed + true), of each class; the mean over classes (macro).

    y: (batch, ...), p: the same or (batch, ..., C) for labels;  w: (batch,). Classes are counted as in Precision.

    Reference: van Rijsbergen, *Information Retrieval*, 1979.

    threshold:  None takes the most probable class, or more than 1/2 of a single column; a number takes each column for
                a yes or no of its own (several labels a sample).
    name:       what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> float(metrics.F1Score()(jnp.array([0.0, 1.0, 1.0]), jnp.array([0.9, 0.6, 0.1])))
        0.5
    """

    def score(self, right: jax.Array, guessed: jax.Array, true: jax.Array) -> jax.Array:
        return _share(2 * right, guessed + true)


@spec
class AUC(Metric):
    """The area under the curve of true positives over false positives; the chance that a yes is ranked above a no.

    y, p: (batch,) or (batch, ..., 1), with p in [0, 1];  w: (batch,). As in Keras the curve has ``thresholds`` points,
    evenly spaced, joined by lines: p is known to 1 / (thresholds - 1). NaN where one of the two classes does not occur.
    Sums: (2, thresholds - 1), the noes and the yeses between neighbouring thresholds.

    Reference: Hanley and McNeil, *The Meaning and Use of the Area under a ROC Curve*, Radiology 143, 1982.

    thresholds:  the points of the curve.
    name:        what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> float(metrics.AUC()(jnp.array([0.0, 1.0, 0.0, 1.0]), jnp.array([0.1, 0.4, 0.6, 0.9])))
        0.75
    """

    thresholds: int = setting(default=200, least=2)

    def check_targets(self, y_true: Shaped, y_pred: Shaped) -> None:
        if _columns(y_pred) != 1:
            raise ShapeError(
                "AUC",
                got=f"predictions of shape {y_pred.shape}",
                expected="one column: (batch,) or (batch, 1)",
                fix="the column of one class, with targets y == that class",
            )
        same_shape(y_true, y_pred)

    def measure(self, y_true: jax.Array, y_pred: jax.Array, weight: jax.Array) -> jax.Array:
        self.check_targets(y_true, y_pred)
        p, bins = as_rows(at_least_float32(y_pred)), self.thresholds - 1
        above = jnp.clip(jnp.ceil(p * bins) - 1, 0, bins - 1).astype(int)  # the last threshold below p
        yes = (as_rows(y_true).astype(p.dtype) > 0.5).astype(int)
        return jnp.zeros((2, bins), p.dtype).at[yes, above].add(row_weights(weight, p))

    def result(self, total: jax.Array) -> jax.Array:
        noes, yeses = total
        yeses_above = yeses.sum() - jnp.cumsum(yeses)
        return (noes * (yeses_above + yeses / 2)).sum() / (noes.sum() * yeses.sum())


def resolve(metric: Metric, loss: Loss) -> Metric:
    """The metric that ``metric`` means beside ``loss``, the loss as it was written, not yet matched with an activation.

    "accuracy" becomes that of the loss's kind. Beside a binary loss, precision, recall and F1 take each column for a
    yes or no; beside a binary loss on logits a probability of 1/2 is a logit of 0.

    Raises:
        SpecError: the metric cannot be had with this loss.
    """
    binary, logits = loss.matched is Sigmoid, loss.space == "logits"
    threshold = 0.0 if logits else 0.5
    if isinstance(metric, Accuracy):
        name = metric.name or "accuracy"
        if binary:
            return BinaryAccuracy(threshold, name=name)
        return CategoricalAccuracy(name=name) if loss.matched is Softmax else _no_accuracy(loss)
    if isinstance(metric, _Counted) and binary and metric.threshold is None:
        return metric.replace(threshold=threshold)
    if isinstance(metric, AUC) and logits:
        fix = 'end the network in "sigmoid" and leave out from_logits'
        raise SpecError("AUC", got="a loss on logits", expected="predictions between 0 and 1", fix=fix)
    return metric


def labels(y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
    """Targets as integer labels: (batch, ...)."""
    return y_true.astype(int) if are_labels(y_true, y_pred) else y_true.argmax(axis=-1).astype(int)


def _no_accuracy(loss: Loss) -> Metric:
    fix = 'metrics=["mae"] or ["r2"], or name CategoricalAccuracy() or BinaryAccuracy()'
    raise SpecError("accuracy", got=f"the loss {type(loss).__name__}", expected="the loss of a classifier", fix=fix)


def _columns(y_pred: Shaped) -> int:
    return y_pred.shape[-1] if len(y_pred.shape) > 1 else 1


def _share(part: jax.Array, whole: jax.Array) -> jax.Array:
    return jnp.where(whole > 0, part / jnp.where(whole > 0, whole, 1.0), 0.0)
