"""Correlations: whether predictions go up and down with the targets."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from liuli.core.precision import at_least_float32
from liuli.core.specs import abstract, spec
from liuli.metrics.base import Metric, as_rows, row_weights


@abstract
class _Correlation(Metric):
    """The base. Sums: (6, n), of the weights, y, yhat, y^2, yhat^2 and y yhat."""

    def measure(self, y_true: jax.Array, y_pred: jax.Array, weight: jax.Array) -> jax.Array:
        self.check_targets(y_true, y_pred)
        yhat = as_rows(at_least_float32(y_pred))
        y = as_rows(y_true).astype(yhat.dtype)
        products = jnp.stack([jnp.ones_like(y), y, yhat, y * y, yhat * yhat, y * yhat])
        return (products * row_weights(weight, y)[None]).sum(axis=1)

    def result(self, total: jax.Array) -> jax.Array:
        means = total[1:] / total[0][None]
        y, yhat, squares = means[0], means[1], means[2:4]
        variances = squares - jnp.square(means[:2])
        varies = (variances > 10 * jnp.finfo(total.dtype).eps * squares).all(axis=0)
        score = self.score(variances[0], variances[1], means[4] - y * yhat, yhat - y)
        return jnp.where(varies, score, jnp.nan).mean()

    def score(self, y: jax.Array, yhat: jax.Array, both: jax.Array, shift: jax.Array) -> jax.Array:
        """The correlation of each output from the variances, the covariance and the difference of means: (n,)."""
        raise NotImplementedError


@spec
class PearsonCorrelation(_Correlation):
    """r = mean_j cov(y_j, yhat_j) / sqrt(var(y_j) var(yhat_j))

    y, yhat: (batch, n) or (batch,), or (batch, ..., n), where every axis but the last counts as samples; the mean over
    the n outputs (Keras correlates along the last axis of each sample instead). NaN where one of the two does not vary.
    Neither scale nor shift of predictions matters. The moments come from sums, as in R2Score: where the mean is many
    deviations away from 0, take it away beforehand.

    Reference: Pearson, *Notes on Regression and Inheritance in the Case of Two Parents*, 1895.

    name:  what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> round(float(metrics.PearsonCorrelation()(jnp.array([1.0, 2.0, 3.0]), jnp.array([1.0, 5.0, 3.0]))), 4)
        0.5
    """

    def score(self, y: jax.Array, yhat: jax.Array, both: jax.Array, shift: jax.Array) -> jax.Array:
        return both / (jnp.sqrt(y) * jnp.sqrt(yhat))


@spec
class ConcordanceCorrelation(_Correlation):
    """r = mean_j 2 cov(y_j, yhat_j) / (var(y_j) + var(yhat_j) + (mean(yhat_j) - mean(y_j))^2)

    y, yhat: as in PearsonCorrelation. 1 only where predictions equal targets: a wrong scale or shift lowers it.

    Reference: Lin, *A Concordance Correlation Coefficient to Evaluate Reproducibility*, Biometrics 45, 1989.

    name:  what the history calls it.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import metrics
        >>> round(float(metrics.ConcordanceCorrelation()(jnp.array([1.0, 3.0]), jnp.array([2.0, 4.0]))), 4)
        0.6667
    """

    def score(self, y: jax.Array, yhat: jax.Array, both: jax.Array, shift: jax.Array) -> jax.Array:
        return 2 * both / (y + yhat + jnp.square(shift))
