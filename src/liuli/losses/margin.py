"""Losses of margins and angles: how far a prediction is on the right side, or in the right direction."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from liuli.core.specs import abstract, spec
from liuli.losses.base import Loss, Shaped, all_true, are_labels, class_targets, mean_over_features
from liuli.losses.classification import _distributions, _labels_in_range


@abstract
class _Margin(Loss):
    """The base: targets of -1 and 1, or 0 and 1, where a 0 counts as -1."""

    def validate_targets(self, y: np.ndarray, y_pred_shape: tuple[int, ...]) -> None:
        super().validate_targets(y, y_pred_shape)
        fix = '"categorical_hinge" for more than two classes, or map the two values to -1 and 1'
        negative = -1 if (y == -1).any() else 0
        all_true((y == negative) | (y == 1), y, "target", "targets of -1 and 1, or of 0 and 1", fix)

    def shortfall(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """max(0, 1 - y z): how much of the margin of 1 is missing, for each element."""
        y = y_true.astype(y_pred.dtype)
        return jax.nn.relu(1 - jnp.where(y == 0, -1.0, y) * y_pred)


@spec
class Hinge(_Margin):
    """l = mean_j max(0, 1 - y_j z_j)            dl/dz_j = -y_j / n inside the margin, else 0

    y, z: (batch, ..., n), with y of -1 and 1, or 0 and 1 (0 counts as -1, as in Keras); z is linear, or a tanh.

    Reference: Cortes and Vapnik, *Support-Vector Networks*, Machine Learning 20, 1995.

    reduction:  the mean over samples, or their sum.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import losses
        >>> float(losses.Hinge()(jnp.array([[1.0], [-1.0]]), jnp.array([[0.5], [0.5]])))
        1.0
    """

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        return mean_over_features(self.shortfall(y_true, y_pred))


@spec
class SquaredHinge(_Margin):
    """l = mean_j max(0, 1 - y_j z_j)^2            dl/dz_j = -2 y_j max(0, 1 - y_j z_j) / n

    y, z: (batch, ..., n), with y of -1 and 1, or 0 and 1 (0 counts as -1, as in Keras); z is linear, or a tanh.

    Reference: Chang, Hsieh and Lin, *Coordinate Descent Method for Large-Scale L2-loss Linear SVM*, JMLR 9, 2008.

    reduction:  the mean over samples, or their sum.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import losses
        >>> float(losses.SquaredHinge()(jnp.array([[1.0], [-1.0]]), jnp.array([[0.5], [0.5]])))
        1.25
    """

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        return mean_over_features(jnp.square(self.shortfall(y_true, y_pred)))


@spec
class CategoricalHinge(Loss):
    """l = max(0, 1 + max_c (1 - y_c) z_c - sum_c y_c z_c)

    y: (batch, ..., C), one-hot, or (batch, ...), integer labels;  z: (batch, ..., C);  l: (batch,), the mean over the
    axes between. As in Keras the inner maximum runs over all classes, so that it is never below 0.

    Reference: Crammer and Singer, *On the Algorithmic Implementation of Multiclass Kernel-based Vector Machines*,
    JMLR 2, 2001.

    reduction:  the mean over samples, or their sum.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import losses
        >>> float(losses.CategoricalHinge()(jnp.array([1]), jnp.array([[0.5, 1.0]])))
        0.5
    """

    def check_targets(self, y_true: Shaped, y_pred: Shaped) -> None:
        class_targets(y_true, y_pred)

    def validate_targets(self, y: np.ndarray, y_pred_shape: tuple[int, ...]) -> None:
        super().validate_targets(y, y_pred_shape)
        if y.ndim < len(y_pred_shape):
            _labels_in_range(y, y_pred_shape[-1])
        else:
            _distributions(y)

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        y = one_hot(y_true, y_pred)
        wrong, right = ((1 - y) * y_pred).max(axis=-1), (y * y_pred).sum(axis=-1)
        return mean_over_features(jax.nn.relu(1 + wrong - right))


@spec
class CosineSimilarity(Loss):
    """l = -sum_j y_j yhat_j / (|y| |yhat|)

    y, yhat: (batch, ..., n), the sum and the lengths along the last axis;  l: (batch,), the mean over the axes between.
    The cosine of the angle with its sign turned, as in Keras: -1 is the same direction, 0 a right angle, 1 the opposite
    direction. A vector of zeros has a cosine of 0.

    Reference: Salton and McGill, *Introduction to Modern Information Retrieval*, 1983.

    reduction:  the mean over samples, or their sum.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import losses
        >>> round(float(losses.CosineSimilarity()(jnp.array([[1.0, 0.0]]), jnp.array([[3.0, 4.0]]))), 4)
        -0.6
    """

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        y, yhat = vectors(y_true.astype(y_pred.dtype)), vectors(y_pred)
        return mean_over_features(-(_unit(y) * _unit(yhat)).sum(axis=-1))


def one_hot(y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
    """Targets, one-hot or integer labels, as one-hot in the dtype of the predictions: (batch, ..., C)."""
    if are_labels(y_true, y_pred):
        return jax.nn.one_hot(y_true, y_pred.shape[-1], dtype=y_pred.dtype)
    return y_true.astype(y_pred.dtype)


def vectors(y: jax.Array) -> jax.Array:
    """(batch,) as (batch, 1): a last axis that does not run over samples."""
    return y if y.ndim > 1 else y[:, None]


def _unit(x: jax.Array) -> jax.Array:
    square = jnp.square(x).sum(axis=-1, keepdims=True)
    return x / jnp.sqrt(jnp.where(square > 0, square, 1.0))
