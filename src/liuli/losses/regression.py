"""Losses on values: l is the mean over the features of a function of the residual r = yhat - y."""

from __future__ import annotations

from typing import ClassVar

import jax
import jax.numpy as jnp

from liuli.core.specs import dial, spec
from liuli.losses.base import Loss, mean_over_features


@spec
class MeanSquaredError(Loss):
    """l = factor mean_j (yhat_j - y_j)^2            dl/dyhat_j = 2 factor (yhat_j - y_j) / n

    y, yhat: (batch, ..., n), with n features in all; maximum likelihood where noise is Gaussian.

    Reference: Legendre, *Nouvelles méthodes pour la détermination des orbites des comètes*, 1805; Gauss, 1809.

    factor:     1 as in Keras, PyTorch and scikit-learn's metric; 1/2 as in textbooks and scikit-learn's MLPRegressor,
                which cancels the 2 of the derivative. With ``reduction="sum"`` it is half a sum of squares.
    reduction:  the mean over samples, or their sum.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import losses
        >>> float(losses.MeanSquaredError(factor=0.5)(jnp.array([[0.0], [0.0]]), jnp.array([[1.0], [3.0]])))
        2.5
    """

    aliases: ClassVar[tuple[str, ...]] = ("mse",)

    factor: float = dial(default=1.0, least=0.0)

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        return self.factor * mean_over_features(jnp.square(residual(y_true, y_pred)))


@spec
class MeanAbsoluteError(Loss):
    """l = mean_j |yhat_j - y_j|            dl/dyhat_j = sign(yhat_j - y_j) / n

    y, yhat: (batch, ..., n). An outlier pulls no harder than any other sample;
    maximum likelihood where noise is Laplace's.

    Reference: Boscovich, 1757; Laplace, 1793.

    reduction:  the mean over samples, or their sum.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import losses
        >>> float(losses.MeanAbsoluteError()(jnp.array([[0.0], [0.0]]), jnp.array([[1.0], [3.0]])))
        2.0
    """

    aliases: ClassVar[tuple[str, ...]] = ("mae",)

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        return mean_over_features(jnp.abs(residual(y_true, y_pred)))


@spec
class Huber(Loss):
    """l = mean_j h(yhat_j - y_j),  h(r) = r^2 / 2 where |r| <= delta, else delta (|r| - delta / 2)

    y, yhat: (batch, ..., n). Squared near zero, absolute far away: h'(r) = r, cut at +-delta.

    Reference: Huber, *Robust Estimation of a Location Parameter*, Annals of Mathematical Statistics 35, 1964.

    delta:      where the square becomes a line.
    reduction:  the mean over samples, or their sum.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import losses
        >>> float(losses.Huber(2.0)(jnp.array([[0.0], [0.0]]), jnp.array([[1.0], [3.0]])))
        2.25
    """

    delta: float = dial(default=1.0, least=0.0)

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        size = jnp.abs(residual(y_true, y_pred))
        return mean_over_features(
            jnp.where(size <= self.delta, 0.5 * jnp.square(size), self.delta * (size - 0.5 * self.delta))
        )


def residual(y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
    """yhat - y, in the dtype of the predictions."""
    return y_pred - y_true.astype(y_pred.dtype)
