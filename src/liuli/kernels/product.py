"""The product of a layer's input with its weights, in the form that is fastest for its size on the CPU."""

from __future__ import annotations

import math

import jax

from liuli.kernels.native import own_forms
from liuli.kernels.tiny import LIMIT

_LARGE = 1 << 22  # multiplications


def product(x: jax.Array, w: jax.Array) -> jax.Array:
    """x W            x: (..., n)   W: (n, m)"""
    work = math.prod(x.shape) * w.shape[1]
    if own_forms() and work <= LIMIT:  # products and sums, which become part of what is around them
        return (x[..., None] * w.reshape(*(1,) * (x.ndim - 1), *w.shape)).sum(-2)
    rows = x.reshape(-1, x.shape[-1])  # of one matrix: its gradients are faster than those of several
    narrow = own_forms() and work >= _LARGE and w.shape[0] > w.shape[1]
    y = _narrowing(rows, w) if narrow else rows @ w
    return y.reshape(*x.shape[:-1], w.shape[1])


@jax.custom_vjp
def _narrowing(x: jax.Array, w: jax.Array) -> jax.Array:
    """x W where W has more rows than columns: its gradient is made turned, which XLA's products are faster at."""
    return x @ w


def _kept(x: jax.Array, w: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return x @ w, (x, w)


def _back(kept: tuple[jax.Array, jax.Array], g: jax.Array) -> tuple[jax.Array, jax.Array]:
    x, w = kept
    return g @ w.T, jax.lax.optimization_barrier(g.T @ x).T


_narrowing.defvjp(_kept, _back)
