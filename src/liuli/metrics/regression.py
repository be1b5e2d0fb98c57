"""Metrics on values."""

from __future__ import annotations

from typing import ClassVar, Literal

import jax
import jax.numpy as jnp

from liuli.core.precision import at_least_float32
from liuli.core.specs import setting, spec
from liuli.losses.base import mean_over_features
from liuli.losses.regression import residual
from liuli.metrics.base import Metric, _Mean, as_rows, row_weights


@spec
class MeanSquaredError(_Mean):
    """MSE = sum_i w_i mean_j (yhat_ij - y_ij)^2 / sum_i w_i            y, yhat: (batch, ...)   w: (batch,)

    Reference: Gauss, *Theoria motus*, 1809.

    name:  what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> float(metrics.MeanSquaredError()(jnp.array([0.0, 0.0]), jnp.array([1.0, 3.0])))
        5.0
    """

    aliases: ClassVar[tuple[str, ...]] = ("mse",)

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        return mean_over_features(jnp.square(residual(y_true, y_pred)))


@spec
class RootMeanSquaredError(MeanSquaredError):
    """RMSE = sqrt(MSE), in the unit of y            y, yhat: (batch, ...)   w: (batch,)

    Reference: Gauss, *Theoria motus*, 1809.

    name:  what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> float(metrics.RootMeanSquaredError()(jnp.array([0.0, 0.0]), jnp.array([1.0, 7.0])))
        5.0
    """

    aliases: ClassVar[tuple[str, ...]] = ("rmse",)

    def result(self, total: jax.Array) -> jax.Array:
        return jnp.sqrt(super().result(total))


@spec
class MeanAbsoluteError(_Mean):
    """MAE = sum_i w_i mean_j |yhat_ij - y_ij| / sum_i w_i            y, yhat: (batch, ...)   w: (batch,)

    Reference: Laplace, 1793.

    name:  what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> float(metrics.MeanAbsoluteError()(jnp.array([0.0, 0.0]), jnp.array([1.0, 3.0])))
        2.0
    """

    aliases: ClassVar[tuple[str, ...]] = ("mae",)

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        return mean_over_features(jnp.abs(residual(y_true, y_pred)))


@spec
class R2Score(Metric):
    """R2 = mean_j (1 - sum_i w_i (yhat_ij - y_ij)^2 / sum_i w_i (y_ij - ybar_j)^2)

    y, yhat: (batch, n) or (batch,), or (batch, ..., n), where every axis but the last counts as samples; the mean over
    the n outputs, as in scikit-learn and Keras. 1 is perfect, 0 is what predicting the mean of y gives.
    A constant y gives 1 where predictions are perfect, else 0 (scikit-learn's convention).
    The variance of y comes from the sums of y and y^2: in float32 it keeps some 6 - 2 log10(|mean| / deviation) digits,
    and a y that varies by less than a thousandth of its mean counts as constant: take the mean away beforehand.

    Reference: Wright, *Correlation and Causation*, Journal of Agricultural Research 20, 1921; the adjustment: Ezekiel,
    *Methods of Correlation Analysis*, 1930.

    class_aggregation:  ``"uniform_average"``, the mean over outputs; ``"variance_weighted_average"``, by the variance
                        of each output; ``"sum"``. (Keras's None gives a number for each output.)
    num_regressors:     p, the inputs of a regression, where R2 is to be adjusted for them:
                        1 - (1 - R2) (N - 1) / (N - p - 1), with N = sum w (Keras counts each output of a sample);
                        0 leaves it as it is.
    name:               what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> float(metrics.R2Score()(jnp.array([1.0, 2.0, 3.0]), jnp.array([1.0, 2.0, 2.0])))
        0.5
    """

    aliases: ClassVar[tuple[str, ...]] = ("r2",)

    class_aggregation: Literal["uniform_average", "variance_weighted_average", "sum"] = "uniform_average"
    num_regressors: int = setting(default=0, least=0)

    def measure(self, y_true: jax.Array, y_pred: jax.Array, weight: jax.Array) -> jax.Array:
        self.check_targets(y_true, y_pred)
        yhat = as_rows(at_least_float32(y_pred))
        y = as_rows(y_true).astype(yhat.dtype)
        w = row_weights(weight, y)
        sums = [jnp.broadcast_to(w, y.shape), w * y, w * y * y, w * jnp.square(yhat - y)]
        return jnp.stack(sums).sum(axis=1)  # (4, n)

    def result(self, total: jax.Array) -> jax.Array:
        count, linear, square, residuals = total
        spread = square - linear * linear / count
        varies = spread > 10 * jnp.finfo(spread.dtype).eps * square
        score = jnp.where(varies, 1 - residuals / jnp.where(varies, spread, 1.0), (residuals == 0).astype(spread.dtype))
        found = self._aggregated(score, jnp.where(varies, spread, 0.0))
        if not self.num_regressors:
            return found
        return 1 - (1 - found) * (count[0] - 1) / (count[0] - self.num_regressors - 1)

    def _aggregated(self, scores: jax.Array, spread: jax.Array) -> jax.Array:
        if self.class_aggregation == "sum":
            return scores.sum()
        if self.class_aggregation == "uniform_average":
            return scores.mean()
        total = spread.sum()
        return jnp.where(total > 0, (scores * spread).sum() / jnp.where(total > 0, total, 1.0), scores.mean())
