"""What normalizations share: averages over some axes, and y = gamma xhat + beta along the others."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from liuli.core.keys import fold
from liuli.layers.axes import along
from liuli.layers.base import Params, Shape, require_rank


def require_features(x: Shape) -> None:
    """Raise ShapeError unless ``x`` is a batch of one feature or more."""
    require_rank(x, tuple(range(2, 9)), "(batch, ..., features)")


def average(x: jax.Array, axes: tuple[int, ...], mask: Any) -> jax.Array:
    """The mean over ``axes``, which stay with length 1. Steps that ``mask`` (batch, time) leaves out do not count."""
    if mask is None or not {0, 1} & set(axes):
        return x.mean(axes, keepdims=True)
    counts = jnp.broadcast_to(mask.reshape(mask.shape + (1,) * (x.ndim - 2)), x.shape)
    number = counts.sum(axes, keepdims=True, dtype=x.dtype)
    return jnp.where(counts, x, 0).sum(axes, keepdims=True) / jnp.maximum(number, 1)


def standardized(x: jax.Array, axes: tuple[int, ...], epsilon: Any, mask: Any) -> jax.Array:
    """(x - mean) / sqrt(variance + epsilon), both over ``axes``."""
    centred = x - average(x, axes, mask)
    return centred * jax.lax.rsqrt(average(jnp.square(centred), axes, mask) + epsilon)


def affine(layer: Any, key: jax.Array, shape: tuple[int, ...]) -> Params:
    """gamma where the layer has ``scale``, beta where it has ``center``."""
    starts = {"gamma": layer.gamma_initializer} if layer.scale else {}
    starts |= {"beta": layer.beta_initializer} if layer.center else {}
    return {name: start(fold(key, name), shape) for name, start in starts.items()}


def scaled(params: Params, y: jax.Array, axes: tuple[int, ...]) -> jax.Array:
    """gamma y + beta, as far as they are there, each with a value for each place along ``axes``."""
    if "gamma" in params:
        y = y * along(params["gamma"], axes, y)
    return y + along(params["beta"], axes, y) if "beta" in params else y
