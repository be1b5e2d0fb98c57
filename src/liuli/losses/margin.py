"""Losses of margins and angles: how far a prediction is on the right side, or in the right direction."""

from __future__ import annotations

from typing import ClassVar, Literal

import jax
import jax.numpy as jnp
import numpy as np

from liuli.activations import Activation, Sigmoid
from liuli.core.errors import ShapeError
from liuli.core.specs import abstract, dial, spec
from liuli.losses.base import Loss, Question, Shaped, Space, all_true, are_labels, class_targets, mean_over_features
from liuli.losses.classification import _classes


@abstract
class _Margin(Loss):
    """The base: targets of -1 and 1, or 0 and 1, where a 0 counts as -1."""

    question: ClassVar[Question] = "whether"

    def validate_targets(self, y: np.ndarray, y_pred_shape: tuple[int, ...]) -> None:
        super().validate_targets(y, y_pred_shape)
        fix = '"categorical_hinge" for more than two classes, or map the two values to -1 and 1'
        negative = -1 if (y == -1).any() else 0
        all_true((y == negative) | (y == 1), y, "target", "targets of -1 and 1, or of 0 and 1", fix)

    def shortfall(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """max(0, 1 - y z): how much of the margin of 1 is missing, for each element."""
        return jax.nn.relu(1 - signs(y_true, y_pred) * y_pred)


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

    question: ClassVar[Question] = "which"

    def check_targets(self, y_true: Shaped, y_pred: Shaped) -> None:
        class_targets(y_true, y_pred)

    def validate_targets(self, y: np.ndarray, y_pred_shape: tuple[int, ...]) -> None:
        super().validate_targets(y, y_pred_shape)
        _classes(y, y_pred_shape)

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        y = one_hot(y_true, y_pred)
        wrong, right = ((1 - y) * y_pred).max(axis=-1), (y * y_pred).sum(axis=-1)
        return mean_over_features(jax.nn.relu(1 + wrong - right))


@spec
class MultiMargin(CategoricalHinge):
    """l = sum_{c != y} max(0, margin - z_y + z_c)^p / C

    y: (batch, ..., C), one-hot, or (batch, ...), integer labels;  z: (batch, ..., C);  l: (batch,), the mean over the
    axes between. Every class that comes within the margin adds its share, where CategoricalHinge takes the worst one.

    Reference: Weston and Watkins, *Support Vector Machines for Multi-Class Pattern Recognition*, ESANN 1999; the
    factor 1 / C is PyTorch's.

    p:          1, or 2 for the square.
    margin:     by how much the right class should win.
    reduction:  the mean over samples, or their sum.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import losses
        >>> float(losses.MultiMargin()(jnp.array([1]), jnp.array([[0.5, 1.0]])))
        0.25
    """

    p: Literal[1, 2] = 1
    margin: float = dial(default=1.0)

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        y = one_hot(y_true, y_pred)
        right = (y * y_pred).sum(axis=-1, keepdims=True)
        short = (1 - y) * jax.nn.relu(self.margin - right + y_pred)
        return mean_over_features(jnp.power(short, self.p).mean(axis=-1))


@spec
class SoftMargin(_Margin):
    """l = mean_j log(1 + exp(-y_j z_j))            dl/dz_j = -y_j sigmoid(-y_j z_j) / n

    y, z: (batch, ..., n), with y of -1 and 1, or 0 and 1 (0 counts as -1), each element a yes or no of its own; z is
    linear. PyTorch calls it SoftMarginLoss for y of -1 and 1, and MultiLabelSoftMarginLoss for y of 0 and 1; it is the
    binary cross entropy from logits.

    Reference: Friedman, Hastie and Tibshirani, *Additive Logistic Regression*, Annals of Statistics 28, 2000.

    reduction:  the mean over samples, or their sum.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import losses
        >>> round(float(losses.SoftMargin()(jnp.array([[1.0], [-1.0]]), jnp.array([[0.0], [0.0]]))), 4)
        0.6931
    """

    aliases: ClassVar[tuple[str, ...]] = ("multi_label_soft_margin",)
    matched: ClassVar[type[Activation] | None] = Sigmoid

    @property
    def space(self) -> Space:
        return "logits"

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        return mean_over_features(jax.nn.softplus(-signs(y_true, y_pred) * y_pred))


@spec
class HingeEmbedding(_Margin):
    """l = mean_j (d_j where y_j = 1, max(0, margin - d_j) where y_j = -1)

    y, d: (batch, ..., n): whether two things are alike, 1 and -1, or 1 and 0, and the distance that is predicted
    between them.

    Reference: Hadsell, Chopra and LeCun, *Dimensionality Reduction by Learning an Invariant Mapping*, CVPR 2006, with
    distances that are not squared; PyTorch's HingeEmbeddingLoss.

    margin:     the distance beyond which what is not alike costs nothing.
    reduction:  the mean over samples, or their sum.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import losses
        >>> float(losses.HingeEmbedding()(jnp.array([[1.0], [-1.0]]), jnp.array([[0.5], [0.25]])))
        0.625
    """

    question: ClassVar[Question] = None

    margin: float = dial(default=1.0, least=0.0)

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        alike = signs(y_true, y_pred) > 0
        return mean_over_features(jnp.where(alike, y_pred, jax.nn.relu(self.margin - y_pred)))


@spec
class MarginRanking(_Margin):
    """l = max(0, margin - y (z_1 - z_2))

    y: (batch,) or (batch, 1), 1 where the first of a pair should rank higher, -1 or 0 where the second should;
    z: (batch, 2), the scores of the pair.

    Reference: Herbrich, Graepel and Obermayer, *Large Margin Rank Boundaries for Ordinal Regression*, 2000; PyTorch's
    MarginRankingLoss, which takes the two scores apart.

    margin:     by how much the scores should differ.
    reduction:  the mean over samples, or their sum.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import losses
        >>> float(losses.MarginRanking(1.0)(jnp.array([1.0, -1.0]), jnp.array([[3.0, 1.0], [3.0, 1.0]])))
        1.5
    """

    question: ClassVar[Question] = None

    margin: float = dial(default=0.0)

    def check_targets(self, y_true: Shaped, y_pred: Shaped) -> None:
        batch = tuple(y_pred.shape[:1])
        if tuple(y_pred.shape[1:]) != (2,) or tuple(y_true.shape) not in (batch, (*batch, 1)):
            raise ShapeError(
                "target",
                got=f"targets of shape {y_true.shape} against predictions of shape {y_pred.shape}",
                expected="targets (batch,) and the two scores of each pair, (batch, 2)",
                fix="end the network in two values, or in Concatenate()([first, second])",
            )

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        ahead = y_pred[:, 0] - y_pred[:, 1]
        return jax.nn.relu(self.margin - signs(y_true.reshape(-1), y_pred) * ahead)


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


def signs(y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
    """Targets of -1 and 1, or 0 and 1, as -1 and 1 in the dtype of the predictions."""
    y = y_true.astype(y_pred.dtype)
    return jnp.where(y == 0, -1.0, y)


def vectors(y: jax.Array) -> jax.Array:
    """(batch,) as (batch, 1): a last axis that does not run over samples."""
    return y if y.ndim > 1 else y[:, None]


def _unit(x: jax.Array) -> jax.Array:
    square = jnp.square(x).sum(axis=-1, keepdims=True)
    return x / jnp.sqrt(jnp.where(square > 0, square, 1.0))
