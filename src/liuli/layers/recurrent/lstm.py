"""Long short-term memory: gates decide what a cell state keeps, takes in and shows."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from liuli import kernels
from liuli.activations import Activation, Sigmoid, Tanh
from liuli.constraints import Constraint
from liuli.core.specs import abstract, dial, setting, spec
from liuli.initializers import GlorotUniform, Initializer, Orthogonal, Zeros
from liuli.layers.base import Context, Params
from liuli.layers.recurrent.affine import Affine, Shared, biased
from liuli.layers.recurrent.loop import Recurrent
from liuli.layers.recurrent.step import Cell, States, held
from liuli.regularizers import Regularizer

__all__ = ["LSTM", "LSTMCell"]


@abstract
class LSTMStep(Affine):
    """c' = s(f) c + s(i) a(g),   h' = s(o) a(c'),   with i, f, g, o = x W + h U + b cut in four"""

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
    dropout: float | None = dial(default=None, least=0.0, most=1.0)
    recurrent_dropout: float | None = dial(default=None, least=0.0, most=1.0)

    gates: ClassVar[int] = 4
    kind: ClassVar[kernels.CellKind] = kernels.LSTM
    state_names: ClassVar[tuple[str, ...]] = ("h", "c")

    def initial_bias(self, key: jax.Array) -> jax.Array:
        bias, forget = super().initial_bias(key), slice(self.units, 2 * self.units)
        return bias.at[forget].set(1.0) if self.unit_forget_bias else bias

    def prepare(self, params: Params, x: Any, ctx: Context) -> Shared:
        weights = jnp.concatenate([params["kernel"], params["recurrent_kernel"]])  # (n + units, 4 units)
        return super().prepare({**params, "weights": weights}, x, ctx)

    def advance(self, shared: Shared, x: jax.Array, states: States, ctx: Context) -> States:
        h, c = states
        z = jnp.concatenate(shared.dropped(x, h), axis=-1) @ shared.params["weights"]  # one product: faster than two
        i, f, g, o = jnp.split(ctx.tap("gates", biased(z, shared.params.get("bias"))), 4, axis=-1)
        c_next = self.recurrent_activation(f) * c + self.recurrent_activation(i) * self.activation(g)
        c = ctx.tap("c", held(ctx.mask, c_next, c))
        h = ctx.tap("h", held(ctx.mask, self.recurrent_activation(o) * self.activation(c), h))
        return h, c


@spec
class LSTM(Recurrent, LSTMStep):
    """c_t = s(f) c_{t-1} + s(i) a(g),   h_t = s(o) a(c_t),   with i, f, g, o = x_t W + h_{t-1} U + b cut in four

    x: (batch, time, n)   W: (n, 4 units)   U: (units, 4 units)   b: (4 units,)   y = h_T: (batch, units)

    c and h start at 0, or as they are given: ``LSTM(8)([x, h, c])``. A masked step leaves both as they were.

    Taps, each (batch, time, ...): ``gates``, the pre-activations i, f, g, o; ``c``; ``h``.

    Reference: Hochreiter and Schmidhuber, *Long Short-Term Memory*, 1997; f: Gers, Schmidhuber and Cummins, 2000;
    dropout: Gal and Ghahramani, *A Theoretically Grounded Application of Dropout in Recurrent Neural Networks*, 2016.

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
    dropout:                the probability that a feature of x is left out while training, at all steps of a call; the
                            others are scaled up. With None all stay.
    recurrent_dropout:      likewise of a unit of h, where it enters h U.
    return_sequences:       y is every h: (batch, time, units); at a masked step the last that counted.
    return_state:           the last h and c are outputs as well: ``y, h, c = LSTM(8, return_state=True)(x)``.
    go_backwards:           read the sequence from its end; with ``return_sequences`` y is in the order of reading.
    stateful:               each batch starts from the last h and c of the one before it, row by row.
    num_steps:              the gradient through h and c is cut every so many steps; None cuts nowhere.
    zero_output_for_mask:   with ``return_sequences`` y is 0 at masked steps.

    Raises:
        ShapeError: the input is not (batch, time, features), or the given h and c do not fit.

    Example:
        >>> from liuli import layers
        >>> layers.LSTM(32, return_sequences=True)
        LSTM(32, return_sequences=True)
    """


@spec
class LSTMCell(Cell, LSTMStep):
    """c' = s(f) c + s(i) a(g),   h' = s(o) a(c'),   with i, f, g, o = x W + h U + b cut in four

    x: (batch, n)   h, c, h', c': (batch, units). One step of an LSTM: (x, h, c) goes in, (h', h', c') comes out.

    Taps: ``gates``, the pre-activations i, f, g, o; ``c`` and ``h``, the new ones.

    Reference: Hochreiter and Schmidhuber, *Long Short-Term Memory*, 1997.

    units, activation, recurrent_activation, use_bias:            as in LSTM.
    kernel_initializer, recurrent_initializer, bias_initializer:  as in LSTM.
    unit_forget_bias:                                             as in LSTM.
    kernel_regularizer, recurrent_regularizer, bias_regularizer:  as in LSTM.
    kernel_constraint, recurrent_constraint, bias_constraint:     as in LSTM.
    dropout, recurrent_dropout:                                   as in LSTM.

    Example:
        >>> from liuli import layers
        >>> layers.RNN(layers.LSTMCell(32), return_sequences=True)
        RNN(LSTMCell(32), return_sequences=True)
    """
