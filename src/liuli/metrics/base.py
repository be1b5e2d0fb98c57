"""What a metric is: sums over samples, and a number made of the sums.

Because the sums of two batches add up to the sums of both, a metric over an epoch is exact, not a mean of means.
Sums are kept in float32 at least, whatever the network computes in.
"""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp

from liuli.core.precision import at_least_float32
from liuli.core.specs import Spec, abstract, snake_case
from liuli.losses.base import Shaped, counted, same_shape


@abstract
class Metric(Spec, family="metrics"):
    """m = result(sum over samples of measure(y, yhat, w)).

    Metrics see predictions after the last activation, and targets and predictions in the units of the raw data. Where a
    mask (batch, time) says which time steps count, each of them is a sample, with the weight of its sequence.

    name:  what the history calls it, where the class in snake case will not do.
    """

    name: str | None = dataclasses.field(default=None, kw_only=True)

    @property
    def label(self) -> str:
        """What the history calls it: ``name``, or the class in snake case.

        >>> from liuli import metrics
        >>> metrics.MeanSquaredError().label, metrics.CategoricalAccuracy(name="accuracy").label
        ('mean_squared_error', 'accuracy')
        """
        return self.name or snake_case(type(self).__name__)

    def check_targets(self, y_true: Shaped, y_pred: Shaped) -> None:
        """Raise ShapeError unless targets like ``y_true`` go with predictions like ``y_pred``."""
        same_shape(y_true, y_pred)

    def measure(self, y_true: jax.Array, y_pred: jax.Array, weight: jax.Array) -> jax.Array:
        """What a batch adds to the sums: any fixed shape. ``weight`` is (batch,)."""
        raise NotImplementedError

    def result(self, total: jax.Array) -> jax.Array:
        """The metric, a scalar, from the sums over all samples."""
        raise NotImplementedError

    def sums(self, y_true: jax.Array, y_pred: jax.Array, weight: jax.Array, mask: jax.Array | None = None) -> jax.Array:
        """What :meth:`measure` gives of a batch in which each time step where ``mask`` is True counts as a sample."""
        if mask is None:
            return self.measure(y_true, y_pred, weight)
        steps = (weight[:, None] * mask.astype(weight.dtype)).reshape(-1)
        return self.measure(counted(y_true, mask), counted(y_pred, mask), steps)

    def __call__(
        self,
        y_true: jax.Array,
        y_pred: jax.Array,
        weight: jax.Array | None = None,
        mask: jax.Array | None = None,
    ) -> jax.Array:
        """The metric of all samples at once, a scalar."""
        weight = jnp.ones(y_pred.shape[0]) if weight is None else weight
        return self.result(self.sums(y_true, y_pred, weight, mask))


@abstract
class _Mean(Metric):
    """m = sum_i w_i m_i / sum_i w_i. Sums: (2,), the numerator and the denominator."""

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """m_i for each sample: (batch,)."""
        raise NotImplementedError

    def measure(self, y_true: jax.Array, y_pred: jax.Array, weight: jax.Array) -> jax.Array:
        self.check_targets(y_true, y_pred)
        y_pred = at_least_float32(y_pred)
        weight = weight.astype(y_pred.dtype)
        return jnp.stack([(weight * self.per_sample(y_true, y_pred)).sum(), weight.sum()])

    def result(self, total: jax.Array) -> jax.Array:
        return total[0] / total[1]


def as_rows(y: jax.Array) -> jax.Array:
    """(batch,) as (batch, 1), and (batch, ..., n) as (rows, n): every axis but the last counts as samples."""
    return y.reshape(-1, y.shape[-1] if y.ndim > 1 else 1)


def row_weights(weight: jax.Array, rows: jax.Array) -> jax.Array:
    """The weight (batch,) of each of ``rows`` (rows, n), which hold equally many for each sample: (rows, 1)."""
    return jnp.repeat(weight.astype(rows.dtype), rows.shape[0] // weight.shape[0])[:, None]
