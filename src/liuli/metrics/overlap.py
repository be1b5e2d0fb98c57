"""Metrics of overlap, made of the counts of right predictions, predictions and samples of each class."""

from __future__ import annotations

from typing import ClassVar

import jax
import jax.numpy as jnp

from liuli.core.specs import dial, spec
from liuli.metrics.classification import _Counted, _share


@spec
class FBetaScore(_Counted):
    """F = (1 + beta^2) P R / (beta^2 P + R) = (1 + beta^2) right / (guessed + beta^2 true), of each class; the mean.

    y: (batch, ...), p: the same or (batch, ..., C) for labels;  w: (batch,). Classes are counted as in Precision.

    Reference: van Rijsbergen, *Information Retrieval*, 1979.

    beta:       how many times as much recall counts as precision; 1 is F1.
    threshold:  None takes the most probable class, or more than 1/2 of a single column; a number takes each column for
                a yes or no of its own (several labels a sample).
    name:       what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> score = metrics.FBetaScore(beta=2.0)
        >>> round(float(score(jnp.array([0.0, 1.0, 1.0]), jnp.array([0.9, 0.6, 0.7]))), 4)
        0.9091
    """

    beta: float = dial(default=1.0, least=0.0, kw_only=True)

    def score(self, right: jax.Array, guessed: jax.Array, true: jax.Array) -> jax.Array:
        square = jnp.square(self.beta)
        return _share((1 + square) * right, guessed + square * true)


@spec
class MeanIoU(_Counted):
    """IoU = right / (guessed + true - right), intersection over union, of each class; the mean over classes.

    y: (batch, ...), p: the same or (batch, ..., C) for labels;  w: (batch,). Classes are counted as in Precision: a
    single column counts only the yes.

    Reference: Jaccard, *The Distribution of the Flora in the Alpine Zone*, New Phytologist 11, 1912.

    threshold:  None takes the most probable class, or more than 1/2 of a single column; a number takes each column for
                a yes or no of its own (several labels a sample).
    name:       what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> float(metrics.MeanIoU()(jnp.array([0.0, 1.0, 1.0]), jnp.array([0.9, 0.6, 0.7])))
        0.6667
    """

    aliases: ClassVar[tuple[str, ...]] = ("iou", "jaccard")

    def score(self, right: jax.Array, guessed: jax.Array, true: jax.Array) -> jax.Array:
        return _share(right, guessed + true - right)
