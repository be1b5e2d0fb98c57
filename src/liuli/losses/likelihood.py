"""Negative log likelihoods: how improbable the network finds the target, where it predicts a distribution."""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from liuli.activations import Activation, Softmax
from liuli.core.errors import ShapeError
from liuli.core.numerics import magnitude
from liuli.core.specs import abstract, dial, spec
from liuli.losses.base import Loss, Question, Shaped, Space, all_true, class_targets, mean_over_features, same_shape
from liuli.losses.classification import _chosen, _classes, _CrossEntropy, _distributions, _log_softmax
from liuli.losses.margin import vectors
from liuli.losses.regression import residual

_LEAST = 1e-7  # added to a rate before its logarithm is taken, as in Keras


@spec
class Poisson(Loss):
    """l = mean_j (r_j - y_j log(r_j + 1e-7))            dl/dr_j = (1 - y_j / r_j) / n

    y, r: (batch, ..., n): counts, and the rates that are predicted for them, positive (end in "softplus" or
    "exponential"), or their logarithms s, linear: then l = mean_j (exp(s_j) - y_j s_j). The term log y!, which no rate
    changes, is left out, as in Keras.

    Reference: Nelder and Wedderburn, *Generalized Linear Models*, Journal of the Royal Statistical Society A 135, 1972.

    log_input:  whether predictions are logarithms of rates, as PyTorch's PoissonNLLLoss takes them by default.
    full:       whether log y! is added, by Stirling's formula where y > 1, as PyTorch does it.
    reduction:  the mean over samples, or their sum.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import losses
        >>> round(float(losses.Poisson()(jnp.array([[1.0], [3.0]]), jnp.array([[1.0], [2.0]]))), 4)
        0.4603
    """

    aliases: ClassVar[tuple[str, ...]] = ("poisson_negative_log_likelihood", "poisson_nll")

    log_input: bool = dataclasses.field(default=False, kw_only=True)
    full: bool = dataclasses.field(default=False, kw_only=True)

    def validate_targets(self, y: np.ndarray, y_pred_shape: tuple[int, ...]) -> None:
        super().validate_targets(y, y_pred_shape)
        all_true(y >= 0, y, "target", "counts of at least 0", 'the loss "mse"')

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        y = y_true.astype(y_pred.dtype)
        rate, log_rate = (jnp.exp(y_pred), y_pred) if self.log_input else (y_pred, jnp.log(y_pred + _LEAST))
        each = rate - y * log_rate
        return mean_over_features(each + _stirling(y) if self.full else each)


@spec
class NegativeLogLikelihood(Loss):
    """l = -s_y            dl/ds = -onehot(y)

    y: (batch, ...), integer labels, or (batch, ..., C), one-hot;  s: (batch, ..., C), the logarithms of probabilities;
    l: (batch,), the mean over the axes between. PyTorch's NLLLoss: end the network in "log_softmax". After a softmax,
    or from logits, it is CategoricalCrossentropy.

    Reference: Bridle, *Training Stochastic Model Recognition Algorithms as Networks*, NIPS 1989.

    reduction:  the mean over samples, or their sum.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import losses
        >>> float(losses.NegativeLogLikelihood()(jnp.array([1]), jnp.array([[-0.5, -1.5]])))
        1.5
    """

    aliases: ClassVar[tuple[str, ...]] = ("nll",)
    question: ClassVar[Question] = "which"

    @property
    def space(self) -> Space:
        return "logits"  # a softmax leaves logarithms of probabilities as they are

    def check_targets(self, y_true: Shaped, y_pred: Shaped) -> None:
        class_targets(y_true, y_pred)

    def validate_targets(self, y: np.ndarray, y_pred_shape: tuple[int, ...]) -> None:
        super().validate_targets(y, y_pred_shape)
        _classes(y, y_pred_shape)

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        return mean_over_features(-_chosen(y_true, y_pred))


@spec
class KLDivergence(_CrossEntropy):
    """l = sum_c y_c log(y_c / p_c)            dl/dz = p - y, p = softmax(z)

    y, p or z: (batch, ..., C), distributions along the last axis;  l: (batch,), the mean over the axes between. The
    categorical cross entropy less the entropy of y: 0 where p = y. A y_c of 0 adds nothing.

    Reference: Kullback and Leibler, *On Information and Sufficiency*, Annals of Mathematical Statistics 22, 1951.

    from_logits:  whether predictions are z, before the softmax; a Model sees to this itself.
    reduction:    the mean over samples, or their sum.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import losses
        >>> round(float(losses.KLDivergence()(jnp.array([[0.5, 0.5]]), jnp.array([[0.25, 0.75]]))), 4)
        0.1438
    """

    aliases: ClassVar[tuple[str, ...]] = ("kld",)
    matched: ClassVar[type[Activation] | None] = Softmax
    question: ClassVar[Question] = "which"

    def validate_targets(self, y: np.ndarray, y_pred_shape: tuple[int, ...]) -> None:
        super().validate_targets(y, y_pred_shape)
        _distributions(y)

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        from jax.scipy.special import xlogy

        y, log_p = vectors(y_true.astype(y_pred.dtype)), _log_softmax(vectors(y_pred), self.from_logits)
        return mean_over_features((xlogy(y, y) - y * log_p).sum(axis=-1))


