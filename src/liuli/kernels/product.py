"""The product of a layer's input with its weights, in the form that is fastest for its size on the CPU."""

from __future__ import annotations

import math

import jax

from liuli.kernels.native import call, like, own_forms, usable
from liuli.kernels.tiny import LIMIT

_LARGE = 1 << 16  # multiplications: from here on a native product is worth its call
_MANY = 32  # rows: for fewer it does not pay to pack W
_HUGE = 1 << 23  # beyond it XLA's own product takes all threads as well, but for the gradient in W


def product(x: jax.Array, w: jax.Array) -> jax.Array:
    """x W            x: (..., n)   W: (n, m)"""
    work = math.prod(x.shape) * w.shape[1]
    if own_forms() and work <= LIMIT:  # products and sums, which become part of what is around them
        return (x[..., None] * w.reshape(*(1,) * (x.ndim - 1), *w.shape)).sum(-2)
    rows = x.reshape(-1, x.shape[-1])  # of one matrix: its gradients are faster than those of several
    y = _large(rows, w) if work >= _LARGE and len(rows) >= _MANY and usable(rows, w) else rows @ w
    return y.reshape(*x.shape[:-1], w.shape[1])


def multiplied(a: jax.Array, b: jax.Array, turned_a: bool = False, turned_b: bool = False) -> jax.Array:
    """A B by the native product, either of which may be given turned."""
    shape = a.shape[turned_a], b.shape[not turned_b]
    return call("product", [like(*shape)], a, b, turned_a=turned_a, turned_b=turned_b)[0]


@jax.custom_vjp
def _large(x: jax.Array, w: jax.Array) -> jax.Array:
    """x W"""
    return multiplied(x, w) if x.size * w.shape[1] <= _HUGE else x @ w


def _kept(x: jax.Array, w: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return _large(x, w), (x, w)


def _back(kept: tuple[jax.Array, jax.Array], g: jax.Array) -> tuple[jax.Array, jax.Array]:
    """dx = g W^T,   dW = x^T g"""
    x, w = kept
    dx = multiplied(g, w, turned_b=True) if x.size * w.shape[1] <= _HUGE else g @ w.T
    return dx, multiplied(x, g, turned_a=True)


_large.defvjp(_kept, _back)
