"""Attention of one head without projections: Luong's, which multiplies queries and keys, and Bahdanau's, which adds."""

from __future__ import annotations

from typing import Any, Literal

import jax
import jax.numpy as jnp

from liuli.core.errors import ShapeError
from liuli.core.keys import fold
from liuli.core.specs import dial, spec
from liuli.initializers import GlorotUniform
from liuli.kernels.attention import masked_softmax, within
from liuli.layers.attention.roles import by_role, dropped, key_mask, query_mask, require_roles
from liuli.layers.base import Context, Layer, Params, State, shown
from liuli.layers.masks import all_of

__all__ = ["AdditiveAttention", "Attention"]


@spec
class Attention(Layer):
    """y_t = sum_s w_ts v_s,   w_t = softmax over s of the scores g q_t . k_s

    q: (batch, queries, n)   v: (batch, keys, m)   k: (batch, keys, n)   g: ()   y: (batch, queries, m)

    The input is one value, which is q, v and k; ``[query, value]``, whose values are the keys as well; or
    ``[query, value, key]``. Values that the mask of value or key leaves out are not attended to, a query without any
    gets 0; the mask of the query is that of the output. With score_mode ``"concat"`` the scores are
    c sum_i tanh(g (q_ti + k_si)) instead, c: ().

    Taps: ``scores`` and, after the softmax, ``weights``, both (batch, queries, keys).

    Reference: Luong, Pham and Manning, *Effective Approaches to Attention-based Neural Machine Translation*, EMNLP
    2015.

    use_scale:        whether there is a g, the parameter ``scale``, which starts at 1. Without it g = 1 (PyTorch's
                      ``scaled_dot_product_attention`` has 1 / sqrt(n)).
    score_mode:       ``"dot"`` or ``"concat"``; c is the parameter ``concat_score_weight`` and starts at 1.
    dropout:          the probability that a weight is left out in training; None, for 0, draws nothing.
    use_causal_mask:  whether query t attends to the steps 0 to t only (Keras has this in the call).

    Raises:
        ShapeError: an input is not (batch, time, features), or the features of query and key differ.

    Example:
        >>> from liuli import layers
        >>> layers.Attention(use_scale=True)
        Attention(use_scale=True)
    """

    use_scale: bool = False
    score_mode: Literal["dot", "concat"] = "dot"
    dropout: float | None = dial(default=None, least=0.0, most=1.0)
    use_causal_mask: bool = False

    def init(self, key: jax.Array, x: Any) -> tuple[Params, State]:
        _require_alike(x)
        names = ["scale"] * self.use_scale + ["concat_score_weight"] * (self.score_mode == "concat")
        return {name: jnp.ones(()) for name in names}, {}

    def apply(self, params: Params, state: State, x: Any, ctx: Context) -> tuple[jax.Array, State]:
        query, _, key = by_role(x)
        scale = params.get("scale", 1.0)
        if self.score_mode == "dot":
            scores = scale * jnp.einsum("btn,bsn->bts", query, key)
        else:
            scores = params["concat_score_weight"] * jnp.tanh(scale * _sums(query, key)).sum(-1)
        return _mean(self, scores, x, ctx), state

    def output_mask(self, x: Any, mask: Any) -> Any:
        return query_mask(mask)


@spec
class AdditiveAttention(Layer):
    """y_t = sum_s w_ts v_s,   w_t = softmax over s of the scores sum_i g_i tanh(q_ti + k_si)

    q: (batch, queries, n)   v: (batch, keys, m)   k: (batch, keys, n)   g: (n,)   y: (batch, queries, m)

    The input is one value, which is q, v and k; ``[query, value]``, whose values are the keys as well; or
    ``[query, value, key]``. Values that the mask of value or key leaves out are not attended to, a query without any
    gets 0; the mask of the query is that of the output.

    Taps: ``scores`` and, after the softmax, ``weights``, both (batch, queries, keys).

    Reference: Bahdanau, Cho and Bengio, *Neural Machine Translation by Jointly Learning to Align and Translate*, ICLR
    2015, where q and k are projected first: put a Dense before each.

    use_scale:                 whether there is a g, the parameter ``scale``; without it g = 1.
    dropout, use_causal_mask:  as in Attention.

    Raises:
        ShapeError: an input is not (batch, time, features), or the features of query and key differ.

    Example:
        >>> from liuli import layers
        >>> layers.AdditiveAttention()
        AdditiveAttention()
    """

    use_scale: bool = True
    dropout: float | None = dial(default=None, least=0.0, most=1.0)
    use_causal_mask: bool = False

    def init(self, key: jax.Array, x: Any) -> tuple[Params, State]:
        features = _require_alike(x)
        return ({"scale": GlorotUniform()(fold(key, "scale"), (features,))} if self.use_scale else {}), {}

    def apply(self, params: Params, state: State, x: Any, ctx: Context) -> tuple[jax.Array, State]:
        query, _, key = by_role(x)
        bent = jnp.tanh(_sums(query, key))  # (batch, queries, keys, n)
        scores = bent @ params["scale"] if self.use_scale else bent.sum(-1)
        return _mean(self, scores, x, ctx), state

    def output_mask(self, x: Any, mask: Any) -> Any:
        return query_mask(mask)


def _require_alike(x: Any) -> int:
    """The number of features of query and key; ShapeError unless there is one."""
    query, _, key = require_roles(x)
    if query.shape[-1] != key.shape[-1]:
        got = f"queries of shape {shown(query)} and keys of shape {shown(key)}"
        raise ShapeError("", got=got, expected="as many features in both", fix="bring both to one with layers.Dense")
    return key.shape[-1]


def _sums(query: jax.Array, key: jax.Array) -> jax.Array:
    """q_t + k_s for every pair: (batch, queries, keys, n)."""
    return query[:, :, None] + key[:, None]


def _mean(layer: Attention | AdditiveAttention, scores: jax.Array, x: Any, ctx: Context) -> jax.Array:
    """The values' mean that ``scores`` (batch, queries, keys) ask for, as far as the masks let them."""
    value = by_role(x)[1]
    counts, near = key_mask(ctx.mask), within(*scores.shape[1:], causal=layer.use_causal_mask)
    masks = (None if counts is None else counts[:, None], None if near is None else near[None])
    weights = ctx.tap("weights", masked_softmax(ctx.tap("scores", scores), all_of(masks)))
    return dropped(layer.dropout, weights, ctx).astype(value.dtype) @ value