@abstract
class _LocationScale(Loss):
    """The base: predictions are the middle of a distribution and the logarithm of its width, side by side."""

    @property
    def fixed(self) -> float | None:
        """The width where it is given, None where it is predicted."""
        raise NotImplementedError

    def check_targets(self, y_true: Shaped, y_pred: Shaped) -> None:
        if self.fixed is not None:
            same_shape(y_true, y_pred)
        elif len(y_pred.shape) < 2 or y_pred.shape != (*y_true.shape[:-1], 2 * y_true.shape[-1]):
            raise ShapeError(
                "target",
                got=f"targets of shape {y_true.shape} against predictions of shape {y_pred.shape}",
                expected="two predictions for each value of a target: first all middles, then the logarithms of widths",
                fix=f"end the network in layers.Dense({2 * y_true.shape[-1] if len(y_true.shape) > 1 else 2}), "
                "with targets of shape (batch, values)",
            )

    def split(self, y_pred: jax.Array) -> tuple[jax.Array, jax.Array]:
        """The middles and the logarithms of the widths, each of the shape of the targets."""
        if self.fixed is None:
            middle, log_width = jnp.split(y_pred, 2, axis=-1)
            return middle, log_width
        return y_pred, jnp.full_like(y_pred, jnp.log(self.fixed))


@spec
class GaussianNegativeLogLikelihood(_LocationScale):
    """l = mean_j ((y_j - mu_j)^2 / v_j + log v_j + log 2 pi) / 2,  v = exp(s)

    y: (batch, ..., n);  predictions: (batch, ..., 2 n), first the n means mu, then the n log variances s, both linear;
    with a fixed ``variance``: (batch, ..., n), the means alone. The constant is kept: l is the density's own
    logarithm (PyTorch's ``full=True``).

    Reference: Nix and Weigend, *Estimating the Mean and Variance of the Target Probability Distribution*, ICNN 1994.

    variance:   None predicts it; a number is the v of every value.
    reduction:  the mean over samples, or their sum.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import losses
        >>> round(float(losses.GaussianNegativeLogLikelihood()(jnp.array([[1.0]]), jnp.array([[0.0, 0.0]]))), 4)
        1.4189
    """

    variance: float | None = dial(default=None, least=1e-12)

    @property
    def fixed(self) -> float | None:
        return self.variance

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        mean, log_variance = self.split(y_pred)
        square = jnp.square(residual(y_true, mean)) * jnp.exp(-log_variance)
        return 0.5 * mean_over_features(square + log_variance + math.log(2 * math.pi))


@spec
class LaplaceNegativeLogLikelihood(_LocationScale):
    """l = mean_j (|y_j - mu_j| / b_j + log b_j + log 2),  b = exp(s)

    y: (batch, ..., n);  predictions: (batch, ..., 2 n), first the n medians mu, then the n log scales s, both linear;
    with a fixed ``scale``: (batch, ..., n), the medians alone. An outlier costs less than under a Gaussian.

    Reference: Laplace, *Mémoire sur la probabilité des causes par les événements*, 1774.

    scale:      None predicts it; a number is the b of every value.
    reduction:  the mean over samples, or their sum.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import losses
        >>> round(float(losses.LaplaceNegativeLogLikelihood()(jnp.array([[1.0]]), jnp.array([[0.0, 0.0]]))), 4)
        1.6931
    """

    scale: float | None = dial(default=None, least=1e-12)

    @property
    def fixed(self) -> float | None:
        return self.scale

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        median, log_scale = self.split(y_pred)
        return mean_over_features(magnitude(residual(y_true, median)) * jnp.exp(-log_scale) + log_scale + math.log(2))


def _stirling(y: jax.Array) -> jax.Array:
    """About log y!; 0 where y is 0 or 1."""
    several = jnp.where(y > 1, y, 1.0)
    return jnp.where(y > 1, several * jnp.log(several) - several + 0.5 * jnp.log(2 * math.pi * several), 0.0)
