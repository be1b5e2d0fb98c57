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
from liuli.losses.base import (
    Loss,
    Question,
    Shaped,
    Space,
    all_true,
    are_labels,
    class_targets,
    mean_over_features,
    mean_where,
    same_shape,
)

_LEAST = 1e-7  # the smallest probability, as in Keras
_MANY = 1024  # classes: with more of them the one that counts is looked up


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
    question: ClassVar[Question] = "which"

    label_smoothing: float = dial(default=0.0, least=0.0, most=1.0)

    def check_targets(self, y_true: Shaped, y_pred: Shaped) -> None:
        class_targets(y_true, y_pred)

    def validate_targets(self, y: np.ndarray, y_pred_shape: tuple[int, ...]) -> None:
        super().validate_targets(y, y_pred_shape)
        _classes(y, y_pred_shape)

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        log_p = _log_softmax(y_pred, self.from_logits)  # (batch, ..., C)
        smooth = self.label_smoothing
        return mean_over_features(-(1 - smooth) * _chosen(y_true, log_p) - smooth * log_p.mean(axis=-1))


@spec
class SparseCategoricalCrossentropy(_CrossEntropy):
    """l = -log p_y            dl/dz = p - onehot(y), p = softmax(z)

    y: (batch, ...), integer labels;  p or z: (batch, ..., C);  l: (batch,), the mean over the axes between.

    Reference: Bridle, *Training Stochastic Model Recognition Algorithms as Networks*, NIPS 1989.

    ignore_class:  a label that is not counted: l is the mean over the others, 0 where there are none. Keras and
                   PyTorch (``ignore_index``) take one mean over all counted labels of the batch.
    from_logits:   whether predictions are z, before the softmax; a Model sees to this itself.
    reduction:     the mean over samples, or their sum.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import losses
        >>> round(float(losses.SparseCategoricalCrossentropy()(jnp.array([1]), jnp.array([[0.75, 0.25]]))), 4)
        1.3863
    """

    matched: ClassVar[type[Activation] | None] = Softmax
    question: ClassVar[Question] = "which"

    ignore_class: int | None = None

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
        _labels_in_range(y if self.ignore_class is None else np.where(y == self.ignore_class, 0, y), y_pred_shape[-1])

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        keep = self._counts(y_true)
        labels = jnp.where(keep, y_true, jnp.zeros((), y_true.dtype))
        return mean_where(keep, -_chosen(labels, _log_softmax(y_pred, self.from_logits)))

    def masked(self, y_true: jax.Array, y_pred: jax.Array, mask: jax.Array) -> jax.Array:
        return super().masked(y_true, y_pred, mask & self._counts(y_true) if y_true.ndim == 2 else mask)

    def _counts(self, y_true: jax.Array) -> jax.Array:
        """Whether each label is counted: (batch, ...)."""
        if self.ignore_class is None:
            return jnp.ones(y_true.shape, bool)
        return y_true.astype(int) != self.ignore_class


@spec
class CategoricalGeneralizedCrossEntropy(_CrossEntropy):
    """l = (1 - p_y^q) / q            dl/dp_y = -p_y^(q - 1)

    y: (batch, ...), integer labels, or (batch, ..., C), one-hot;  p or z: (batch, ..., C);  l: (batch,), the mean over
    the axes between. The cross entropy as q goes to 0, the absolute error 1 - p_y at q = 1: a wrong label pulls less.

    Reference: Zhang and Sabuncu, *Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy Labels*,
    NeurIPS 2018.

    q:            how little a sample counts that the network finds improbable.
    from_logits:  whether predictions are z, before the softmax; a Model sees to this itself.
    reduction:    the mean over samples, or their sum.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import losses
        >>> float(losses.CategoricalGeneralizedCrossEntropy()(jnp.array([1]), jnp.array([[0.75, 0.25]])))
        1.0
    """

    matched: ClassVar[type[Activation] | None] = Softmax
    question: ClassVar[Question] = "which"

    q: float = dial(default=0.5, least=0.001, most=1.0)

    def check_targets(self, y_true: Shaped, y_pred: Shaped) -> None:
        class_targets(y_true, y_pred)

    def validate_targets(self, y: np.ndarray, y_pred_shape: tuple[int, ...]) -> None:
        super().validate_targets(y, y_pred_shape)
        _classes(y, y_pred_shape)

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        log_p = _chosen(y_true, _log_softmax(y_pred, self.from_logits))
        return mean_over_features(-jnp.expm1(self.q * log_p) / self.q)


@spec
class BinaryCrossentropy(_CrossEntropy):
    """l = -mean_j (t_j log p_j + (1 - t_j) log(1 - p_j)),  t = (1 - label_smoothing) y + label_smoothing / 2

    y, p or z: (batch, ...), each element a yes (1) or no (0) of its own. From logits l_j = log(1 + exp(z_j)) - t_j z_j,
    and dl/dz_j = (sigmoid(z_j) - t_j) / n. It is the negative log likelihood of Bernoulli's distribution.

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

    aliases: ClassVar[tuple[str, ...]] = ("bce", "bernoulli_negative_log_likelihood")
    matched: ClassVar[type[Activation] | None] = Sigmoid
    question: ClassVar[Question] = "whether"

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
    if are_labels(y_true, log_p) and log_p.shape[-1] > _MANY:
        return jnp.take_along_axis(log_p, y_true[..., None], axis=-1)[..., 0]
    if are_labels(y_true, log_p):
        classes = jax.lax.broadcasted_iota(y_true.dtype, log_p.shape, log_p.ndim - 1)
        return jnp.where(y_true[..., None] == classes, log_p, 0).sum(axis=-1)
    return (y_true.astype(log_p.dtype) * log_p).sum(axis=-1)


def _labels_in_range(y: np.ndarray, classes: int) -> None:
    good = (y >= 0) & (y < classes)
    if not good.all():
        from_zero = "number the classes from 0: np.unique(y, return_inverse=True)[1]"
        fix = from_zero if y.min() else f"give the last layer {y.max() + 1} units"
        all_true(good, y, "label", f"labels from 0 to {classes - 1} ({classes} classes)", fix)


def _classes(y: np.ndarray, y_pred_shape: tuple[int, ...]) -> None:
    """Raise DataError unless targets are labels in range, or one-hot, or distributions."""
    if y.ndim < len(y_pred_shape):
        _labels_in_range(y, y_pred_shape[-1])
    else:
        _distributions(y)


def _distributions(y: np.ndarray) -> None:
    all_true(y >= 0, y, "target", "one-hot targets, none of them negative", "give integer labels instead")
    sums = y.sum(axis=-1, dtype=float)
    fix = 'for several labels a sample a sigmoid and "binary_crossentropy", else give integer labels'
    all_true(np.abs(sums - 1) < 1e-3, sums, "the sum", "one-hot targets, whose sum is 1", fix)
