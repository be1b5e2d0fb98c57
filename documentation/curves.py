"""Every loss as a function of one number, so that it can be drawn with its gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import liuli as ll
from liuli.activations import Sigmoid, Softmax
from liuli.losses import Loss

Curve = tuple[
    Callable[[jax.Array], jax.Array], np.ndarray, str
]  # the function, where to look, what it is a function of

_SHARES = np.linspace(0.1, 0.99, 179)
_SMALL, _ANGLES, _DISTANCES = np.linspace(-3.0, 3.0, 401), np.linspace(0.05, np.pi, 200), np.linspace(0.05, 3.0, 200)
_TARGETS = {  # losses of one prediction: the target, and the predictions to show
    "Dice": (1.0, _SHARES),
    "Hinge": (1.0, _SMALL),
    "HingeEmbedding": (-1.0, _SMALL),
    "Huber": (0.0, _SMALL),
    "LogCosh": (0.0, _SMALL),
    "MeanAbsoluteError": (0.0, _SMALL),
    "MeanAbsolutePercentageError": (2.0, _SMALL + 2.0),
    "MeanSquaredError": (0.0, _SMALL),
    "MeanSquaredLogarithmicError": (1.0, _SMALL + 3.0),
    "Poisson": (2.0, np.linspace(0.1, 6.0, 400)),
    "Quantile": (0.0, _SMALL),
    "SmoothL1": (0.0, _SMALL),
    "SoftMargin": (1.0, _SMALL),
    "SquaredHinge": (1.0, _SMALL),
    "Tversky": (1.0, _SHARES),
}


def loss_curve(loss: Loss) -> Curve:
    """A loss as a function of one number."""
    name = type(loss).__name__
    if name in _TARGETS:
        target, at = _TARGETS[name]
        return ll.inspect.of_one_prediction(loss, target), at, f"prediction, where the target is {target:g}"
    if name in _OTHERS:
        make, at, label = _OTHERS[name]
        return (lambda v: make(loss, v)), at, label
    if loss.matched is Sigmoid:
        return ll.inspect.of_one_prediction(loss, 1.0), _SHARES, "probability, where the target is 1"
    if loss.matched is Softmax:
        return (lambda p: _of_two(loss, p, 1.0 - p)), _SHARES, "probability of the right class"
    raise KeyError(f"documentation/curves.py has no curve for {name}")


def _of_two(loss: Loss, right: jax.Array, wrong: Any) -> jax.Array:
    """The loss of a prediction for two classes, the first of which is right."""
    return loss.per_sample(jnp.array([[1.0, 0.0]]), jnp.stack([right, jnp.asarray(wrong, right.dtype)])[None])[0]


def _of_labels(loss: Loss, right: jax.Array) -> jax.Array:
    """The same for a loss that takes labels."""
    return loss.per_sample(jnp.array([0]), jnp.stack([right, 1.0 - right])[None])[0]


def _spread(loss: Loss, mean: jax.Array) -> jax.Array:
    """A distribution of scale 1 around ``mean``, where the target is 0."""
    return loss.per_sample(jnp.zeros((1, 1)), jnp.stack([mean, jnp.zeros_like(mean)])[None])[0]


def _ranked(loss: Loss, difference: jax.Array) -> jax.Array:
    """Two scores, the first of which should be larger."""
    return loss.per_sample(jnp.ones((1,)), jnp.stack([difference, jnp.zeros_like(difference)])[None])[0]


def _angle(a: jax.Array) -> jax.Array:
    return jnp.stack([jnp.cos(a), jnp.sin(a)])


def _cosine(loss: Loss, a: jax.Array) -> jax.Array:
    return loss.per_sample(jnp.array([[1.0, 0.0]]), _angle(a)[None])[0]


def _unlike(loss: Loss, distance: jax.Array) -> jax.Array:
    """The anchor at 0, one that is alike at 1, and one that is not at ``distance`` on the other side."""
    return loss.per_sample(jnp.array([0, 0, 1]), jnp.stack([0.0 * distance, 0.0 * distance + 1.0, -distance])[:, None])[
        0
    ]


def _turned(loss: Loss, a: jax.Array) -> jax.Array:
    """The anchor, one that is alike a quarter of a turn away, and one that is not at the angle ``a``."""
    zero = jnp.zeros_like(a)
    return loss.per_sample(jnp.array([0, 0, 1]), jnp.stack([_angle(zero), _angle(zero - jnp.pi / 2), _angle(a)]))[0]


def _one_frame(loss: Loss, logit: jax.Array) -> jax.Array:
    """One time step, at which the label should be read."""
    return loss.per_sample(jnp.array([[1]]), jnp.stack([jnp.zeros_like(logit), logit])[None, None])[0]


_OTHERS: dict[str, tuple[Callable[[Loss, jax.Array], jax.Array], np.ndarray, str]] = {
    "CTC": (_one_frame, _SMALL, "logit of the label, that of the blank being 0"),
    "CategoricalHinge": (
        lambda loss, z: _of_two(loss, z, 0.0),
        _SMALL,
        "score of the right class, the other's being 0",
    ),
    "Circle": (_turned, _ANGLES, "angle to what is unlike; what is alike is at a quarter turn"),
    "Contrastive": (_unlike, _DISTANCES, "distance to what is unlike; what is alike is at 1"),
    "CosineSimilarity": (_cosine, _ANGLES, "angle between prediction and target"),
    "GaussianNegativeLogLikelihood": (_spread, _SMALL, "mean, where the target is 0 and the deviation 1"),
    "InfoNCE": (_turned, _ANGLES, "angle to what is unlike; what is alike is at a quarter turn"),
    "LaplaceNegativeLogLikelihood": (_spread, _SMALL, "median, where the target is 0 and the scale 1"),
    "MarginRanking": (_ranked, _SMALL, "first score less the second, which should be smaller"),
    "MultiMargin": (lambda loss, z: _of_two(loss, z, 0.0), _SMALL, "score of the right class, the other's being 0"),
    "NegativeLogLikelihood": (lambda loss, s: _of_two(loss, s, 0.0), -_DISTANCES, "log probability of the right class"),
    "SparseCategoricalCrossentropy": (_of_labels, _SHARES, "probability of the right class"),
    "TripletMargin": (_unlike, _DISTANCES, "distance to what is unlike; what is alike is at 1"),
}
