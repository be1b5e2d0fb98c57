"""What SimpleRNN, LSTM and GRU have in common: the products x_t W and h_{t-1} U, a bias, and units left out."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from liuli import kernels
from liuli.activations import Activation, Sigmoid, Tanh
from liuli.core.errors import ShapeError
from liuli.core.keys import fold
from liuli.core.specs import with_fields
from liuli.initializers import Initializer
from liuli.layers.base import Context, Params, Shape, last_axis, shown
from liuli.layers.dropout import Dropout
from liuli.layers.recurrent.step import States, Step


class Shared(NamedTuple):
    """What all steps share: the parameters, and what x_t and h_{t-1} are multiplied with where units are left out."""

    params: Params
    x_factor: jax.Array | None
    h_factor: jax.Array | None

    def dropped(self, x: jax.Array, h: jax.Array) -> tuple[jax.Array, jax.Array]:
        """x_t and h_{t-1} as they enter the products."""
        return x if self.x_factor is None else x * self.x_factor, h if self.h_factor is None else h * self.h_factor


class Affine(Step):
    """The base of steps with W: (n, gates units), U: (units, gates units) and b. Their fields stand in Keras's order,
    which differs from class to class; those that are used here are named."""

    gates: ClassVar[int] = 1
    kind: ClassVar[kernels.CellKind]

    units: int
    activation: Activation
    use_bias: bool
    kernel_initializer: Initializer
    recurrent_initializer: Initializer
    bias_initializer: Initializer
    dropout: float | None
    recurrent_dropout: float | None

    def parameters(self, key: jax.Array, x: Shape) -> Params:
        if x.ndim != 2:
            fix = "put layers.TimeDistributed(layers.Flatten()) before it"
            raise ShapeError("", got=f"time steps of shape {shown(x)}", expected="(batch, features)", fix=fix)
        wide = self.gates * self.units
        params = {
            "kernel": self.kernel_initializer(fold(key, "kernel"), (x.shape[-1], wide)),
            "recurrent_kernel": self.recurrent_initializer(fold(key, "recurrent_kernel"), (self.units, wide)),
        }
        return params | ({"bias": self.initial_bias(fold(key, "bias"))} if self.use_bias else {})

    def initial_bias(self, key: jax.Array) -> jax.Array:
        return self.bias_initializer(key, (self.gates * self.units,))

    def start(self, x: Any) -> States:
        return tuple(jnp.zeros((x.shape[0], self.units), x.dtype) for _ in self.state_names)

    def prepare(self, params: Params, x: Any, ctx: Context) -> Shared:
        x_factor = factor(self.dropout, x.shape, x.dtype, ctx.at("dropout"))
        h_factor = factor(self.recurrent_dropout, (x.shape[0], self.units), x.dtype, ctx.at("recurrent_dropout"))
        return Shared(params, x_factor, h_factor)

    def whole(
        self, shared: Shared, x: jax.Array, states: States, mask: Any, sequences: bool
    ) -> tuple[jax.Array | None, States] | None:
        params = shared.params
        weights = params["kernel"], params["recurrent_kernel"]
        if not self._usual or shared.h_factor is not None or not kernels.usable(x, *weights, *states):
            return None
        bias = self._gate_bias(params["bias"]) if self.use_bias else None
        x = x if shared.x_factor is None else x * shared.x_factor[:, None]
        return kernels.recurrent(self.kind, x, *weights, bias, states, mask, sequences)

    @property
    def _usual(self) -> bool:
        """Whether the equations are those of the kernel."""
        return self.activation == Tanh() and getattr(self, "recurrent_activation", Sigmoid()) == Sigmoid()

    def _gate_bias(self, bias: jax.Array) -> jax.Array:
        """b with a row for each gate."""
        return bias.reshape(-1, self.units)

    def _rules(self, suffix: str, kind: type) -> list[tuple[str, Any]]:
        return [("recurrent_kernel" if n == "recurrent" else n, rule) for n, rule in super()._rules(suffix, kind)]


def biased(z: jax.Array, bias: jax.Array | None) -> jax.Array:
    """z + b, where there is a b."""
    return z if bias is None else z + last_axis(bias, z)


def factor(rate: float | None, shape: tuple[int, ...], dtype: Any, ctx: Context) -> jax.Array | None:
    """0 for units that are left out, 1 / (1 - rate) for the others; None where all stay as they are."""
    if rate is None or not ctx.training:
        return None
    return with_fields(Dropout(0.0), {"rate": rate}).apply({}, {}, jnp.ones(shape, dtype), ctx)[0]
