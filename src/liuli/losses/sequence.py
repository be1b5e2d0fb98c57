"""Losses of sequences whose targets are shorter, and not aligned with them."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from liuli.activations import Activation, Softmax
from liuli.core.errors import DataError, ShapeError
from liuli.core.precision import at_least_float32
from liuli.core.specs import spec
from liuli.losses.base import Loss, Shaped, Space, all_true, counted

_NEVER = -1e30  # the logarithm of a probability of 0, from which differences stay finite


@spec
class CTC(Loss):
    """l = -log sum_a prod_t p_t(a_t),  over all a: (time,) that read y once repeats are merged and blanks dropped

    y: (batch, length), integer labels of at least 1; 0 is the blank, and fills up shorter targets, as -1 does.
    z: (batch, time, C), logits, with p_t = softmax(z_t);  l: (batch,). A mask (batch, time) says which steps count. The
    sum runs by dynamic programming over 2 length + 1 states, in logarithms. A target that needs more steps than there
    are (a label for each, a blank between equal neighbours) has probability 0 and l = inf, without a gradient. As in
    Keras l is not divided by the length of the target; PyTorch's ``reduction="mean"`` divides it.

    Reference: Graves, Fernández, Gomez and Schmidhuber, *Connectionist Temporal Classification*, ICML 2006.

    reduction:  the mean over samples, or their sum.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import losses
        >>> even = jnp.zeros((1, 2, 2))  # of 4 ways through 2 steps 3 read as one label
        >>> round(float(losses.CTC()(jnp.array([[1]]), even)), 4)
        0.2877
    """

    matched: ClassVar[type[Activation] | None] = Softmax

    @property
    def space(self) -> Space:
        return "logits"

    def check_targets(self, y_true: Shaped, y_pred: Shaped) -> None:
        integers = jnp.issubdtype(y_true.dtype, jnp.integer)
        if len(y_true.shape) != 2 or len(y_pred.shape) != 3 or len(y_true) != len(y_pred) or not integers:
            raise ShapeError(
                "target",
                got=f"{y_true.dtype} targets of shape {y_true.shape} against predictions of shape {y_pred.shape}",
                expected="integer labels (batch, length) against logits (batch, time, classes)",
                fix="keep the time axis, with return_sequences=True, and end in Dense(classes + 1)",
            )

    def validate_targets(self, y: np.ndarray, y_pred_shape: tuple[int, ...]) -> None:
        super().validate_targets(y, y_pred_shape)
        _, time, classes = y_pred_shape
        expected = f"labels from 1 to {classes - 1}, filled up with 0 ({classes} classes with the blank)"
        all_true((y >= -1) & (y < classes), y, "label", expected, f"give the last layer {y.max() + 1} units")
        ended = np.cumsum(y <= 0, axis=1) > 0
        all_true(~ended | (y <= 0), y, "label", "labels first, then what fills up", "number the labels from 1")
        needed = (y > 0).sum(axis=1) + ((y[:, 1:] == y[:, :-1]) & (y[:, 1:] > 0)).sum(axis=1)
        if (needed > time).any():
            row = int(np.argmax(needed > time))
            got = f"a target in row {row} that needs {needed[row]} steps, a blank between equal neighbours counted"
            raise DataError("target", got=got, expected=f"at most {time}, the steps of a prediction", fix="shorten it")

    def per_sample(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        return self.masked(y_true, y_pred, jnp.ones(y_pred.shape[:2], bool))

    def masked(self, y_true: jax.Array, y_pred: jax.Array, mask: jax.Array) -> jax.Array:
        z = counted(at_least_float32(y_pred), mask).reshape(y_pred.shape)
        log_p = jax.nn.log_softmax(z, axis=-1)
        y = jnp.maximum(y_true.astype(int), 0)
        found = jax.vmap(_log_probability)(y, log_p, mask)
        possible = found > 0.5 * _NEVER
        return jnp.where(possible, -jnp.where(possible, found, 0.0), jnp.inf).astype(y_pred.dtype)


def _log_probability(y: jax.Array, log_p: jax.Array, mask: jax.Array) -> jax.Array:
    """log p(y) from labels (length,), log probabilities (time, C) and the steps that count (time,)."""
    states = jnp.zeros(2 * len(y) + 1, int).at[1::2].set(y)  # blank, y_1, blank, y_2, ..., blank
    skips = (states > 0) & (states != _shifted(states, 2, 0))  # from one label to the next, which is another
    start = jnp.full(states.shape, _NEVER, log_p.dtype).at[0].set(0.0)

    def step(carry: tuple[jax.Array, jax.Array], at: tuple[jax.Array, jax.Array]) -> tuple[Any, None]:
        (alpha, total), (now, counts) = carry, at
        before = jnp.stack([alpha, _shifted(alpha, 1, _NEVER), jnp.where(skips, _shifted(alpha, 2, _NEVER), _NEVER)])
        after = jnp.maximum(jax.nn.logsumexp(before, axis=0) + now[states], _NEVER)
        alpha = jnp.where(counts, after, alpha)
        top = jax.lax.stop_gradient(alpha.max())  # kept apart, so that long sequences keep their digits
        return (jnp.maximum(alpha - top, _NEVER), total + top), None

    (alpha, total), _ = jax.lax.scan(step, (start, jnp.zeros((), log_p.dtype)), (log_p, mask))
    last = 2 * (y > 0).sum()
    in_label = jnp.where(last > 0, alpha[jnp.maximum(last - 1, 0)], _NEVER)
    return total + jnp.logaddexp(alpha[last], in_label)


def _shifted(values: jax.Array, by: int, fill: float) -> jax.Array:
    """``values`` moved towards the end, with ``fill`` where nothing comes from."""
    return jnp.concatenate([jnp.full(by, fill, values.dtype), values])[: len(values)]
