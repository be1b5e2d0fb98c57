"""The fully connected layer: every unit sees every feature."""

from __future__ import annotations

from typing import ClassVar

import jax

from liuli.activations import Activation, Identity
from liuli.constraints import Constraint
from liuli.core.keys import fold
from liuli.core.specs import setting, spec
from liuli.initializers import GlorotUniform, Initializer, Zeros
from liuli.layers.base import Context, Layer, Params, Shape, State, last_axis, require_rank
from liuli.regularizers import Regularizer

__all__ = ["Dense"]


@spec
class Dense(Layer):
    """y = f(x W + b)            x: (..., n)   W: (n, units)   b: (units,)   y: (..., units)

    Taps: ``z``, the pre-activation x W + b.

    Reference: Rumelhart, Hinton and Williams, *Learning representations by back-propagating errors*, Nature 323, 1986.

    units:               the number of outputs.
    activation:          f, by name or as an object.
    use_bias:            whether there is a b.
    kernel_initializer:  how W starts.
    bias_initializer:    how b starts.
    kernel_regularizer, bias_regularizer:  penalties added to the loss.
    kernel_constraint, bias_constraint:    what W and b are put back into after each update.

    Example:
        >>> from liuli import layers
        >>> layers.Dense(64, "relu")
        Dense(64, activation=ReLU())
    """

    units: int = setting(least=1)
    activation: Activation = Identity()
    use_bias: bool = True
    kernel_initializer: Initializer = GlorotUniform()
    bias_initializer: Initializer = Zeros()
    kernel_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    kernel_constraint: Constraint | None = None
    bias_constraint: Constraint | None = None

    ends_in_activation: ClassVar[bool] = True

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        require_rank(x, tuple(range(2, 9)), "(batch, ..., features)")
        params = {"kernel": self.kernel_initializer(fold(key, "kernel"), (x.shape[-1], self.units))}
        if self.use_bias:
            params["bias"] = self.bias_initializer(fold(key, "bias"), (self.units,))
        return params, {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        z = x @ params["kernel"]  # (..., units)
        if self.use_bias:
            z = z + last_axis(params["bias"], z)
        return self.activation(ctx.tap("z", z)), state
