"""The simple recurrent network: what it computes at a step is what it carries to the next."""

from __future__ import annotations

from typing import ClassVar

import jax

from liuli import kernels
from liuli.activations import Activation, Tanh
from liuli.constraints import Constraint
from liuli.core.specs import abstract, dial, setting, spec
from liuli.initializers import GlorotUniform, Initializer, Orthogonal, Zeros
from liuli.layers.base import Context
from liuli.layers.recurrent.affine import Affine, Shared, biased
from liuli.layers.recurrent.loop import Recurrent
from liuli.layers.recurrent.step import Cell, States
from liuli.regularizers import Regularizer

__all__ = ["SimpleRNN", "SimpleRNNCell"]


@abstract
class SimpleRNNStep(Affine):
    """h' = a(x W + h U + b)"""

    units: int = setting(least=1)
    activation: Activation = Tanh()
    use_bias: bool = True
    kernel_initializer: Initializer = GlorotUniform()
    recurrent_initializer: Initializer = Orthogonal()
    bias_initializer: Initializer = Zeros()
    kernel_regularizer: Regularizer | None = None
    recurrent_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    kernel_constraint: Constraint | None = None
    recurrent_constraint: Constraint | None = None
    bias_constraint: Constraint | None = None
    dropout: float | None = dial(default=None, least=0.0, most=1.0)
    recurrent_dropout: float | None = dial(default=None, least=0.0, most=1.0)

    kind: ClassVar[kernels.CellKind] = kernels.SIMPLE_RNN

    def step(self, shared: Shared, x: jax.Array, states: States, ctx: Context) -> States:
        x, h = shared.dropped(x, states[0])
        params = shared.params
        z = x @ params["kernel"] + h @ params["recurrent_kernel"]  # two products: as fast as one, or faster
        return (self.activation(ctx.tap("z", biased(z, params.get("bias")))),)


@spec
class SimpleRNN(Recurrent, SimpleRNNStep):
    """h_t = a(x_t W + h_{t-1} U + b)

    x: (batch, time, n)   W: (n, units)   U: (units, units)   b: (units,)   y = h_T: (batch, units)

    h starts at 0, or as it is given: ``SimpleRNN(8)([x, h])``. A masked step leaves it as it was.

    Taps, each (batch, time, units): ``z``, the pre-activation; ``h``.

    Reference: Elman, *Finding Structure in Time*, Cognitive Science 14, 1990.

    units:       the size of h.
    activation:  a, by name or as an object.
    use_bias:    whether there is a b.
    kernel_initializer, recurrent_initializer, bias_initializer:  how W, U and b start.
    kernel_regularizer, recurrent_regularizer, bias_regularizer:  penalties added to the loss.
    kernel_constraint, recurrent_constraint, bias_constraint:     what W, U and b are put back into after each update.
    dropout, recurrent_dropout:                                   as in LSTM.
    return_sequences, return_state, go_backwards:                 as in LSTM.
    stateful, num_steps, zero_output_for_mask:                    as in LSTM.

    Raises:
        ShapeError: the input is not (batch, time, features), or the given state does not fit.

    Example:
        >>> from liuli import layers
        >>> layers.SimpleRNN(32, "relu")
        SimpleRNN(32, activation=ReLU())
    """


@spec
class SimpleRNNCell(Cell, SimpleRNNStep):
    """h' = a(x W + h U + b)            x: (batch, n)   h, h': (batch, units)

    One step of a SimpleRNN: (x, h) goes in, (h', h') comes out.

    Taps: ``z``, the pre-activation; ``h``, the new one.

    Reference: Elman, *Finding Structure in Time*, Cognitive Science 14, 1990.

    units, activation, use_bias:                                  as in SimpleRNN.
    kernel_initializer, recurrent_initializer, bias_initializer:  as in SimpleRNN.
    kernel_regularizer, recurrent_regularizer, bias_regularizer:  as in SimpleRNN.
    kernel_constraint, recurrent_constraint, bias_constraint:     as in SimpleRNN.
    dropout, recurrent_dropout:                                   as in SimpleRNN.

    Example:
        >>> from liuli import layers
        >>> layers.RNN(layers.SimpleRNNCell(32))
        RNN(SimpleRNNCell(32))
    """
