"""Attention of several heads: each projects queries, keys and values, attends on its own, and all are put together."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY
from typing import Any

import jax

from liuli.constraints import Constraint
from liuli.core.errors import SpecError
from liuli.core.keys import fold
from liuli.core.specs import abstract, dial, setting, spec
from liuli.initializers import GlorotUniform, Initializer, Zeros
from liuli.kernels import attention, product
from liuli.layers.attention.positions import RotaryEmbedding
from liuli.layers.attention.roles import by_role, dropped, key_mask, query_mask, require_roles
from liuli.layers.base import Context, Layer, Params, State
from liuli.regularizers import Regularizer

__all__ = ["GroupedQueryAttention", "MultiHeadAttention"]


@abstract
class _Heads(Layer):
    """What attention layers with projections share.

    dropout:          the probability that a weight is left out in training; None, for 0, draws nothing.
    use_bias:         whether the projections have a b.
    sliding_window:   query t attends only to keys less than this many steps away; None lets it attend to all.
    use_causal_mask:  whether query t attends to the steps 0 to t only.
    rotary:           how q and k are rotated by their places in time, or None.
    use_gate:         whether each head's context is multiplied by sigmoid(x_q W_g + b_g).
    kernel_initializer, bias_initializer:  how each W and b starts.
    kernel_regularizer, bias_regularizer:  penalties added to the loss.
    kernel_constraint, bias_constraint:    what each W and b is put back into after each update.
    """

    _: KW_ONLY
    dropout: float | None = dial(default=None, least=0.0, most=1.0, kw_only=True)
    use_bias: bool = True
    sliding_window: int | None = setting(default=None, least=1, kw_only=True)
    use_causal_mask: bool = False
    rotary: RotaryEmbedding | None = None
    use_gate: bool = False
    kernel_initializer: Initializer = GlorotUniform()
    bias_initializer: Initializer = Zeros()
    kernel_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    kernel_constraint: Constraint | None = None
    bias_constraint: Constraint | None = None

    def sizes(self) -> tuple[int, int, int, int]:
        """How many heads queries have, how many keys and values have, and the length of a key and of a value."""
        raise NotImplementedError

    def width(self, query: Any) -> tuple[int, ...]:
        """The shape of the output at each step."""
        return query.shape[2:]

    def check(self) -> None:
        if self.rotary is not None and self.sizes()[2] % 2:
            where, size = f"{type(self).__name__}.rotary", self.sizes()[2]
            raise SpecError(where, got=f"keys of length {size}", expected="an even length", fix=f"{size + 1} instead")

    def init(self, key: jax.Array, x: Any) -> tuple[Params, State]:
        query, value, key_ = require_roles(x)
        heads, groups, key_dim, value_dim = self.sizes()
        wanted = {
            "query": (query.shape[-1], heads * key_dim),
            "key": (key_.shape[-1], groups * key_dim),
            "value": (value.shape[-1], groups * value_dim),
            "attention_output": (heads * value_dim, math.prod(self.width(query))),
        }
        if self.use_gate:
            wanted["gate"] = (query.shape[-1], heads * value_dim)
        return {name: self._projection(fold(key, name), shape) for name, shape in wanted.items()}, {}

    def apply(self, params: Params, state: State, x: Any, ctx: Context) -> tuple[jax.Array, State]:
        query, value, key = by_role(x)
        heads, groups, _, _ = self.sizes()
        q = ctx.tap("q", self._rotated(_in_heads(_projected(params["query"], query), heads)))
        k = ctx.tap("k", self._rotated(_in_heads(_projected(params["key"], key), groups)))
        v = ctx.tap("v", _in_heads(_projected(params["value"], value), groups))
        context = ctx.tap("context", self._attend(q, k, v, ctx))  # (batch, queries, heads, value_dim)
        if self.use_gate:
            context = context * ctx.tap("gate", jax.nn.sigmoid(_in_heads(_projected(params["gate"], query), heads)))
        z = ctx.tap("z", _projected(params["attention_output"], context.reshape(*context.shape[:2], -1)))
        return z.reshape(*query.shape[:2], *self.width(query)), state

    def output_mask(self, x: Any, mask: Any) -> Any:
        return query_mask(mask)

    def penalty(self, params: Params) -> jax.Array | float:
        return sum((Layer.penalty(self, own) for own in params.values()), 0.0)

    def constrained(self, params: Params) -> Params:
        return {name: Layer.constrained(self, own) for name, own in params.items()}

    def _projection(self, key: jax.Array, shape: tuple[int, int]) -> Params:
        own = {"kernel": self.kernel_initializer(fold(key, "kernel"), shape)}
        return own | ({"bias": self.bias_initializer(fold(key, "bias"), shape[1:])} if self.use_bias else {})

    def _rotated(self, x: jax.Array) -> jax.Array:
        return x if self.rotary is None else self.rotary.rotated(x)

    def _attend(self, q: jax.Array, k: jax.Array, v: jax.Array, ctx: Context) -> jax.Array:
        def see(name: str, value: jax.Array) -> jax.Array:
            value = ctx.tap(name, value)
            return dropped(self.dropout, value, ctx) if name == "weights" else value

        unseen = ctx.watch is None and (self.dropout is None or not ctx.training)
        counts = key_mask(ctx.mask)
        mask = None if counts is None else counts[:, None, None]  # (batch, 1, 1, keys)
        return attention(
            q, k, v, mask, causal=self.use_causal_mask, window=self.sliding_window, see=None if unseen else see
        )


@spec
class MultiHeadAttention(_Heads):
    """y = [c_1 ... c_H] W_o + b_o,   c_h = softmax(q_h k_h^T / sqrt(key_dim)) v_h

    q_h = x_q W_qh + b_qh   k_h = x_k W_kh + b_kh   v_h = x_v W_vh + b_vh

    x: (batch, time, n)   W_q, W_k: (n, H key_dim)   W_v: (n, H value_dim)   W_o: (H value_dim, n)   y: as x_q

    The input is one value, which is x_q, x_k and x_v (self-attention); ``[query, value]``, whose values are the keys as
    well (cross-attention); or ``[query, value, key]``. Steps that the mask of value or key leaves out are not attended
    to, a query without any gets c = 0; the mask of the query is that of the output.

    Taps: ``q``, ``k`` (after the rotation) and ``v``, (batch, time, H, size); ``scores`` and, after the softmax,
    ``weights``, (batch, H, queries, keys); ``context``, c, (batch, queries, H, value_dim); ``gate``; ``z``, the output.

    Reference: Vaswani et al., *Attention Is All You Need*, NIPS 2017.

    num_heads:        H, how many heads there are.
    key_dim:          the length of each q_h and k_h (in PyTorch, embed_dim / num_heads).
    value_dim:        the length of each v_h; key_dim where it is None.
    output_shape:     the shape of y at each step; that of x_q where it is None.
    dropout:          the probability that a weight is left out in training; None, for 0, draws nothing.
    use_bias:         whether there are b.
    sliding_window:   query t attends only to keys less than this many steps away; None lets it attend to all.
    use_causal_mask:  whether query t attends to the steps 0 to t only (Keras has this in the call).
    rotary:           how q and k are rotated by their places in time, such as ``RotaryEmbedding()``, or None.
    use_gate:         whether each c_h is multiplied by sigmoid(x_q W_gh + b_gh) (Qiu et al., *Gated Attention for Large
                      Language Models*, 2025).
    kernel_initializer, bias_initializer:  how each W and b starts.
    kernel_regularizer, bias_regularizer:  penalties added to the loss.
    kernel_constraint, bias_constraint:    what each W and b is put back into after each update.

    Raises:
        ShapeError: an input is not (batch, time, features), or there are not as many keys as values.
        SpecError: an odd key_dim is to be rotated.

    Example:
        >>> from liuli import layers
        >>> layers.MultiHeadAttention(8, 64, use_causal_mask=True)
        MultiHeadAttention(8, 64, use_causal_mask=True)
    """

    num_heads: int = setting(least=1)
    key_dim: int = setting(least=1)
    value_dim: int | None = setting(default=None, least=1)
    output_shape: tuple[int, ...] | None = setting(default=None, least=1, kw_only=True)

    def sizes(self) -> tuple[int, int, int, int]:
        return self.num_heads, self.num_heads, self.key_dim, self.value_dim or self.key_dim

    def width(self, query: Any) -> tuple[int, ...]:
        return self.output_shape or super().width(query)


@spec
class GroupedQueryAttention(_Heads):
    """y = [c_1 ... c_H] W_o + b_o,   c_h = softmax(q_h k_g^T / sqrt(head_dim)) v_g,   g = h // (H / G)

    q_h = x_q W_qh + b_qh   k_g = x_k W_kg + b_kg   v_g = x_v W_vg + b_vg

    x: (batch, time, n)   W_q: (n, H head_dim)   W_k, W_v: (n, G head_dim)   W_o: (H head_dim, n)   y: as x_q

    Like MultiHeadAttention, but H / G heads share their keys and values: G = H is multi-head, G = 1 multi-query
    attention. Inputs, masks and taps are as there.

    Reference: Ainslie et al., *GQA: Training Generalized Multi-Query Transformer Models from Multi-Head Checkpoints*,
    EMNLP 2023.

    head_dim:             the length of each q_h, k_g and v_g.
    num_query_heads:      H.
    num_key_value_heads:  G, which divides H.
    dropout, use_bias, sliding_window, use_causal_mask, rotary, use_gate:  as in MultiHeadAttention.
    kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer:  as there.
    kernel_constraint, bias_constraint:  as there.

    Raises:
        ShapeError: an input is not (batch, time, features), or there are not as many keys as values.
        SpecError: G does not divide H, or an odd head_dim is to be rotated.

    Example:
        >>> from liuli import layers
        >>> layers.GroupedQueryAttention(64, 8, 2)
        GroupedQueryAttention(64, 8, 2)
    """

    head_dim: int = setting(least=1)
    num_query_heads: int = setting(least=1)
    num_key_value_heads: int = setting(least=1)

    aliases = ("GroupQueryAttention",)

    def check(self) -> None:
        super().check()
        if self.num_query_heads % self.num_key_value_heads:
            raise SpecError(
                "GroupedQueryAttention.num_key_value_heads",
                got=f"{self.num_key_value_heads}",
                expected=f"a number that divides num_query_heads={self.num_query_heads}",
                fix="num_key_value_heads=1",
            )

    def sizes(self) -> tuple[int, int, int, int]:
        return self.num_query_heads, self.num_key_value_heads, self.head_dim, self.head_dim


def _projected(own: Params, x: jax.Array) -> jax.Array:
    """x W + b"""
    return product(x, own["kernel"], own.get("bias"))


def _in_heads(x: jax.Array, heads: int) -> jax.Array:
    """(batch, time, heads size) as (batch, time, heads, size)."""
    return x.reshape(*x.shape[:2], heads, -1)
