"""Integrated gradients: the change of the answer from a baseline to the input, dealt out to the parts of the input."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from liuli.core.errors import DataError
from liuli.inspect.seeing.attribution import Attribution, attribution
from liuli.inspect.seeing.running import inputs_of
from liuli.inspect.seeing.scores import Fixed, Of, Question, question, scorer, with_gradient
from liuli.training import Model
from liuli.training.recipe import Recipe


def integrated_gradients(
    model: Model,
    x: Any,
    y: Any = None,
    target: Any = None,
    of: Of = "score",
    baseline: Any = 0.0,
    steps: int = 64,
    at: str | None = None,
) -> Attribution:
    """a_j = (x_j - b_j) times the integral over t from 0 to 1 of ds/dx_j at b + t (x - b)            like x

    They are complete: sum over j of a_j = s(x) - s(b). The integral is taken by Gauss and Legendre's rule, so that this
    holds up to ``found.gap``, which more steps make smaller.

    Reference: Sundararajan, Taly and Yan, *Axiomatic Attribution for Deep Networks*, ICML 2017.

    x, y, target, of, at:  as in ``saliency``.
    baseline:  b: a number for all elements, "mean" for that of ``x``, an array like one row or like all of them at the
               place looked at, or a raw row as a dict. Of standardized columns 0 is the mean of the training part.
    steps:     the points at which the gradient is taken.

    Raises:
        DataError, ShapeError: the rows, the labels, the target or the baseline do not fit.
        UnknownPathError: there is no such place.

    Example:
        >>> import numpy as np, liuli as ll
        >>> from liuli.inspect.seeing import integrated_gradients
        >>> net = ll.Sequential([ll.layers.Dense(4, "tanh"), ll.layers.Dense(1)])
        >>> found = integrated_gradients(ll.Model(net, loss="mse"), np.ones((2, 5)))
        >>> bool(abs(found.gap).max() < 1e-5)
        True
    """
    if not isinstance(steps, int) or isinstance(steps, bool) or steps < 1:
        raise DataError("integrated_gradients: steps", got=repr(steps), expected="1 or more", fix="steps=64")
    asked = question(model, x, y, target, of, at, "integrated_gradients")
    start = _baseline(model, asked, baseline)
    places, weights = np.polynomial.legendre.leggauss(steps)
    rule = np.stack([(places + 1) / 2, weights / 2], axis=1).astype(asked.start.dtype)
    found, scores, before = asked.run(_integral, asked.start, start, rule)
    return attribution(model, x, asked, found, "integrated gradients", scores, before)


def _baseline(model: Model, asked: Question, baseline: Any) -> np.ndarray:
    like = asked.start
    if isinstance(baseline, str) and baseline == "mean":
        return np.broadcast_to(like.mean(0), like.shape)
    if isinstance(baseline, dict):
        baseline = inputs_of(model, [baseline])[0][0]
    try:
        array = np.asarray(baseline, like.dtype)
    except (TypeError, ValueError):
        array = np.full(1, np.nan)
    if array.shape not in ((), like.shape[1:], like.shape) or not np.isfinite(array).all():
        got = f"an array of shape {array.shape}" if isinstance(baseline, np.ndarray) else repr(baseline)
        expected = f'a number, "mean", or finite numbers of shape {like.shape[1:]}'
        raise DataError("integrated_gradients: baseline", got=got, expected=expected, fix="baseline=0.0")
    return np.broadcast_to(array, like.shape)


@lru_cache(maxsize=64)
def _integral(recipe: Recipe, at: str, of: Of) -> Callable[..., Any]:
    slope, score = with_gradient(recipe, at, of), scorer(recipe, at, of)

    def run(fixed: Fixed, value: jax.Array, start: jax.Array, rule: jax.Array) -> Any:
        way = value - start

        def add(total: jax.Array, point: jax.Array) -> tuple[jax.Array, None]:
            return total + point[1] * slope(fixed, start + point[0] * way)[1], None

        mean, _ = jax.lax.scan(add, jnp.zeros_like(value), rule)
        return way * mean, score(fixed, value), score(fixed, start)

    return jax.jit(run)
