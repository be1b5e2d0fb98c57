"""Losses on values: l is the mean over the features of a function of the residual r = yhat - y."""

from __future__ import annotations

import math
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from liuli.core.numerics import magnitude
from liuli.core.specs import dial, spec
from liuli.losses.base import Loss, all_true, mean_over_features

_LEAST = 1e-7  # the smallest size of a value that is divided by or made a logarithm of, as in Keras


@spec
class MeanSquaredError(Loss):
    """l = factor mean_j (yhat_j - y_j)^2            dl/dyhat_j = 2 factor (yhat_j - y_j) / n

    y, yhat: (batch, ..., n), with n features in all; maximum likelihood where noise is Gaussian.

    Reference: Legendre, *Nouvelles méthodes pour la détermination des orbites des comètes*, 1805; Gauss, 1809.

    factor:     1 as in Keras, PyTorch and scikit-learn's metric, 1/n times the sum; 1/2 as in textbooks and
                scikit-learn's MLPRegressor, 1/(2n) times the sum, which cancels the 2 of the derivative. With
                ``reduction="sum"`` 1/2 makes half a sum of squares, as in Rumelhart, Hinton and Williams.
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
        return mean_over_features(magnitude(residual(y_true, y_pred)))


@spec
class Huber(Loss):
    """l = mean_j h(yhat_j - y_j),  h(r) = r^2 / 2 where |r| <= delta, else delta (|r| - delta / 2)

    y, yhat: (batch, ..., n). Squared near zero, absolute far away: h'(r) = r, cut at +-delta. Keras's and PyTorch's
    scaling; SmoothL1 divides it by delta.

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


@spec
class SmoothL1(Loss):
    """l = mean_j s(yhat_j - y_j),  s(r) = r^2 / (2 beta) where |r| < beta, else |r| - beta / 2

    y, yhat: (batch, ..., n). It is Huber(beta) divided by beta: far from zero the slope is 1 whatever beta is, where
    Huber's is delta; a small beta makes it the absolute error. PyTorch's scaling.

    Reference: Girshick, *Fast R-CNN*, ICCV 2015.

    beta:       where the square becomes a line; 0 is the absolute error.
    reduction:  the mean over samples, or their sum.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import losses
        >>> float(losses.SmoothL1(2.0)(jnp.array([[0.0], [0.0]]), jnp.array([[1.0], [3.0]])))
        1.125
    """

    beta: float = dial(default=1.0, least=0.0)

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        size = jnp.abs(residual(y_true, y_pred))
        width = jnp.where(self.beta > 0, self.beta, 1.0)
        return mean_over_features(jnp.where(size < self.beta, 0.5 * jnp.square(size) / width, size - 0.5 * self.beta))


@spec
class Quantile(Loss):
    """l = mean_j max(q r_j, (q - 1) r_j),  r = y - yhat            dl/dyhat_j = -q / n where r_j > 0, else (1 - q) / n

    y, yhat: (batch, ..., n). The pinball loss: smallest where a share q of the targets lies below the prediction.
    q = 1/2 is half the absolute error, and predicts the median.

    Reference: Koenker and Bassett, *Regression Quantiles*, Econometrica 46, 1978.

    quantile:   q, the share of targets that should lie below.
    reduction:  the mean over samples, or their sum.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import losses
        >>> float(losses.Quantile(0.75)(jnp.array([[0.0], [4.0]]), jnp.array([[2.0], [2.0]])))
        1.0
    """

    aliases: ClassVar[tuple[str, ...]] = ("pinball",)

    quantile: float = dial(default=0.5, least=0.0, most=1.0)

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        below = -residual(y_true, y_pred)
        return mean_over_features(jnp.maximum(self.quantile * below, (self.quantile - 1) * below))


@spec
class LogCosh(Loss):
    """l = mean_j log cosh(yhat_j - y_j)            dl/dyhat_j = tanh(yhat_j - y_j) / n

    y, yhat: (batch, ..., n). About r^2 / 2 near zero and |r| - log 2 far away, smooth to every order between.

    Reference: Green, *Bayesian Reconstructions from Emission Tomography Data Using a Modified EM Algorithm*, IEEE
    Transactions on Medical Imaging 9, 1990.

    reduction:  the mean over samples, or their sum.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import losses
        >>> round(float(losses.LogCosh()(jnp.array([[0.0]]), jnp.array([[1.0]]))), 4)
        0.4338
    """

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        size = jnp.abs(residual(y_true, y_pred))
        near = size < 1  # there 2 sinh^2(r / 2) = cosh(r) - 1 keeps the digits, far away exp(-2 |r|) does not overflow
        exact = jnp.log1p(2 * jnp.square(jnp.sinh(0.5 * jnp.where(near, size, 0.0))))
        return mean_over_features(jnp.where(near, exact, size + jnp.log1p(jnp.exp(-2 * size)) - math.log(2)))


@spec
class MeanAbsolutePercentageError(Loss):
    """l = 100 mean_j |yhat_j - y_j| / max(|y_j|, 1e-7)

    y, yhat: (batch, ..., n). In percent, as in Keras; a target near zero makes it huge.

    Reference: Makridakis, *Accuracy Measures: Theoretical and Practical Concerns*, International Journal of
    Forecasting 9, 1993.

    reduction:  the mean over samples, or their sum.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import losses
        >>> float(losses.MeanAbsolutePercentageError()(jnp.array([[2.0], [4.0]]), jnp.array([[3.0], [4.0]])))
        25.0
    """

    aliases: ClassVar[tuple[str, ...]] = ("mape",)

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        size = jnp.maximum(jnp.abs(y_true.astype(y_pred.dtype)), _LEAST)
        return 100 * mean_over_features(magnitude(residual(y_true, y_pred)) / size)


@spec
class MeanSquaredLogarithmicError(Loss):
    """l = mean_j (log(1 + yhat_j) - log(1 + y_j))^2

    y, yhat: (batch, ..., n), neither negative: as in Keras a prediction below 1e-7 counts as 1e-7. It weighs the ratio
    of prediction to target, not their difference.

    Reference: Törnqvist, Vartia and Vartia, *How Should Relative Changes Be Measured?*, The American Statistician 39,
    1985.

    reduction:  the mean over samples, or their sum.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import losses
        >>> round(float(losses.MeanSquaredLogarithmicError()(jnp.array([[0.0]]), jnp.array([[1.0]]))), 4)
        0.4805
    """

    aliases: ClassVar[tuple[str, ...]] = ("msle",)

    def validate_targets(self, y: np.ndarray, y_pred_shape: tuple[int, ...]) -> None:
        super().validate_targets(y, y_pred_shape)
        all_true(y >= 0, y, "target", "numbers of at least 0", 'the loss "mse"')

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        y, yhat = (jnp.log1p(jnp.maximum(v, _LEAST)) for v in (y_true.astype(y_pred.dtype), y_pred))
        return mean_over_features(jnp.square(yhat - y))


def residual(y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
    """yhat - y, in the dtype of the predictions."""
    return y_pred - y_true.astype(y_pred.dtype)
