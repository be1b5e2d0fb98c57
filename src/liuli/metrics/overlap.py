"""Metrics of overlap: intersection over union."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp

from liuli.core.errors import SpecError
from liuli.core.specs import spec
from liuli.losses.base import Shaped, same_shape
from liuli.metrics.base import as_rows, row_weights
from liuli.metrics.classification import labels
from liuli.metrics.counted import Counts, _Counted, check_column, mean_of_present, share


@spec
class MeanIoU(_Counted):
    """IoU = right / (guessed + true - right), intersection over union, of each class; the mean over classes.

    y: (batch, ...), p: the same or (batch, ..., C) for labels;  w: (batch,). Classes are counted as in Precision: a
    single column counts only the yes (BinaryIoU counts both).

    Reference: Jaccard, *The Distribution of the Flora in the Alpine Zone*, New Phytologist 11, 1912.

    threshold:     None takes the most probable class, or more than 1/2 of a single column; a number takes each column
                   for a yes or no of its own (several labels a sample).
    ignore_class:  a label whose positions are not counted, such as 255 on the borders of a segmentation.
    name:          what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> float(metrics.MeanIoU()(jnp.array([0.0, 1.0, 1.0]), jnp.array([0.9, 0.6, 0.7])))
        0.6667
    """

    aliases: ClassVar[tuple[str, ...]] = ("jaccard", "one_hot_mean_iou")

    ignore_class: int | None = dataclasses.field(default=None, kw_only=True)

    def measure(self, y_true: jax.Array, y_pred: jax.Array, weight: jax.Array) -> jax.Array:
        if self.ignore_class is None:
            return super().measure(y_true, y_pred, weight)
        self.check_targets(y_true, y_pred)
        single = self.by_column(y_pred)
        y = (y_true if single else labels(y_true, y_pred)).reshape(-1)
        p = y_pred.reshape(-1) if single else as_rows(y_pred)
        keep = y.astype(int) != self.ignore_class
        return super().measure(y, p, row_weights(weight, p)[:, 0] * keep.astype(weight.dtype))

    def of(self, counts: Counts) -> jax.Array:
        return mean_of_present(share(counts.right, counts.guessed + counts.true - counts.right), counts)


@spec
class IoU(MeanIoU):
    """IoU = right / (guessed + true - right), intersection over union; the mean over the classes that are asked for.

    y: (batch, ...), integer labels, or one-hot (batch, ..., C);  p: (batch, ..., C);  w: (batch,).

    Reference: Jaccard, *The Distribution of the Flora in the Alpine Zone*, New Phytologist 11, 1912.

    target_class_ids:  the classes that are asked for; None takes all of them.
    threshold:         as in MeanIoU.
    ignore_class:      as in MeanIoU.
    name:              what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> p = jnp.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]])
        >>> float(metrics.IoU(target_class_ids=(1,))(jnp.array([0, 0, 1]), p))
        0.5
    """

    aliases: ClassVar[tuple[str, ...]] = ("one_hot_iou",)

    target_class_ids: tuple[int, ...] | None = dataclasses.field(default=None, kw_only=True)

    def check_targets(self, y_true: Shaped, y_pred: Shaped) -> None:
        super().check_targets(y_true, y_pred)
        check_column("target_class_ids", max(self.target_class_ids or (0,)), y_pred)

    def of(self, counts: Counts) -> jax.Array:
        return super().of(_chosen(counts, self.target_class_ids))


@spec
class BinaryIoU(IoU):
    """IoU = right / (guessed + true - right), intersection over union, of no and of yes; their mean.

    y, p: (batch, ...), each element a yes (1) or no (0) of its own;  w: (batch,).

    Reference: Jaccard, *The Distribution of the Flora in the Alpine Zone*, New Phytologist 11, 1912.

    target_class_ids:  (0, 1) for the mean of both, (1,) for the yes alone.
    threshold:         above it the prediction is yes; None is 1/2, or a score of 0 where the loss takes scores.
    ignore_class:      as in MeanIoU.
    name:              what the history calls it.

    Raises:
        SpecError: a class that is neither 0 nor 1 is asked for.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> round(float(metrics.BinaryIoU()(jnp.array([0.0, 1.0, 1.0]), jnp.array([0.1, 0.6, 0.2]))), 4)
        0.5
    """

    aliases: ClassVar[tuple[str, ...]] = ()

    target_class_ids: tuple[int, ...] | None = dataclasses.field(default=(0, 1), kw_only=True)

    def check(self) -> None:
        if not set(self.target_class_ids or ()) <= {0, 1}:
            raise SpecError(
                "BinaryIoU.target_class_ids", got=repr(self.target_class_ids), expected="0, 1, or both", fix="(0, 1)"
            )

    def by_column(self, y_pred: Shaped) -> bool:
        return True

    def check_targets(self, y_true: Shaped, y_pred: Shaped) -> None:
        same_shape(y_true, y_pred)

    def of(self, counts: Counts) -> jax.Array:
        both = Counts(*(each.sum() for each in counts)).both()
        return MeanIoU.of(self, _chosen(both, self.target_class_ids))


def _chosen(counts: Counts, classes: tuple[int, ...] | None) -> Counts:
    return counts if classes is None else Counts(*(each[jnp.array(classes)] for each in counts))
