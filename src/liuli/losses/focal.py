"""Focal cross entropies: a sample that is right already counts for little, so that the hard ones are learned."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp

from liuli.core.specs import dial, spec
from liuli.losses.base import mean_over_features
from liuli.losses.classification import (
    _LEAST,
    BinaryCrossentropy,
    CategoricalCrossentropy,
    _log_softmax,
    _safe_log,
)
from liuli.losses.margin import one_hot


@spec
class BinaryFocalCrossentropy(BinaryCrossentropy):
    """l = mean_j a_j m_j^gamma H_j,  m = t (1 - p) + (1 - t) p,  H = -t log p - (1 - t) log(1 - p)

    y, p or z: (batch, ...), each element a yes (1) or no (0) of its own;  t = (1 - label_smoothing) y +
    label_smoothing / 2. m is what is missing to the right answer;  a = alpha t + (1 - alpha) (1 - t), or 1.

    Reference: Lin et al., *Focal Loss for Dense Object Detection*, ICCV 2017.

    gamma:                  how much less a sample that is right counts; 0 is the binary cross entropy.
    alpha:                  the weight of a yes, where classes are balanced; a no has 1 - alpha.
    apply_class_balancing:  whether alpha is used.
    label_smoothing:        the share of each target that is moved towards 1/2.
    from_logits:            whether predictions are z, before the sigmoid; a Model sees to this itself.
    reduction:              the mean over samples, or their sum.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import losses
        >>> round(float(losses.BinaryFocalCrossentropy()(jnp.array([[1.0]]), jnp.array([[0.5]]))), 4)
        0.1733
    """

    aliases: ClassVar[tuple[str, ...]] = ()

    gamma: float = dial(default=2.0, least=0.0, kw_only=True)
    alpha: float = dial(default=0.25, least=0.0, most=1.0, kw_only=True)
    apply_class_balancing: bool = dataclasses.field(default=False, kw_only=True)

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        t = (1 - self.label_smoothing) * y_true.astype(y_pred.dtype) + 0.5 * self.label_smoothing
        log_yes, log_no = self._logarithms(y_pred)
        missing = jnp.maximum(t * jnp.exp(log_no) + (1 - t) * jnp.exp(log_yes), _LEAST)
        each = jnp.power(missing, self.gamma) * (-t * log_yes - (1 - t) * log_no)
        if self.apply_class_balancing:
            each = (self.alpha * t + (1 - self.alpha) * (1 - t)) * each
        return mean_over_features(each)

    def _logarithms(self, y_pred: jax.Array) -> tuple[jax.Array, jax.Array]:
        """log p and log(1 - p)."""
        if self.from_logits:
            return jax.nn.log_sigmoid(y_pred), jax.nn.log_sigmoid(-y_pred)
        return _safe_log(y_pred), _safe_log(1 - y_pred)


@spec
class CategoricalFocalCrossentropy(CategoricalCrossentropy):
    """l = -alpha sum_c t_c (1 - p_c)^gamma log p_c,  t = (1 - label_smoothing) y + label_smoothing / C

    y: (batch, ..., C), one-hot, or (batch, ...), integer labels;  p or z: (batch, ..., C);  l: (batch,), the mean over
    the axes between.

    Reference: Lin et al., *Focal Loss for Dense Object Detection*, ICCV 2017.

    alpha:            the weight of every class.
    gamma:            how much less a sample that is right counts; 0 is alpha times the categorical cross entropy.
    label_smoothing:  the share of each target that is spread over all classes.
    from_logits:      whether predictions are z, before the softmax; a Model sees to this itself.
    reduction:        the mean over samples, or their sum.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import losses
        >>> round(float(losses.CategoricalFocalCrossentropy()(jnp.array([1]), jnp.array([[0.5, 0.5]]))), 4)
        0.0433
    """

    alpha: float = dial(default=0.25, least=0.0, kw_only=True)
    gamma: float = dial(default=2.0, least=0.0, kw_only=True)

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        log_p = _log_softmax(y_pred, self.from_logits)  # (batch, ..., C)
        smooth = self.label_smoothing
        t = (1 - smooth) * one_hot(y_true, y_pred) + smooth / y_pred.shape[-1]
        missing = jnp.maximum(-jnp.expm1(log_p), _LEAST)
        return -self.alpha * mean_over_features((t * jnp.power(missing, self.gamma) * log_p).sum(axis=-1))
