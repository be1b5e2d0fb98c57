"""Transformer blocks: attention, then a small network at each step, each with a shortcut around it.

h <- norm(h + part(h)),   or, with ``normalize_first``,   h <- h + part(norm(h))
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import jax

from liuli.activations import Activation, ReLU
from liuli.core.errors import ShapeError
from liuli.core.keys import fold
from liuli.core.specs import abstract, dial, setting, spec, with_fields
from liuli.initializers import GlorotUniform, Initializer, Zeros
from liuli.layers.attention.multi_head import MultiHeadAttention
from liuli.layers.attention.positions import RotaryEmbedding
from liuli.layers.attention.roles import dropped, query_mask, require_sequence
from liuli.layers.base import Context, Layer, Params, Shape, State, shown
from liuli.layers.dense import Dense
from liuli.layers.normalization import LayerNormalization

__all__ = ["TransformerDecoder", "TransformerEncoder"]


@abstract
class _Block(Layer):
    """What encoder and decoder share: attention to itself, attention to a memory where there is one, and the network.

    intermediate_dim:    m, the units between W_1 and W_2.
    num_heads:           how many heads attention has; it divides n.
    dropout:             the probability that an attention weight, or a unit of what a part adds, is left out in
                         training; None, for 0, draws nothing. (PyTorch drops units of f as well.)
    activation:          f, by name or as an object.
    layer_norm_epsilon:  keeps the division in norm finite.
    kernel_initializer, bias_initializer:  how each W and b starts.
    normalize_first:     whether norm stands before each part instead of after its shortcut.
    rotary:              how queries and keys of the attention to itself are rotated by their places in time, such as
                         ``RotaryEmbedding()``, or None.
    """

    intermediate_dim: int = setting(least=1)
    num_heads: int = setting(least=1)
    dropout: float | None = dial(default=None, least=0.0, most=1.0)
    activation: Activation = ReLU()
    layer_norm_epsilon: float = dial(default=1e-5, least=0.0)
    kernel_initializer: Initializer = GlorotUniform()
    bias_initializer: Initializer = Zeros()
    normalize_first: bool = False
    rotary: RotaryEmbedding | None = None

    causal: ClassVar[bool] = False  # whether a step attends to itself and those before it only
    most_inputs: ClassVar[int] = 1

    def parts(self, n: int) -> dict[str, Layer]:
        """The layers that the block is made of, for inputs of ``n`` features."""
        starts: Any = {"kernel_initializer": self.kernel_initializer, "bias_initializer": self.bias_initializer}
        attention = MultiHeadAttention(self.num_heads, n // self.num_heads, **starts)
        cross = with_fields(attention, {"dropout": self.dropout})  # a dial may be traced, which no check takes
        norm = with_fields(LayerNormalization(), {"epsilon": self.layer_norm_epsilon})
        return {
            "self_attention": with_fields(cross, {"use_causal_mask": self.causal, "rotary": self.rotary}),
            "self_attention_norm": norm,
            "cross_attention": cross,
            "cross_attention_norm": norm,
            "intermediate": Dense(self.intermediate_dim, self.activation, **starts),
            "output": Dense(n, **starts),
            "feedforward_norm": norm,
        }

    def init(self, key: jax.Array, x: Any) -> tuple[Params, State]:
        h, *memory = self._required(x)
        between = jax.eval_shape(self.activation, Shape((*h.shape[:-1], self.intermediate_dim), h.dtype))
        into: dict[str, Any] = {"self_attention": h, "self_attention_norm": h}
        into |= {"cross_attention": (h, *memory), "cross_attention_norm": h} if memory else {}
        into |= {"intermediate": h, "output": between, "feedforward_norm": h}
        parts = self.parts(h.shape[-1])
        return {name: parts[name].init(fold(key, name), shape)[0] for name, shape in into.items()}, {}

    def apply(self, params: Params, state: State, x: Any, ctx: Context) -> tuple[jax.Array, State]:
        h, *memory = _several(x)
        parts = self.parts(h.shape[-1])

        def run(name: str, x: Any, mask: Any = None) -> jax.Array:
            return ctx.tap(f"{name}/y", parts[name].apply(params[name], {}, x, ctx.at(name, mask))[0])

        def added(name: str, part: Callable[[jax.Array], jax.Array], h: jax.Array) -> jax.Array:
            more = part(run(f"{name}_norm", h) if self.normalize_first else h)
            if self.dropout is not None and ctx.training:
                more = ctx.tap(f"{name}_dropout/y", dropped(self.dropout, more, ctx.at(name)))
            y = ctx.tap(f"{name}_sum/y", h + more)
            return y if self.normalize_first else run(f"{name}_norm", y)

        h = added("self_attention", lambda h: run("self_attention", h, query_mask(ctx.mask)), h)
        if memory:
            h = added("cross_attention", lambda h: run("cross_attention", (h, *memory), ctx.mask), h)
        return added("feedforward", lambda h: run("output", run("intermediate", h)), h), state

    def output_mask(self, x: Any, mask: Any) -> Any:
        return query_mask(mask)

    def _required(self, x: Any) -> tuple[Shape, ...]:
        """The inputs; ShapeError unless they are as many sequences as the block takes, and divide into its heads."""
        several = _several(x)
        if len(several) > self.most_inputs:
            fix = "call it on one value" if self.most_inputs == 1 else "call it on [x, memory]"
            raise ShapeError("", got=f"{len(several)} inputs", expected=f"at most {self.most_inputs}", fix=fix)
        for each in several:
            require_sequence(each)
        if several[0].shape[-1] % self.num_heads:
            got = f"an input of shape {shown(several[0])}"
            raise ShapeError("", got=got, expected=f"features for {self.num_heads} heads alike", fix="num_heads=1")
        return several


@spec
class TransformerEncoder(_Block):
    """h = norm(x + attention(x)),   y = norm(h + f(h W_1 + b_1) W_2 + b_2)

    x, h, y: (batch, time, n)   W_1: (n, m)   b_1: (m,)   W_2: (m, n)   b_2: (n,)

    With normalize_first: h = x + attention(norm(x)),   y = h + f(norm(h) W_1 + b_1) W_2 + b_2. Attention is a
    MultiHeadAttention, norm a LayerNormalization. Steps that the mask leaves out are not attended to.

    Parameters and taps stand under the names of the parts: ``self_attention``, ``self_attention_norm``,
    ``intermediate`` (W_1), ``output`` (W_2), ``feedforward_norm``; what a part puts out is its tap ``y``, also of
    ``self_attention_dropout``, ``self_attention_sum``, ``feedforward_dropout`` and ``feedforward_sum``.

    Reference: Vaswani et al., *Attention Is All You Need*, NIPS 2017; normalize_first: Xiong et al., *On Layer
    Normalization in the Transformer Architecture*, ICML 2020.

    intermediate_dim:    m, the units between W_1 and W_2.
    num_heads:           how many heads attention has; it divides n.
    dropout:             the probability that an attention weight, or a unit of what a part adds, is left out in
                         training; None, for 0, draws nothing. (PyTorch drops units of f as well.)
    activation:          f, by name or as an object.
    layer_norm_epsilon:  keeps the division in norm finite.
    kernel_initializer, bias_initializer:  how each W and b starts.
    normalize_first:     whether norm stands before each part instead of after its shortcut.
    rotary:              how queries and keys are rotated by their places in time, such as ``RotaryEmbedding()``, or
                         None.

    Raises:
        ShapeError: the input is not (batch, time, features), or its features do not divide into the heads.

    Example:
        >>> from liuli import layers
        >>> layers.TransformerEncoder(256, 4, dropout=0.1, activation="gelu")
        TransformerEncoder(256, 4, dropout=0.1, activation=GELU())
    """


@spec
class TransformerDecoder(_Block):
    """h = norm(x + attention(x)),   c = norm(h + attention(h, memory)),   y = norm(c + f(c W_1 + b_1) W_2 + b_2)

    x, h, c, y: (batch, time, n)   memory: (batch, steps, k)   W_1: (n, m)   b_1: (m,)   W_2: (m, n)   b_2: (n,)

    The input is ``[x, memory]``, the memory such as an encoder's output; or x alone, then c = h, and the block is one
    of a language model. Attention to itself is causal: step t sees the steps 0 to t of x. With normalize_first each
    norm stands before its part. Steps of x and of memory that their masks leave out are not attended to.

    Parameters and taps stand under the names of the parts: ``self_attention``, ``cross_attention``, ``intermediate``
    (W_1), ``output`` (W_2), and ``self_attention_norm``, ``cross_attention_norm``, ``feedforward_norm``; what a part
    puts out is its tap ``y``, also of sums and dropouts, as in TransformerEncoder.

    Reference: Vaswani et al., *Attention Is All You Need*, NIPS 2017; x alone: Radford et al., *Improving Language
    Understanding by Generative Pre-Training*, 2018.

    intermediate_dim, num_heads, dropout, activation, layer_norm_epsilon:  as in TransformerEncoder.
    kernel_initializer, bias_initializer, normalize_first:                 as there.
    rotary:  how queries and keys of the attention to itself are rotated by their places in time, or None.

    Raises:
        ShapeError: an input is not (batch, time, features), or the features of x do not divide into the heads.

    Example:
        >>> import liuli as ll
        >>> x, memory = ll.Input((7, 32)), ll.Input((9, 16))
        >>> net = ll.Graph([x, memory], ll.layers.TransformerDecoder(64, 4)([x, memory]))
        >>> net.outputs
        ('transformer_decoder_1',)
    """

    causal: ClassVar[bool] = True
    most_inputs: ClassVar[int] = 2


def _several(x: Any) -> tuple[Any, ...]:
    return x if isinstance(x, tuple) else (x,)
