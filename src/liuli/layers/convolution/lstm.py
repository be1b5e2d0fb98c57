"""LSTMs over sequences of sequences, images or volumes, in which convolutions stand for matrix products."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from liuli.activations import Activation, Sigmoid, Tanh
from liuli.constraints import Constraint
from liuli.core.keys import fold
from liuli.core.specs import abstract, dial, setting, spec
from liuli.initializers import GlorotUniform, Initializer, Orthogonal, Zeros
from liuli.kernels import conv
from liuli.kernels.windows import Padding, Pair, Sizes, Triple
from liuli.layers.base import Context, Params, Shape, State, require_rank
from liuli.layers.convolution.base import Single, outputs
from liuli.layers.recurrent.affine import Shared, biased, factor
from liuli.layers.recurrent.loop import Recurrent, opened
from liuli.layers.recurrent.step import States, Step, held
from liuli.layers.space import AXES, require_windows
from liuli.regularizers import Regularizer

__all__ = ["ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"]


@abstract
class ConvLSTMStep(Step):
    """c' = s(f) c + s(i) a(g),   h' = s(o) a(c'),   with i, f, g, o = x * W + h * U + b cut in four

    x: (batch, *space, n)   W: (*kernel_size, n, 4 filters)   U: (*kernel_size, filters, 4 filters)
    """

    filters: int = setting(least=1)
    kernel_size: Sizes = setting(least=1)
    strides: Sizes = setting(default=(1,), least=1)
    padding: Padding = "valid"
    dilation_rate: Sizes = setting(default=(1,), least=1)
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

    state_names: ClassVar[tuple[str, ...]] = ("h", "c")

    def parameters(self, key: jax.Array, x: Shape) -> Params:
        require_windows(x, self.kernel_size, self.dilation_rate, self.padding)
        gates = 4 * self.filters
        recurrent = (*self.kernel_size, self.filters, gates)
        params = {
            "kernel": self.kernel_initializer(fold(key, "kernel"), (*self.kernel_size, x.shape[-1], gates)),
            "recurrent_kernel": self.recurrent_initializer(fold(key, "recurrent_kernel"), recurrent),
        }
        if self.use_bias:
            bias, forget = self.bias_initializer(fold(key, "bias"), (gates,)), slice(self.filters, 2 * self.filters)
            params["bias"] = bias.at[forget].set(1.0) if self.unit_forget_bias else bias
        return params

    def start(self, x: Any) -> States:
        space = outputs(x, self.kernel_size, self.strides, self.dilation_rate, self.padding)
        zero = jnp.zeros((x.shape[0], *space, self.filters), x.dtype)
        return zero, zero

    def prepare(self, params: Params, x: Any, ctx: Context) -> Shared:
        h, _ = self.start(x)
        x_factor = factor(self.dropout, x.shape, x.dtype, ctx.at("dropout"))
        h_factor = factor(self.recurrent_dropout, h.shape, h.dtype, ctx.at("recurrent_dropout"))
        return Shared(params, x_factor, h_factor)

    def advance(self, shared: Shared, x: jax.Array, states: States, ctx: Context) -> States:
        (h, c), params, once = states, shared.params, (1,) * len(self.kernel_size)
        x_kept, h_kept = shared.dropped(x, h)
        z = conv(x_kept, params["kernel"], self.strides, self.padding, self.dilation_rate)
        z = z + conv(h_kept, params["recurrent_kernel"], once, "same", once)
        i, f, g, o = jnp.split(ctx.tap("gates", biased(z, params.get("bias"))), 4, axis=-1)
        c_next = self.recurrent_activation(f) * c + self.recurrent_activation(i) * self.activation(g)
        c = ctx.tap("c", held(ctx.mask, c_next, c))
        h = ctx.tap("h", held(ctx.mask, self.recurrent_activation(o) * self.activation(c), h))
        return h, c

    def _rules(self, suffix: str, kind: type) -> list[tuple[str, Any]]:
        return [("recurrent_kernel" if n == "recurrent" else n, rule) for n, rule in super()._rules(suffix, kind)]


@abstract
class ConvLSTM(Recurrent, ConvLSTMStep):
    """The step of a ConvLSTM, taken for every time step of x: (batch, time, *space, n)"""

    def init(self, key: jax.Array, x: Any) -> tuple[Params, State]:
        rank = len(self.kernel_size)
        require_rank(opened(x)[0], rank + 3, AXES[rank].replace("batch", "batch, time"))
        return super().init(key, x)


@spec
class ConvLSTM1D(ConvLSTM):
    """c_t = s(f) c_{t-1} + s(i) a(g),   h_t = s(o) a(c_t),   with i, f, g, o = x_t * W + h_{t-1} * U + b cut in four

    x: (batch, time, steps, n)   W: (size, n, 4 filters)   U: (size, filters, 4 filters)   b: (4 filters,)
    y = h_T: (batch, steps', filters)

    As ConvLSTM2D, with one axis of space.

    Taps, each (batch, time, steps', ...): ``gates``, the pre-activations i, f, g, o; ``c``; ``h``.

    Reference: as for ConvLSTM2D.

    filters, kernel_size, strides, padding, dilation_rate:        as in ConvLSTM2D.
    activation, recurrent_activation, use_bias:                   as in LSTM.
    kernel_initializer, recurrent_initializer, bias_initializer:  as in LSTM.
    unit_forget_bias:                                             as in LSTM.
    kernel_regularizer, recurrent_regularizer, bias_regularizer:  as in LSTM.
    kernel_constraint, recurrent_constraint, bias_constraint:     as in LSTM.
    dropout, recurrent_dropout:                                   as in ConvLSTM2D.
    return_sequences, return_state, go_backwards, stateful:       as in LSTM.
    num_steps, zero_output_for_mask:                              as in LSTM.

    Raises:
        ShapeError: the input is not (batch, time, steps, channels), or smaller than the kernel.
        LiuliError: training with dropout, without a random key.

    Example:
        >>> from liuli import layers
        >>> layers.ConvLSTM1D(8, 3, padding="same")
        ConvLSTM1D(8, (3,), padding='same')
    """

    kernel_size: Single = setting(least=1)
    strides: Single = setting(default=(1,), least=1)
    dilation_rate: Single = setting(default=(1,), least=1)


@spec
class ConvLSTM2D(ConvLSTM):
    """c_t = s(f) c_{t-1} + s(i) a(g),   h_t = s(o) a(c_t),   with i, f, g, o = x_t * W + h_{t-1} * U + b cut in four

    x: (batch, time, height, width, n)   W: (rows, columns, n, 4 filters)   U: (rows, columns, filters, 4 filters)
    b: (4 filters,)   y = h_T: (batch, height', width', filters)

    x_t * W is the convolution of Conv2D; h * U one that keeps the size of h, with zeros around and no strides.
    c and h start at 0, or as they are given: ``ConvLSTM2D(8, 3)([x, h, c])``. A masked step leaves both as they were.

    Taps, each (batch, time, height', width', ...): ``gates``, the pre-activations i, f, g, o; ``c``; ``h``.

    Reference: Shi, Chen, Wang, Yeung, Wong and Woo, *Convolutional LSTM Network*, 2015 (there gates also see c).

    filters:                          the number of channels of c and h.
    kernel_size:                      rows and columns of W and U; one number stands for both.
    strides, padding, dilation_rate:  of x_t * W, as in Conv2D.
    activation, recurrent_activation, use_bias:                   as in LSTM.
    kernel_initializer, recurrent_initializer, bias_initializer:  as in LSTM.
    unit_forget_bias:                                             as in LSTM.
    kernel_regularizer, recurrent_regularizer, bias_regularizer:  as in LSTM.
    kernel_constraint, recurrent_constraint, bias_constraint:     as in LSTM.
    dropout:              the probability that an element of x is left out in training, the same ones at every step.
    recurrent_dropout:    the same for h before U. Keras draws anew for each of the four gates; here they see one.
    return_sequences:     y is every h: (batch, time, height', width', filters).
    return_state, go_backwards, stateful:  as in LSTM.
    num_steps, zero_output_for_mask:       as in LSTM.

    Raises:
        ShapeError: the input is not (batch, time, height, width, channels), or smaller than the kernel.
        LiuliError: training with dropout, without a random key.

    Example:
        >>> from liuli import layers
        >>> layers.ConvLSTM2D(8, 3, padding="same", return_sequences=True)
        ConvLSTM2D(8, (3, 3), padding='same', return_sequences=True)
    """

    kernel_size: Pair = setting(least=1)
    strides: Pair = setting(default=(1, 1), least=1)
    dilation_rate: Pair = setting(default=(1, 1), least=1)


@spec
class ConvLSTM3D(ConvLSTM):
    """c_t = s(f) c_{t-1} + s(i) a(g),   h_t = s(o) a(c_t),   with i, f, g, o = x_t * W + h_{t-1} * U + b cut in four

    x: (batch, time, depth, height, width, n)   W: (*kernel_size, n, 4 filters)   U: (*kernel_size, filters, 4 filters)
    b: (4 filters,)   y = h_T: (batch, depth', height', width', filters)

    As ConvLSTM2D, with three axes of space.

    Taps, each (batch, time, depth', height', width', ...): ``gates``, the pre-activations i, f, g, o; ``c``; ``h``.

    Reference: as for ConvLSTM2D.

    filters, kernel_size, strides, padding, dilation_rate:        as in ConvLSTM2D.
    activation, recurrent_activation, use_bias:                   as in LSTM.
    kernel_initializer, recurrent_initializer, bias_initializer:  as in LSTM.
    unit_forget_bias:                                             as in LSTM.
    kernel_regularizer, recurrent_regularizer, bias_regularizer:  as in LSTM.
    kernel_constraint, recurrent_constraint, bias_constraint:     as in LSTM.
    dropout, recurrent_dropout:                                   as in ConvLSTM2D.
    return_sequences, return_state, go_backwards, stateful:       as in LSTM.
    num_steps, zero_output_for_mask:                              as in LSTM.

    Raises:
        ShapeError: the input is not (batch, time, depth, height, width, channels), or smaller than the kernel.
        LiuliError: training with dropout, without a random key.

    Example:
        >>> from liuli import layers
        >>> layers.ConvLSTM3D(4, 2)
        ConvLSTM3D(4, (2, 2, 2))
    """

    kernel_size: Triple = setting(least=1)
    strides: Triple = setting(default=(1, 1, 1), least=1)
    dilation_rate: Triple = setting(default=(1, 1, 1), least=1)
