"""What is asked of arrays while a network is trained: sums over all elements, natively each in one pass."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from liuli.kernels.native import call, like, usable
from liuli.kernels.tiny import LIMIT


class Summary(NamedTuple):
    """Of x (rows, units): mean and variance of all elements; the shares of zeros, and of elements that are outside; for
    each unit whether it is other than 0 in some row."""

    mean: jax.Array
    variance: jax.Array
    zeros: jax.Array
    outside: jax.Array
    active: jax.Array


def summary(x: jax.Array, low: float = -math.inf, high: float = math.inf) -> Summary:
    """The summary of x (rows, units); outside is what is ``low`` or less, or ``high`` or more."""
    if _one_pass(x):
        facts, active = call("summary", [like(4), like(x.shape[1])], x, low=float(low), high=float(high))
        return Summary(facts[0], facts[1], facts[2], facts[3], active > 0)
    mean = _sum(x) / x.size
    outside = (x <= low) | (x >= high)
    return Summary(mean, _sum(jnp.square(x - mean)) / x.size, _share(x == 0), _share(outside), (x != 0).any(0))


def squares(x: jax.Array) -> jax.Array:
    """x . x"""
    return call("squares", [like(1)], x)[0][0] if _one_pass(x) else _sum(jnp.square(x))


def lengths(parameters: Sequence[tuple[jax.Array, ...]]) -> tuple[jax.Array, list[jax.Array], list[jax.Array]]:
    """w . w,   u . u with u = moved - w,   g . g,   g . before   for each (w, moved, g, before): (parameters, 4);
    then every moved and every g, natively in the memory that w and before had."""
    arrays = [array for parameter in parameters for array in parameter]
    if usable(*arrays) and any(array.size > LIMIT for array in arrays):
        kept = [like(*array.shape) for parameter in parameters for array in parameter[1:3]]
        places = {4 * i + at: 2 * i + out for i in range(len(parameters)) for at, out in ((0, 1), (3, 2))}
        found, *kept = call("lengths", [like(len(parameters), 4), *kept], *arrays, places=places)
        return found, kept[::2], kept[1::2]
    products = [(w * w, jnp.square(moved - w), g * g, g * before) for w, moved, g, before in parameters]
    found = jnp.array([[_sum(product).astype(jnp.float32) for product in own] for own in products])
    return found, [moved for _, moved, _, _ in parameters], [g for _, _, g, _ in parameters]


def _sum(x: jax.Array) -> jax.Array:
    """Over the first axes first: of them the processor adds many columns at once."""
    return x.reshape(-1, x.shape[-1]).sum(0).sum() if x.ndim > 1 else x.sum()


def _share(where: jax.Array) -> jax.Array:
    return _sum(where.astype(jnp.float32)) / where.size


def _one_pass(x: jax.Array) -> bool:
    """Whether a native kernel is called: what is tiny costs less than the call."""
    return usable(x) and x.size > LIMIT
