"""Slopes: how the answer changes with each part of the input, as it is, times the input, or smoothed."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np

from liuli.core.errors import DataError
from liuli.core.fields import nearest
from liuli.inspect.seeing.attribution import Attribution, attribution
from liuli.inspect.seeing.scores import Fixed, Of, Question, gradient, question, with_gradient
from liuli.training import Model
from liuli.training.recipe import Recipe

Method = Literal["gradient", "gradient x input", "smoothgrad"]


def saliency(
    model: Model,
    x: Any,
    y: Any = None,
    target: Any = None,
    of: Of = "score",
    method: Method = "gradient",
    at: str | None = None,
    noise: float = 0.15,
    samples: int = 50,
    seed: int = 0,
) -> Attribution:
    """g = ds/dx,   x g,   or the mean of ds/dx at x + e with e ~ N(0, sigma^2)            like x, (rows, ...)

    s is the score of a class before the softmax or sigmoid, the output, or the loss of the row. Rows of whole numbers
    that mean words are looked at where they have become vectors.

    Reference: Simonyan, Vedaldi and Zisserman, *Deep Inside Convolutional Networks*, 2013; Smilkov et al., *SmoothGrad:
    removing noise by adding noise*, 2017, where sigma is a share of the range of each row.

    x:        rows as ``model.predict`` takes them, raw ones of a model with a schema.
    y:        the targets, for ``of="loss"``.
    target:   the class or output to explain: a number, a name, a tuple that points into the output, or one of these for
              each row; the predicted class where it is not given.
    of:       ``"score"``, ``"output"`` or ``"loss"``.
    method:   ``"gradient"``, ``"gradient x input"`` or ``"smoothgrad"``.
    at:       another place to look at: a path of ``inspect.trace``.
    noise:    sigma of SmoothGrad, as a share of the largest less the least number of a row.
    samples:  how many noisy copies SmoothGrad takes.
    seed:     of the noise.

    Raises:
        DataError, ShapeError: the rows, the labels or the target do not fit.
        UnknownPathError: there is no such place.

    Example:
        >>> import numpy as np, liuli as ll
        >>> from liuli.inspect.seeing import saliency
        >>> net = ll.Sequential([ll.layers.Dense(4, "relu"), ll.layers.Dense(3, "softmax")])
        >>> model = ll.Model(net, loss="categorical_crossentropy")
        >>> saliency(model, np.ones((2, 5)), target=1).values.shape
        (2, 5)
    """
    if method not in get_args(Method):
        fix = f"write {nearest(str(method), get_args(Method))}"
        raise DataError("saliency: method", got=repr(method), expected="a known one", fix=fix)
    asked = question(model, x, y, target, of, at, "saliency")
    scores, slopes = asked.run(gradient, asked.start)
    if method == "smoothgrad":
        slopes = _smoothed(asked, noise, samples, seed)
    found = asked.start * slopes if method == "gradient x input" else slopes
    return attribution(model, x, asked, found, method, scores)


def _smoothed(asked: Question, noise: float, samples: int, seed: int) -> np.ndarray:
    if not isinstance(samples, int) or samples < 1 or not noise >= 0:
        got = f"noise={noise!r}, samples={samples!r}"
        raise DataError(
            "saliency", got=got, expected="noise of 0 or more, 1 sample or more", fix="noise=0.15, samples=50"
        )
    rows = asked.start.reshape(len(asked.start), -1)
    sigma = (noise * np.ptp(rows, axis=1)).reshape(-1, *[1] * (asked.start.ndim - 1)).astype(asked.start.dtype)
    keys = jax.random.split(jax.random.key(seed), samples)
    return asked.run(_smoother, asked.start, np.broadcast_to(sigma, asked.start.shape), keys)


@lru_cache(maxsize=64)
def _smoother(recipe: Recipe, at: str, of: Of) -> Callable[..., jax.Array]:
    slope = with_gradient(recipe, at, of)

    def run(fixed: Fixed, value: jax.Array, sigma: jax.Array, keys: jax.Array) -> jax.Array:
        def add(total: jax.Array, key: jax.Array) -> tuple[jax.Array, None]:
            moved = value + sigma * jax.random.normal(key, value.shape, value.dtype)
            return total + slope(fixed, moved)[1], None

        total, _ = jax.lax.scan(add, jnp.zeros_like(value), keys)
        return total / keys.shape[0]

    return jax.jit(run)
