"""Vectors brought to length 1: of the input alone, or of input and weights, whose product is then a cosine."""

from __future__ import annotations

from typing import ClassVar

import jax

from liuli.activations import Activation, Identity
from liuli.constraints import Constraint
from liuli.core.keys import fold
from liuli.core.specs import setting, spec
from liuli.initializers import GlorotUniform, Initializer
from liuli.layers.axes import places, unit
from liuli.layers.base import Context, Layer, Params, Shape, State
from liuli.layers.normalization.affine import require_features
from liuli.regularizers import Regularizer

__all__ = ["CosineNormalization", "UnitNormalization"]


@spec
class UnitNormalization(Layer):
    """y = x / ||x||            x, y: (batch, ..., n)   a vector of zeros stays one

    Reference: torch.nn.functional.normalize; as an input of kernels, Graf, Smola and Borer, *Classification in a
    Normalized Feature Space Using Support Vector Machines*, 2003.

    axis:  the axis along which a vector lies, or several.

    Raises:
        ShapeError: the input has no features, or no such axis.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import layers
        >>> y, _ = layers.UnitNormalization().apply({}, {}, jnp.array([[3.0, 4.0]]), layers.Context())
        >>> [round(v, 4) for v in y[0].tolist()]
        [0.6, 0.8]
    """

    axis: int | tuple[int, ...] = -1

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        require_features(x)
        places(self.axis, x)
        return {}, {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        return unit(x, places(self.axis, x)), state


@spec
class CosineNormalization(Layer):
    """y = f(x W / (||x|| ||W||))            x: (..., n)   W: (n, units)   y: (..., units)

    A dense layer whose pre-activation is the cosine of the angle between the input and each column of W, so that it
    stays between -1 and 1. There is no bias. The cosine with a vector of zeros is 0.

    Taps: ``z``, the cosines.

    Reference: Luo, Zhan, Xue, Wang, Ren and Yang, *Cosine Normalization*, ICANN 2018.

    units:               the number of outputs.
    activation:          f, by name or as an object.
    kernel_initializer:  how W starts.
    kernel_regularizer:  a penalty added to the loss.
    kernel_constraint:   what W is put back into after each update.

    Raises:
        ShapeError: the input has no features.

    Example:
        >>> from liuli import layers
        >>> layers.CosineNormalization(10, "relu")
        CosineNormalization(10, activation=ReLU())
    """

    units: int = setting(least=1)
    activation: Activation = Identity()
    kernel_initializer: Initializer = GlorotUniform()
    kernel_regularizer: Regularizer | None = None
    kernel_constraint: Constraint | None = None

    ends_in_activation: ClassVar[bool] = True

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        require_features(x)
        return {"kernel": self.kernel_initializer(fold(key, "kernel"), (x.shape[-1], self.units))}, {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        z = ctx.tap("z", unit(x, -1) @ unit(params["kernel"], 0))  # (..., units)
        return self.activation(z), state
