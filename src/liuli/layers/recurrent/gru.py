"""The gated recurrent unit: two gates, and no state besides h."""

from __future__ import annotations

from typing import ClassVar

import jax
import jax.numpy as jnp

from liuli import kernels
from liuli.activations import Activation, Sigmoid, Tanh
from liuli.constraints import Constraint
from liuli.core.specs import abstract, dial, setting, spec
from liuli.initializers import GlorotUniform, Initializer, Orthogonal, Zeros
from liuli.layers.base import Context
from liuli.layers.recurrent.affine import Affine, Shared, biased
from liuli.layers.recurrent.loop import Recurrent
from liuli.layers.recurrent.step import Cell, States
from liuli.regularizers import Regularizer

__all__ = ["GRU", "GRUCell"]


@abstract
class GRUStep(Affine):
    """h' = s(z) h + (1 - s(z)) a(g),   with z, r = x W + h U + b and the candidate g"""

    units: int = setting(least=1)
    activation: Activation = Tanh()
    recurrent_activation: Activation = Sigmoid()
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
    reset_after: bool = True

    gates: ClassVar[int] = 3
    kind: ClassVar[kernels.CellKind] = kernels.GRU

    def initial_bias(self, key: jax.Array) -> jax.Array:
        wide = self.gates * self.units
        return self.bias_initializer(key, (2, wide) if self.reset_after else (wide,))

    def step(self, shared: Shared, x: jax.Array, states: States, ctx: Context) -> States:
        (before,) = states
        x, h = shared.dropped(x, before)
        kernel, recurrent, bias = shared.params["kernel"], shared.params["recurrent_kernel"], shared.params.get("bias")
        cut = 2 * self.units  # z and r before it, g behind it
        if self.reset_after:
            b, b_recurrent = (None, None) if bias is None else bias
            from_x, from_h = biased(x @ kernel, b), biased(h @ recurrent, b_recurrent)
            z, r = self._gates(from_x[:, :cut] + from_h[:, :cut], ctx)
            g = from_x[:, cut:] + r * from_h[:, cut:]
        else:
            from_x = biased(x @ kernel, bias)
            z, r = self._gates(from_x[:, :cut] + h @ recurrent[:, :cut], ctx)
            g = from_x[:, cut:] + (r * h) @ recurrent[:, cut:]
        return (z * before + (1.0 - z) * self.activation(ctx.tap("candidate", g)),)

    @property
    def _usual(self) -> bool:
        return super()._usual and self.reset_after

    def _gate_bias(self, bias: jax.Array) -> jax.Array:
        (z, r, g), (z_recurrent, r_recurrent, g_recurrent) = bias.reshape(2, 3, self.units)
        return jnp.stack([z + z_recurrent, r + r_recurrent, g, g_recurrent])

    def _gates(self, both: jax.Array, ctx: Context) -> list[jax.Array]:
        return jnp.split(self.recurrent_activation(ctx.tap("gates", both)), 2, axis=-1)


@spec
class GRU(Recurrent, GRUStep):
    """h_t = s(z) h_{t-1} + (1 - s(z)) a(g),   with z, r, g = x_t W + h_{t-1} U + b cut in three

    x: (batch, time, n)   W: (n, 3 units)   U: (units, 3 units)   b: (2, 3 units)   y = h_T: (batch, units)

    The gate s(r) resets what h brings to g: g = x_t W_g + b_g + s(r) (h_{t-1} U_g + b'_g), where W and U have a bias
    each, b and b', as in PyTorch and cuDNN. With ``reset_after=False``, as in the paper, h is reset before the product:
    g = x_t W_g + (s(r) h_{t-1}) U_g + b_g, and there is one bias, (3 units,).

    h starts at 0, or as it is given: ``GRU(8)([x, h])``. A masked step leaves it as it was.

    Taps, each (batch, time, ...): ``gates``, the pre-activations z, r; ``candidate``, g; ``h``.

    Reference: Cho et al., *Learning Phrase Representations using RNN Encoder-Decoder*, EMNLP 2014.

    units:                 the size of h.
    activation:            a, by name or as an object.
    recurrent_activation:  s.
    use_bias:              whether there is a b.
    reset_after:           whether h is reset after its product with U_g, or before it.
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
        >>> layers.GRU(32, reset_after=False)
        GRU(32, reset_after=False)
    """


@spec
class GRUCell(Cell, GRUStep):
    """h' = s(z) h + (1 - s(z)) a(g),   with z, r, g = x W + h U + b cut in three

    x: (batch, n)   h, h': (batch, units). One step of a GRU: (x, h) goes in, (h', h') comes out.

    Taps: ``gates``, the pre-activations z, r; ``candidate``, g; ``h``, the new one.

    Reference: Cho et al., *Learning Phrase Representations using RNN Encoder-Decoder*, EMNLP 2014.

    units, activation, recurrent_activation, use_bias:            as in GRU.
    kernel_initializer, recurrent_initializer, bias_initializer:  as in GRU.
    kernel_regularizer, recurrent_regularizer, bias_regularizer:  as in GRU.
    kernel_constraint, recurrent_constraint, bias_constraint:     as in GRU.
    dropout, recurrent_dropout, reset_after:                      as in GRU.

    Example:
        >>> from liuli import layers
        >>> layers.RNN(layers.GRUCell(32))
        RNN(GRUCell(32))
    """
