"""Attention: each query takes a mean of the values, weighted by how well the keys fit it.

y_t = sum over s of w_ts v_s,   w_t = softmax over s of scale q_t . k_s
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from liuli.core.precision import at_least_float32
from liuli.kernels.native import call, like, usable

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
    scale = 1.0 / math.sqrt(q.shape[-1]) if scale is None else scale
    if see is None and _fits(q, k, v, mask, scale):
        most = max(q.shape[1], k.shape[1])  # no window of more steps leaves anything out
        how = causal, min(window, most) if window else 0
        if isinstance(scale, float):
            return _native(*how, scale, q, k, v, mask)
        return _native(*how, 1.0, scale * q, k, v, mask)
    if see is None and jax.default_backend() == "gpu" and window is None and q.shape[-1] == v.shape[-1]:
        fused = q.dtype.itemsize == 2 and q.shape[-1] % 8 == 0 and q.shape[-1] <= 128
        return _by_jax(scale * q, k, v, mask, causal, "cudnn" if fused else "xla")
    see = see or (lambda name, value: value)
    scores = see("scores", _scores(q, k, scale))
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


def _by_jax(
    q: jax.Array, k: jax.Array, v: jax.Array, mask: jax.Array | None, causal: bool, implementation: Any
) -> jax.Array:
    """y of queries that are scaled already, by JAX's own operation, which has a fused form on GPUs."""
    form = {"scale": 1.0, "is_causal": causal, "implementation": implementation}
    if mask is None:
        return jax.nn.dot_product_attention(q, k, v, **form)
    sees_any = (mask if not causal else mask & within(q.shape[1], k.shape[1], True)[None, None]).any(-1)  # type: ignore[index]
    y = jax.nn.dot_product_attention(q, k, v, mask=mask, **form)
    return jnp.where(jnp.moveaxis(sees_any, 1, 2)[..., None], y, 0)


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


def _fits(q: jax.Array, k: jax.Array, v: jax.Array, mask: jax.Array | None, scale: Any) -> bool:
    """Whether the native kernel takes these."""
    batch, queries, heads, _ = q.shape
    whole = (batch, heads, queries, k.shape[1])
    alike = mask is None or (
        mask.dtype == jnp.bool_
        and mask.ndim == 4
        and mask.shape[3] == whole[3]
        and all(n in (1, most) for n, most in zip(mask.shape, whole, strict=True))
    )
    return alike and jnp.ndim(scale) == 0 and usable(q, k, v)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2))
def _native(causal: bool, window: int, scale: float, q: Any, k: Any, v: Any, mask: Any) -> jax.Array:
    """``window``: 0 for none"""
    return _forward(causal, window, scale, q, k, v, mask)[0]


def _forward(causal: bool, window: int, scale: float, q: Any, k: Any, v: Any, mask: Any) -> tuple[jax.Array, Any]:
    batch, queries, heads, _ = q.shape
    outputs = [like(batch, queries, heads, v.shape[-1]), like(batch, heads, queries)]
    how = {"masked": mask is not None, "causal": causal, "window": window, "scale": scale}
    y, sums = call("attention_forward", outputs, q, k, v, _or_one(mask), **how)
    return y, (q, k, v, mask, y, sums)


def _backward(causal: bool, window: int, scale: float, saved: Any, dy: jax.Array) -> Any:
    q, k, v, mask, y, sums = saved
    how = {"masked": mask is not None, "causal": causal, "window": window, "scale": scale}
    outputs = [like(*a.shape) for a in (q, k, v)]
    return *call("attention_backward", outputs, q, k, v, _or_one(mask), y, sums, dy, **how), None


_native.defvjp(_forward, _backward)


def _or_one(mask: jax.Array | None) -> jax.Array:
    return jnp.ones((1, 1, 1, 1), bool) if mask is None else mask
