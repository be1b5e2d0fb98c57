"""The product of a layer's input with its weights, in the form that is fastest for its size on the CPU."""

from __future__ import annotations

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp

from liuli.kernels.native import call, like, own_forms, usable
from liuli.kernels.tiny import LIMIT

_LARGE = 1 << 16  # multiplications: from here on a native product is worth its call
_MANY = 32  # rows: for fewer it does not pay to pack W
_HUGE = 1 << 23  # beyond it XLA's own product takes all threads as well
_SHARING = 2048  # rows: for fewer the bias is not worth packing a large W


def product(x: jax.Array, w: jax.Array, bias: jax.Array | None = None, relu: bool = False) -> jax.Array:
    """x W + bias, then max(0, .) where ``relu``            x: (..., n)   W: (n, m)   bias: (m,), or None"""
    work = math.prod(x.shape) * w.shape[1]
    if own_forms() and work <= LIMIT:  # products and sums, which become part of what is around them
        return _ended((x[..., None] * w.reshape(*(1,) * (x.ndim - 1), *w.shape)).sum(-2), bias, relu)
    rows = x.reshape(-1, x.shape[-1])  # of one matrix: its gradients are faster than those of several
    native = work >= _LARGE and len(rows) >= _MANY and usable(rows, w, bias)
    y: Any = _large(relu, rows, w, bias) if native else _ended(rows @ w, bias, relu)
    return y.reshape(*x.shape[:-1], w.shape[1])


def multiplied(a: jax.Array, b: jax.Array, turned_a: bool = False, turned_b: bool = False) -> jax.Array:
    """A B by the native product, either of which may be given turned."""
    return _multiplied(a, b, turned_a=turned_a, turned_b=turned_b)[0]


def _multiplied(
    a: jax.Array, b: jax.Array, bias: jax.Array | None = None, summed: bool = False, relu: bool = False,
    turned_a: bool = False, turned_b: bool = False,
) -> Any:  # fmt: skip
    """A B + bias, then max(0, .) where ``relu``; the sums of B's columns where ``summed``."""
    m, n = a.shape[turned_a], b.shape[not turned_b]
    outputs, given = [like(m, n), like(n if summed else 1)], jnp.zeros(1, a.dtype) if bias is None else bias
    how: dict[str, Any] = {"turned_a": turned_a, "turned_b": turned_b, "relu": relu}
    return call("product", outputs, a, b, given, biased=bias is not None, summed=summed, **how)


def _ended(z: jax.Array, bias: jax.Array | None, relu: bool) -> jax.Array:
    """z + bias, then max(0, .) where ``relu``"""
    z = z if bias is None else z + bias.reshape((1,) * (z.ndim - 1) + (-1,))
    return jax.nn.relu(z) if relu else z


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _large(relu: bool, x: jax.Array, w: jax.Array, bias: jax.Array | None) -> jax.Array:
    """x W + bias, then max(0, .) where ``relu``"""
    if not _packs(x, w, bias):
        return _ended(x @ w, bias, relu)
    return _ended(multiplied(x, w), None, relu) if bias is None else _multiplied(x, w, bias, relu=relu)[0]


def _kept(relu: bool, x: jax.Array, w: jax.Array, bias: jax.Array | None) -> tuple[jax.Array, Any]:
    y: Any = _large(relu, x, w, bias)
    return y, (x, w, bias, y if relu else None)


def _back(relu: bool, kept: Any, g: jax.Array) -> Any:
    """dx = g W^T,   dW = x^T g,   db = sum of g;   g counts where y > 0 for ``relu``"""
    x, w, bias, y = kept
    g = jnp.where(y > 0, g, 0.0) if relu else g
    dx = multiplied(g, w, turned_b=True) if x.size * w.shape[1] <= _HUGE else g @ w.T
    dw, dbias = _multiplied(x, g, turned_a=True, summed=bias is not None)
    return dx, dw, None if bias is None else dbias


def _packs(x: jax.Array, w: jax.Array, bias: jax.Array | None) -> bool:
    """Whether it pays to pack W for the rows of x."""
    return x.size * w.shape[1] <= _HUGE or (bias is not None and len(x) >= _SHARING)


_large.defvjp(_kept, _back)
