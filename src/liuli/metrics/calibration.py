"""Metrics of calibration: whether what is given a probability of 0.8 is true 8 times of 10."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp

from liuli.core.precision import at_least_float32
from liuli.core.specs import abstract, setting, spec
from liuli.losses.base import Shaped, class_targets, mean_over_features, same_shape
from liuli.losses.margin import one_hot, vectors
from liuli.metrics.base import Metric, _Mean, as_rows, row_weights
from liuli.metrics.classification import columns, labels


@abstract
class _Calibration(Metric):
    """The base: one column is the probability of a yes, several are those of classes."""

    from_logits: bool = dataclasses.field(default=False, kw_only=True)

    def check_targets(self, y_true: Shaped, y_pred: Shaped) -> None:
        (same_shape if columns(y_pred) == 1 else class_targets)(y_true, y_pred)

    def probabilities(self, y_pred: jax.Array) -> jax.Array:
        """p: (batch, ..., C)."""
        z = vectors(y_pred)
        if not self.from_logits:
            return z
        return jax.nn.sigmoid(z) if z.shape[-1] == 1 else jax.nn.softmax(z, axis=-1)


@spec
class BrierScore(_Calibration, _Mean):
    """B = sum_i w_i sum_c (p_ic - y_ic)^2 / sum_i w_i            of one column (p_i - y_i)^2

    y: (batch, ...), integer labels, or one-hot (batch, ..., C), or a single column of yes (1) and no (0);  p: (batch,
    ..., C) or the column;  w: (batch,). Between 0 and 2 for classes, as in Brier's paper, and between 0 and 1 for a
    column, of which only the yes counts, as in scikit-learn.

    Reference: Brier, *Verification of Forecasts Expressed in Terms of Probability*, Monthly Weather Review 78, 1950.

    from_logits:  whether a sigmoid (one column) or a softmax makes p of the predictions.
    name:         what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> float(metrics.BrierScore()(jnp.array([1, 0]), jnp.array([[0.5, 0.5], [1.0, 0.0]])))
        0.25
    """

    aliases: ClassVar[tuple[str, ...]] = ("brier",)

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        p = self.probabilities(y_pred)
        y = one_hot(y_true, p) if p.shape[-1] > 1 else vectors(y_true.astype(p.dtype))
        return mean_over_features(jnp.square(p - y).sum(axis=-1))


@spec
class ExpectedCalibrationError(_Calibration):
    """ECE = sum_b |sum_{i in b} w_i (p_i - h_i)| / sum_i w_i,  over bins b of samples of about equal p

    y: (batch, ...), integer labels, or one-hot (batch, ..., C), or a single column of yes (1) and no (0);  p: (batch,
    ..., C) or the column;  w: (batch,). Of classes p_i is the largest probability, and h_i whether its class is right;
    of a column p_i is the probability of a yes, and h_i = y_i. 0 is what a probability promises. Sums: (2, num_bins),
    w (p - h) and w in each bin.

    Reference: Naeini, Cooper and Hauskrecht, *Obtaining Well Calibrated Probabilities Using Bayesian Binning*, AAAI
    2015; Guo, Pleiss, Sun and Weinberger, *On Calibration of Modern Neural Networks*, ICML 2017.

    num_bins:     how many bins of equal width there are between 0 and 1.
    from_logits:  whether a sigmoid (one column) or a softmax makes p of the predictions.
    name:         what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> float(metrics.ExpectedCalibrationError()(jnp.array([1.0, 0.0]), jnp.array([0.75, 0.75])))
        0.25
    """

    aliases: ClassVar[tuple[str, ...]] = ("ece",)

    num_bins: int = setting(default=15, least=1)

    def measure(self, y_true: jax.Array, y_pred: jax.Array, weight: jax.Array) -> jax.Array:
        self.check_targets(y_true, y_pred)
        p = self.probabilities(at_least_float32(y_pred))
        if p.shape[-1] > 1:
            hit = (labels(y_true, p) == p.argmax(axis=-1))[..., None]
            p = p.max(axis=-1, keepdims=True)
        else:
            hit = vectors(y_true)
        p, hit = as_rows(p), as_rows(hit).astype(p.dtype)
        bins = jnp.clip(jnp.ceil(p * self.num_bins) - 1, 0, self.num_bins - 1).astype(int)[:, 0]
        each = row_weights(weight, p) * jnp.concatenate([p - hit, jnp.ones_like(p)], axis=1)
        return jnp.zeros((2, self.num_bins), p.dtype).at[:, bins].add(each.T)

    def result(self, total: jax.Array) -> jax.Array:
        return jnp.abs(total[0]).sum() / total[1].sum()
