"""Cross entropies: minus the logarithm of the probability that the network gives to the target.

Each has two forms. From logits it is computed without ever making the probability, so that it neither overflows nor
loses its gradient. From probabilities p is first cut to [1e-7, 1 - 1e-7], as in Keras, which keeps the logarithm
finite; p is not divided by its sum, since what comes out of a softmax sums to 1 already.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from liuli.activations import Activation, Sigmoid, Softmax
from liuli.core.errors import ShapeError
from liuli.core.specs import abstract, dial, spec
from liuli.losses.base import Loss, Shaped, Space, all_true, are_labels, class_targets, mean_over_features, same_shape

_LEAST = 1e-7  # the smallest probability, as in Keras


@abstract
class _CrossEntropy(Loss):
    """The base: ``from_logits`` says whether predictions come before or after the last activation."""

    from_logits: bool = dataclasses.field(default=False, kw_only=True)

    @property
    def space(self) -> Space:
        return "logits" if self.from_logits else "probabilities"


@spec
class CategoricalCrossentropy(_CrossEntropy):
    """l = -sum_c t_c log p_c,  t = (1 - label_smoothing) y + label_smoothing / C        dl/dz = p - t, p = softmax(z)

    y: (batch, ..., C), one-hot, or (batch, ...), integer labels;  p or z: (batch, ..., C);  l: (batch,), the mean over
    the axes between.

    Reference: Bridle, *Training Stochastic Model Recognition Algorithms as Networks*, NIPS 1989; label smoothing:
    Szegedy et al., *Rethinking the Inception Architecture for Computer Vision*, CVPR 2016.

    label_smoothing:  the share of each target that is spread over all classes.
    from_logits:      whether predictions are z, before the softmax; a Model sees to this itself.
    reduction:        the mean over samples, or their sum.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import losses
        >>> loss = losses.CategoricalCrossentropy()
        >>> round(float(loss(jnp.array([[0.0, 1.0]]), jnp.array([[0.5, 0.5]]))), 4)
        0.6931
        >>> round(float(loss(jnp.array([1]), jnp.array([[0.5, 0.5]]))), 4)
        0.6931
    """

    matched: ClassVar[type[Activation] | None] = Softmax

    label_smoothing: float = dial(default=0.0, least=0.0, most=1.0)

    def check_targets(self, y_true: Shaped, y_pred: Shaped) -> None:
        class_targets(y_true, y_pred)

    def validate_targets(self, y: np.ndarray, y_pred_shape: tuple[int, ...]) -> None:
        super().validate_targets(y, y_pred_shape)
        if y.ndim < len(y_pred_shape):
            _labels_in_range(y, y_pred_shape[-1])
        else:
            _distributions(y)

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        log_p = _log_softmax(y_pred, self.from_logits)  # (batch, ..., C)
        smooth = self.label_smoothing
        return mean_over_features(-(1 - smooth) * _chosen(y_true, log_p) - smooth * log_p.mean(axis=-1))


@spec
class SparseCategoricalCrossentropy(_CrossEntropy):
    """l = -log p_y            dl/dz = p - onehot(y), p = softmax(z)

    y: (batch, ...), integer labels;  p or z: (batch, ..., C);  l: (batch,), the mean over the axes between.

    Reference: Bridle, *Training Stochastic Model Recognition Algorithms as Networks*, NIPS 1989.

    from_logits:  whether predictions are z, before the softmax; a Model sees to this itself.
    reduction:    the mean over samples, or their sum.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import losses
        >>> round(float(losses.SparseCategoricalCrossentropy()(jnp.array([1]), jnp.array([[0.75, 0.25]]))), 4)
        1.3863
    """

    matched: ClassVar[type[Activation] | None] = Softmax

    def check_targets(self, y_true: Shaped, y_pred: Shaped) -> None:
        class_targets(y_true, y_pred)
        if not are_labels(y_true, y_pred):
            raise ShapeError(
                "target",
                got=f"one-hot targets of shape {y_true.shape}",
                expected=f"integer labels of shape {y_pred.shape[:-1]}",
                fix='y.argmax(-1), or the loss "categorical_crossentropy"',
            )

    def validate_targets(self, y: np.ndarray, y_pred_shape: tuple[int, ...]) -> None:
        super().validate_targets(y, y_pred_shape)
        _labels_in_range(y, y_pred_shape[-1])

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        return mean_over_features(-_chosen(y_true, _log_softmax(y_pred, self.from_logits)))


@spec
class BinaryCrossentropy(_CrossEntropy):
    """l = -mean_j (t_j log p_j + (1 - t_j) log(1 - p_j)),  t = (1 - label_smoothing) y + label_smoothing / 2

    y, p or z: (batch, ...), each element a yes (1) or no (0) of its own. From logits l_j = log(1 + exp(z_j)) - t_j z_j,
    and dl/dz_j = (sigmoid(z_j) - t_j) / n.

    Reference: Berkson, *Application of the Logistic Function to Bio-Assay*, 1944; Cox, 1958.

    label_smoothing:  the share of each target that is moved towards 1/2.
    from_logits:      whether predictions are z, before the sigmoid; a Model sees to this itself.
    reduction:        the mean over samples, or their sum.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import losses
        >>> round(float(losses.BinaryCrossentropy()(jnp.array([[1.0]]), jnp.array([[0.25]]))), 4)
        1.3863
    """

    aliases: ClassVar[tuple[str, ...]] = ("bce",)
    matched: ClassVar[type[Activation] | None] = Sigmoid

    label_smoothing: float = dial(default=0.0, least=0.0, most=1.0)

    def check_targets(self, y_true: Shaped, y_pred: Shaped) -> None:
        same_shape(y_true, y_pred)

    def validate_targets(self, y: np.ndarray, y_pred_shape: tuple[int, ...]) -> None:
        super().validate_targets(y, y_pred_shape)
        fix = '"categorical_crossentropy" and a softmax for more than two classes, or map the two values to 0 and 1'
        all_true((y >= 0) & (y <= 1), y, "target", "numbers between 0 and 1", fix)

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        t = (1 - self.label_smoothing) * y_true.astype(y_pred.dtype) + 0.5 * self.label_smoothing
        if self.from_logits:
            return mean_over_features(jnp.logaddexp(y_pred, jnp.zeros_like(y_pred)) - t * y_pred)
        return mean_over_features(-t * _safe_log(y_pred) - (1 - t) * _safe_log(1 - y_pred))


def _log_softmax(y_pred: jax.Array, from_logits: bool) -> jax.Array:
    return jax.nn.log_softmax(y_pred, axis=-1) if from_logits else _safe_log(y_pred)


def _safe_log(p: jax.Array) -> jax.Array:
    return jnp.log(jnp.clip(p, _LEAST, 1 - _LEAST))


def _chosen(y_true: jax.Array, log_p: jax.Array) -> jax.Array:
    """sum_c y_c log p_c for one-hot y, log p_y for labels: (batch, ...)."""
    if are_labels(y_true, log_p):
        return jnp.take_along_axis(log_p, y_true[..., None], axis=-1)[..., 0]
    return (y_true.astype(log_p.dtype) * log_p).sum(axis=-1)


def _labels_in_range(y: np.ndarray, classes: int) -> None:
    good = (y >= 0) & (y < classes)
    if not good.all():
        from_zero = "number the classes from 0: np.unique(y, return_inverse=True)[1]"
        fix = from_zero if y.min() else f"give the last layer {y.max() + 1} units"
        all_true(good, y, "label", f"labels from 0 to {classes - 1} ({classes} classes)", fix)


def _distributions(y: np.ndarray) -> None:
    all_true(y >= 0, y, "target", "one-hot targets, none of them negative", "give integer labels instead")
    sums = y.sum(axis=-1, dtype=float)
    fix = 'for several labels a sample a sigmoid and "binary_crossentropy", else give integer labels'
    all_true(np.abs(sums - 1) < 1e-3, sums, "the sum", "one-hot targets, whose sum is 1", fix)
