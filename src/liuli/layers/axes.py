"""The axes that a field names, and what is done along them."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from liuli.core.errors import ShapeError
from liuli.core.precision import at_least_float32
from liuli.layers.base import shown


def places(axis: int | tuple[int, ...], x: Any) -> tuple[int, ...]:
    """The axes counted from the front, in order; ShapeError where one is the batch, twice there, or not in ``x``."""
    axes = (axis,) if isinstance(axis, int) else axis
    found = sorted({a % x.ndim for a in axes if -x.ndim <= a < x.ndim} - {0})
    if not found or len(found) < len(axes):
        got, most = f"axis={axis} for an input of shape {shown(x)}", x.ndim - 1
        raise ShapeError("", got=got, expected=f"axes from 1 to {most}, or from {-most} to -1", fix="axis=-1")
    return tuple(found)


def along(values: jax.Array, axes: tuple[int, ...], like: jax.Array) -> jax.Array:
    """``values``, one for each place along ``axes``, as an array that broadcasts against ``like``."""
    return values.reshape([n if i in axes else 1 for i, n in enumerate(like.shape)])


def unit(x: jax.Array, axes: int | tuple[int, ...]) -> jax.Array:
    """x / ||x||, the length taken over ``axes``; zeros stay zeros, with a gradient of zero."""
    wide = at_least_float32(x)
    largest = jax.lax.stop_gradient(jnp.abs(wide).max(axes, keepdims=True))  # a factor that changes nothing
    some = largest > 0
    wide = wide / jnp.where(some, largest, 1.0)  # squares that neither overflow nor vanish
    squares = jnp.where(some, jnp.square(wide).sum(axes, keepdims=True), 1.0)
    return (wide * jnp.where(some, jax.lax.rsqrt(squares), 0.0)).astype(x.dtype)
