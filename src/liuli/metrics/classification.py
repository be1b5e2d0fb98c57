"""Accuracies: the share of predictions that are right.

Where predictions have one column (or none) the question is yes or no; with more columns they are classes. Targets are
one-hot or integer labels, told apart by dtype and rank as in the losses.
"""

from __future__ import annotations

from typing import ClassVar

import jax
import jax.numpy as jnp

from liuli.core.specs import dial, setting, spec
from liuli.losses.base import Shaped, are_labels, class_targets, mean_over_features
from liuli.metrics.base import Metric, _Mean


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

    threshold:  above it the prediction is yes; beside a loss on logits, or a hinge, a Model makes the usual 1/2 a 0.
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


def labels(y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
    """Targets as integer labels: (batch, ...)."""
    return y_true.astype(int) if are_labels(y_true, y_pred) else y_true.argmax(axis=-1).astype(int)


def columns(y_pred: Shaped) -> int:
    """How many classes or questions predictions hold along their last axis; 1 for (batch,)."""
    return y_pred.shape[-1] if len(y_pred.shape) > 1 else 1
