"""What a loss is: a number for each sample, and the mean or sum of them."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, Literal

import jax
import jax.numpy as jnp
import numpy as np

from liuli.activations import Activation
from liuli.core.errors import DataError, ShapeError
from liuli.core.specs import Spec, abstract

Space = Literal["values", "probabilities", "logits"]
Question = Literal["which", "whether"] | None
Shaped = jax.ShapeDtypeStruct | jax.Array | np.ndarray


@abstract
class Loss(Spec, family="losses"):
    """L = mean_i w_i l(y_i, yhat_i)  (or the sum), with l: (batch, ...), (batch, ...) -> (batch,)

    ``reduction="mean"`` divides by the number of samples, not by the sum of the weights (Keras's convention).
    A loss says in which space it works: ``"values"``, ``"probabilities"`` or ``"logits"``.

    A mask (batch, time) says which time steps count: then l is the mean over the steps that do, 0 where none does
    (Keras takes one mean over the steps of the whole batch, in which a longer sequence weighs more).

    reduction:  the mean over samples, or their sum.
    """

    reduction: Literal["mean", "sum"] = dataclasses.field(default="mean", kw_only=True)

    matched: ClassVar[type[Activation] | None] = None  # the last activation whose cross entropy this is
    question: ClassVar[Question] = None  # which class, or whether, yes or no, for each element

    @property
    def space(self) -> Space:
        """What the predictions are: values, probabilities or logits."""
        return "values"

    @property
    def boundary(self) -> float:
        """The prediction above which the answer is yes: a probability of 1/2, or a score of 0."""
        return 0.5 if self.space == "probabilities" else 0.0

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """l(y, yhat) for each sample: (batch,)."""
        raise NotImplementedError

    def masked(self, y_true: jax.Array, y_pred: jax.Array, mask: jax.Array) -> jax.Array:
        """l(y, yhat) for each sample, (batch,): the mean over the time steps where ``mask`` (batch, time) is True."""
        each = self.per_sample(counted(y_true, mask), counted(y_pred, mask)).reshape(mask.shape)
        return mean_where(mask, each)

    def weighted(
        self, y_true: jax.Array, y_pred: jax.Array, weight: jax.Array | None = None, mask: jax.Array | None = None
    ) -> jax.Array:
        """w l(y, yhat) for each sample: (batch,)."""
        each = self.per_sample(y_true, y_pred) if mask is None else self.masked(y_true, y_pred, mask)
        return each if weight is None else each * weight.astype(each.dtype)

    def check_targets(self, y_true: Shaped, y_pred: Shaped) -> None:
        """Raise ShapeError unless targets like ``y_true`` go with predictions like ``y_pred``."""
        same_shape(y_true, y_pred)

    def validate_targets(self, y: np.ndarray, y_pred_shape: tuple[int, ...]) -> None:
        """Look at all targets once, before training. ``y_pred_shape`` is that of predictions, whatever its first axis.

        Raises:
            ShapeError: the shapes do not fit.
            DataError: a target is not finite, or not a value that this loss is defined for.
        """
        self.check_targets(y, jax.ShapeDtypeStruct((len(y), *y_pred_shape[1:]), jnp.float32))
        all_true(np.isfinite(y), y, "target", "finite numbers", "drop or fill these rows")

    def __call__(
        self,
        y_true: jax.Array,
        y_pred: jax.Array,
        sample_weight: jax.Array | None = None,
        mask: jax.Array | None = None,
    ) -> jax.Array:
        """The loss of a batch, a scalar."""
        self.check_targets(y_true, y_pred)
        each = self.weighted(y_true, y_pred, sample_weight, mask)
        return each.mean() if self.reduction == "mean" else each.sum()


def same_shape(y_true: Shaped, y_pred: Shaped) -> None:
    """Raise ShapeError where two arrays would be broadcast against each other."""
    if y_true.shape != y_pred.shape:
        like = ", ".join(["batch", *map(str, y_pred.shape[1:])])
        fix = f"make targets of shape ({like})"
        if y_true.shape == y_pred.shape[:-1] and y_pred.shape[-1] == 1:
            fix = "y[:, None]" if len(y_true.shape) == 1 else "y[..., None]"
        elif y_true.shape[:-1] == y_pred.shape and y_true.shape[-1] == 1:
            fix = "y[:, 0]" if len(y_pred.shape) == 1 else "y[..., 0]"
        raise _misfit(y_true, y_pred, "equal shapes (they are never broadcast silently)", fix)


def class_targets(y_true: Shaped, y_pred: Shaped) -> None:
    """Raise ShapeError unless targets are one-hot like ``y_pred`` or integer labels with one axis fewer."""
    classes = y_pred.shape[-1] if len(y_pred.shape) > 1 else 1
    if classes < 2:
        fix = 'Dense(1, "sigmoid") with "binary_crossentropy", or a unit for each class'
        raise _misfit(y_true, y_pred, "predictions of at least 2 classes along the last axis", fix)
    if y_true.shape != y_pred.shape and not are_labels(y_true, y_pred):
        raise _misfit(
            y_true,
            y_pred,
            f"one-hot targets of shape {y_pred.shape} or integer labels of shape {y_pred.shape[:-1]}",
            _class_fix(y_true, y_pred),
        )


def are_labels(y_true: Shaped, y_pred: Shaped) -> bool:
    """Whether targets are integer labels for predictions whose last axis is the classes."""
    return bool(jnp.issubdtype(y_true.dtype, jnp.integer)) and y_true.shape == y_pred.shape[:-1]


def all_true(good: np.ndarray, y: np.ndarray, noun: str, expected: str, fix: str) -> None:
    """Raise DataError that names the first value of ``y``, and its row, where ``good`` (of the shape of y) is False."""
    if not good.all():
        place = np.unravel_index(int(np.argmin(good)), good.shape)
        row = f"row {place[0]}" + (f" (position {', '.join(map(str, place[1:]))})" if len(place) > 1 else "")
        raise DataError("target", got=f"{noun} {y[place]} in {row}", expected=expected, fix=fix)


def mean_over_features(each: jax.Array) -> jax.Array:
    """(batch, ...) to (batch,): the mean over everything but the batch."""
    return each.mean(axis=tuple(range(1, each.ndim)))


def mean_where(keep: jax.Array, each: jax.Array) -> jax.Array:
    """(batch, ...) to (batch,): the mean over the elements to keep, 0 where there are none."""
    axes = tuple(range(1, each.ndim))
    total = jnp.where(keep, each, jnp.zeros((), each.dtype)).sum(axis=axes)
    return total / jnp.maximum(keep.sum(axis=axes), 1).astype(each.dtype)


def counted(y: jax.Array, mask: jax.Array) -> jax.Array:
    """(batch, time, ...) as rows (batch time, ...), where a step whose ``mask`` is False is zero.

    Raises:
        ShapeError: the mask is not (batch, time).
    """
    if y.shape[:2] != mask.shape:
        raise ShapeError(
            "mask",
            got=f"a mask of shape {mask.shape} for targets or predictions of shape {y.shape}",
            expected="a mask (batch, time) of arrays (batch, time, ...)",
            fix="a target for each time step, or end the sequence first, with layers.LSTM(units)",
        )
    along = mask.reshape(*mask.shape, *[1] * (y.ndim - 2))
    return jnp.where(along, y, jnp.zeros((), y.dtype)).reshape(-1, *y.shape[2:])


def _class_fix(y_true: Shaped, y_pred: Shaped) -> str:
    whole = "" if jnp.issubdtype(y_true.dtype, jnp.integer) else ".astype(int)"
    if y_true.shape == y_pred.shape[:-1]:
        return f"y{whole}"
    if y_true.shape == (*y_pred.shape[:-1], 1):
        return f"y[:, 0]{whole}" if len(y_true.shape) == 2 else f"y[..., 0]{whole}"
    if len(y_true.shape) == len(y_pred.shape):
        return f"give the last layer {y_true.shape[-1]} units, one for each class"
    return "make targets one-hot, or one integer label for each prediction"


def _misfit(y_true: Shaped, y_pred: Shaped, expected: str, fix: str) -> ShapeError:
    got = f"{y_true.dtype} targets of shape {y_true.shape} against predictions of shape {y_pred.shape}"
    return ShapeError("target", got=got, expected=expected, fix=fix)
