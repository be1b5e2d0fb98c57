"""Which metric a name means beside a loss: what the loss asks of a prediction, and in which space."""

from __future__ import annotations

import dataclasses

from liuli.core.errors import SpecError
from liuli.losses.base import Loss
from liuli.metrics.base import Metric
from liuli.metrics.classification import Accuracy, BinaryAccuracy, CategoricalAccuracy
from liuli.metrics.counted import _Counted
from liuli.metrics.curves import _Curve


def resolve(metric: Metric, loss: Loss) -> Metric:
    """The metric that ``metric`` means beside ``loss``, the loss as it was written, not yet matched with an activation.

    "accuracy" becomes that of the loss's kind: of classes, or of yes and no for each element. Beside a loss that asks
    for yes or no, precision, recall and all that counts take each column for one, above a probability of 1/2 or a score
    of 0 (a logit, or what a hinge takes). Beside a loss on logits, metrics of probabilities make these themselves.

    Raises:
        SpecError: the metric cannot be had with this loss.
    """
    if isinstance(metric, Accuracy):
        return _accuracy(metric, loss)
    if loss.question == "whether" and _undecided(metric):
        return metric.replace(threshold=loss.boundary)
    ranks = isinstance(metric, _Curve) and loss.question == "whether"  # which a sigmoid leaves as they are
    scores = loss.space == "logits" or (ranks and loss.space == "values")
    if scores and any(field.name == "from_logits" for field in dataclasses.fields(metric)):
        return metric.replace(from_logits=True)
    return metric


def _undecided(metric: Metric) -> bool:
    """Whether nobody said above which prediction the answer is yes."""
    if isinstance(metric, BinaryAccuracy):
        return metric.threshold == 0.5
    return isinstance(metric, _Counted) and metric.threshold is None and getattr(metric, "top_k", None) is None


def _accuracy(metric: Accuracy, loss: Loss) -> Metric:
    name = metric.name or "accuracy"
    if loss.question == "whether":
        return BinaryAccuracy(loss.boundary, name=name)
    if loss.question == "which":
        return CategoricalAccuracy(name=name)
    fix = 'metrics=["mae"] or ["r2"], or name CategoricalAccuracy() or BinaryAccuracy()'
    raise SpecError("accuracy", got=f"the loss {type(loss).__name__}", expected="the loss of a classifier", fix=fix)
