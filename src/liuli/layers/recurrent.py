"""Recurrent layers: a state that is carried from each time step to the next."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from liuli.activations import Activation, Sigmoid, Tanh
from liuli.constraints import Constraint
from liuli.core.keys import fold
from liuli.core.specs import setting, spec
from liuli.initializers import GlorotUniform, Initializer, Orthogonal, Zeros
from liuli.layers.base import Context, Layer, Params, Shape, State, last_axis, require_rank
from liuli.layers.masks import time_reversed
from liuli.regularizers import Regularizer

__all__ = ["LSTM"]


@spec
class LSTM(Layer):
    """c_t = s(f) c_{t-1} + s(i) a(g),   h_t = s(o) a(c_t),   with i, f, g, o = x_t W + h_{t-1} U + b cut in four

    x: (batch, time, n)   W: (n, 4 units)   U: (units, 4 units)   b: (4 units,)   y = h_T: (batch, units)

    c and h start at 0. A masked step leaves both as they were.

    Taps, each (batch, time, ...): ``gates``, the pre-activations i, f, g, o; ``c``; ``h``.

    Reference: Hochreiter and Schmidhuber, *Long Short-Term Memory*, 1997; f: Gers, Schmidhuber and Cummins, 2000.

    units:                  the size of c and h.
    activation:             a, by name or as an object.
    recurrent_activation:   s.
    use_bias:               whether there is a b.
    kernel_initializer:     how W, the parameter ``kernel``, starts.
    recurrent_initializer:  how U, the parameter ``recurrent_kernel``, starts.
    bias_initializer:       how b starts.
    unit_forget_bias:       whether the part of b in f starts at 1 instead (Jozefowicz, Zaremba and Sutskever, 2015).
    kernel_regularizer, recurrent_regularizer, bias_regularizer:  penalties added to the loss.
    kernel_constraint, recurrent_constraint, bias_constraint:     what W, U and b are put back into after each update.
    return_sequences:       y is every h: (batch, time, units).
    go_backwards:           read the sequence from its end; with ``return_sequences`` y is in the order of reading.

    Raises:
        ShapeError: the input is not (batch, time, features).

    Example:
        >>> from liuli import layers
        >>> layers.LSTM(32, return_sequences=True)
        LSTM(32, return_sequences=True)
    """

    units: int = setting(least=1)
    activation: Activation = Tanh()
    recurrent_activation: Activation = Sigmoid()
    use_bias: bool = True
    kernel_initializer: Initializer = GlorotUniform()
    recurrent_initializer: Initializer = Orthogonal()
    bias_initializer: Initializer = Zeros()
    unit_forget_bias: bool = True
    kernel_regularizer: Regularizer | None = None
    recurrent_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    kernel_constraint: Constraint | None = None
    recurrent_constraint: Constraint | None = None
    bias_constraint: Constraint | None = None
    return_sequences: bool = False
    go_backwards: bool = False

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        require_rank(x, 3, "(batch, time, features)")
        params = {
            "kernel": self.kernel_initializer(fold(key, "kernel"), (x.shape[-1], 4 * self.units)),
            "recurrent_kernel": self.recurrent_initializer(fold(key, "recurrent_kernel"), (self.units, 4 * self.units)),
        }
        if self.use_bias:
            bias = self.bias_initializer(fold(key, "bias"), (4 * self.units,))
            forget = slice(self.units, 2 * self.units)
            params["bias"] = bias.at[forget].set(1.0) if self.unit_forget_bias else bias
        return params, {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        weights = jnp.concatenate([params["kernel"], params["recurrent_kernel"]])  # (n + units, 4 units)
        bias = params["bias"] if self.use_bias else jnp.zeros(4 * self.units, weights.dtype)

        def step(ctx: Context, carry: tuple[jax.Array, jax.Array], now: tuple[jax.Array, Any]) -> tuple[Any, jax.Array]:
            (h, c), (x_t, counts) = carry, now
            z = jnp.concatenate([x_t, h], axis=-1) @ weights  # one product: XLA runs it faster than two
            i, f, g, o = jnp.split(ctx.tap("gates", z + last_axis(bias, z)), 4, axis=-1)
            c_next = self.recurrent_activation(f) * c + self.recurrent_activation(i) * self.activation(g)
            c = ctx.tap("c", _where(counts, c_next, c))
            h = ctx.tap("h", _where(counts, self.recurrent_activation(o) * self.activation(c), h))
            return (h, c), h

        start = jnp.zeros((x.shape[0], self.units), x.dtype)
        (h, _), hs = ctx.scan(step, (start, start), self._in_time(x, ctx.mask))
        return (jnp.moveaxis(hs, 0, 1) if self.return_sequences else h), state

    def output_mask(self, x: Any, mask: Any) -> Any:
        if not self.return_sequences:
            return None
        return time_reversed(mask) if self.go_backwards else mask

    def _in_time(self, x: jax.Array, mask: Any) -> tuple[jax.Array, Any]:
        """The sequence and its mask, time first: (time, batch, n) and (time, batch, 1)."""
        x, mask = (jnp.flip(x, 1), time_reversed(mask)) if self.go_backwards else (x, mask)
        return jnp.moveaxis(x, 1, 0), None if mask is None else jnp.moveaxis(mask, 1, 0)[:, :, None]

    def _rules(self, suffix: str, kind: type) -> list[tuple[str, Any]]:
        return [("recurrent_kernel" if n == "recurrent" else n, rule) for n, rule in super()._rules(suffix, kind)]


def _where(counts: Any, new: jax.Array, old: jax.Array) -> jax.Array:
    return new if counts is None else jnp.where(counts, new, old)
