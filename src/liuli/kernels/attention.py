"""Attention: each query takes a mean of the values, weighted by how well the keys fit it.

y_t = sum over s of w_ts v_s,   w_t = softmax over s of scale q_t . k_s
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from liuli.core.precision import at_least_float32

See = Callable[[str, jax.Array], jax.Array]


def attention(
    q: jax.Array,
    k: jax.Array,
    v: jax.Array,
    mask: jax.Array | None = None,
    scale: Any = None,
    causal: bool = False,
    window: int | None = None,
    see: See | None = None,
) -> jax.Array:
    """y = softmax(scale q k^T) v        q: (batch, queries, heads, d)   k: (batch, keys, groups, d)

    v: (batch, keys, groups, m)   y: (batch, queries, heads, m)

    Each group of heads / groups heads shares its keys and values. Scores and weights are float32 at least.

    mask:    True where a query may take from a key, (batch or 1, heads or 1, queries or 1, keys). A query that may take
             from none gets 0.
    scale:   1 / sqrt(d) where it is None.
    causal:  whether query t takes from the keys 0 to t only.
    window:  query t takes only from the keys less than this many steps away.
    see:     is called with ``"scores"``, before the mask, and with ``"weights"``, both (batch, heads, queries, keys);
             what it returns is used. Without it a lowering need not make them.
    """
    see = see or (lambda name, value: value)
    scores = see("scores", _scores(q, k, 1.0 / math.sqrt(q.shape[-1]) if scale is None else scale))
    near = within(q.shape[1], k.shape[1], causal, window)
    if near is not None:
        mask = near[None, None] if mask is None else mask & near[None, None]
    return _mixed(see("weights", masked_softmax(scores, mask)), v)


def within(queries: int, keys: int, causal: bool = False, window: int | None = None) -> jax.Array | None:
    """True where a query may take from a key as far as their places in time decide, (queries, keys); None: always."""
    ahead = jnp.arange(keys)[None, :] - jnp.arange(queries)[:, None]
    if causal and window is not None:
        return (ahead <= 0) & (ahead > -window)
    if causal:
        return ahead <= 0
    return None if window is None else jnp.abs(ahead) < window


def masked_softmax(scores: jax.Array, mask: jax.Array | None = None) -> jax.Array:
    """Softmax over the last axis of what ``mask`` leaves, in float32 at least; a row of which it leaves nothing is 0.

    >>> masked_softmax(jnp.zeros((2, 2)), jnp.array([[True, False], [False, False]])).tolist()
    [[1.0, 0.0], [0.0, 0.0]]
    """
    scores = at_least_float32(scores)
    if mask is None:
        return jax.nn.softmax(scores, axis=-1)
    left = jnp.where(mask, scores, jnp.finfo(scores.dtype).min)
    return jnp.where(mask, jax.nn.softmax(left, axis=-1), 0.0)


def _scores(q: jax.Array, k: jax.Array, scale: Any) -> jax.Array:
    batch, queries, heads, size = q.shape
    shared = q.reshape(batch, queries, k.shape[2], heads // k.shape[2], size)
    wide = jnp.float32 if q.dtype.itemsize < 4 else None
    scores = jnp.einsum("btgrd,bsgd->bgrts", shared, k, preferred_element_type=wide)
    return scale * scores.reshape(batch, heads, queries, k.shape[1])


def _mixed(weights: jax.Array, v: jax.Array) -> jax.Array:
    batch, heads, queries, keys = weights.shape
    shared = weights.astype(v.dtype).reshape(batch, v.shape[2], heads // v.shape[2], queries, keys)
    return jnp.einsum("bgrts,bsgm->btgrm", shared, v).reshape(batch, queries, heads, v.shape[-1])
