"""Losses of overlap: how much of what is predicted lies on what is true, for masks and rare classes."""

from __future__ import annotations

from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from liuli.core.specs import abstract, dial, spec
from liuli.losses.base import Loss, Question, Space, all_true, counted

_LEAST = 1e-7  # keeps an empty mask's quotient finite, as in Keras


@abstract
class _Overlap(Loss):
    """The base: targets and predictions between 0 and 1, summed over everything but the batch."""

    question: ClassVar[Question] = "whether"

    @property
    def space(self) -> Space:
        return "probabilities"

    def validate_targets(self, y: np.ndarray, y_pred_shape: tuple[int, ...]) -> None:
        super().validate_targets(y, y_pred_shape)
        all_true((y >= 0) & (y <= 1), y, "target", "numbers between 0 and 1", "map the two values to 0 and 1")

    def masked(self, y_true: jax.Array, y_pred: jax.Array, mask: jax.Array) -> jax.Array:
        return self.per_sample(*(counted(y, mask).reshape(y.shape) for y in (y_true, y_pred)))  # zeros add nothing


@spec
class Dice(_Overlap):
    """l = 1 - (2 sum_j y_j p_j + 1e-7) / (sum_j y_j + sum_j p_j + 1e-7)

    y, p: (batch, ...), between 0 and 1; the sums run over everything but the batch, so each sample has a loss of its
    own (Keras's ``axis=None`` sums over the batch too).

    Reference: Milletari, Navab and Ahmadi, *V-Net*, 3DV 2016; Dice, *Measures of the Amount of Ecologic Association
    Between Species*, Ecology 26, 1945.

    reduction:  the mean over samples, or their sum.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import losses
        >>> round(float(losses.Dice()(jnp.array([[1.0, 1.0, 0.0]]), jnp.array([[1.0, 0.0, 1.0]]))), 4)
        0.5
    """

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        y = y_true.astype(y_pred.dtype)
        both, each = _sums(y * y_pred), _sums(y) + _sums(y_pred)
        return 1 - (2 * both + _LEAST) / (each + _LEAST)


@spec
class Tversky(_Overlap):
    """l = 1 - (t + 1e-7) / (t + alpha f + beta m + 1e-7)

    y, p: (batch, ...), between 0 and 1;  t = sum_j y_j p_j (found), f = sum_j (1 - y_j) p_j (false alarms),
    m = sum_j y_j (1 - p_j) (missed), over everything but the batch (Keras's ``axis=None`` sums over the batch too).
    alpha = beta = 1/2 is Dice; a larger beta punishes what is missed.

    Reference: Salehi, Erdogmus and Gholipour, *Tversky Loss Function for Image Segmentation Using 3D Fully
    Convolutional Deep Networks*, MLMI 2017.

    alpha:      the weight of false alarms.
    beta:       the weight of what is missed.
    reduction:  the mean over samples, or their sum.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import losses
        >>> round(float(losses.Tversky(1.0, 1.0)(jnp.array([[1.0, 1.0, 0.0]]), jnp.array([[1.0, 0.0, 1.0]]))), 4)
        0.6667
    """

    alpha: float = dial(default=0.5, least=0.0)
    beta: float = dial(default=0.5, least=0.0)

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        y = y_true.astype(y_pred.dtype)
        found, false, missed = _sums(y * y_pred), _sums((1 - y) * y_pred), _sums(y * (1 - y_pred))
        return 1 - (found + _LEAST) / (found + self.alpha * false + self.beta * missed + _LEAST)


def _sums(each: jax.Array) -> jax.Array:
    """(batch, ...) to (batch,): the sum over everything but the batch."""
    return jnp.sum(each, axis=tuple(range(1, each.ndim)))
