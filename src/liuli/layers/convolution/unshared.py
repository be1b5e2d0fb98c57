"""Locally connected layers: windows as in a convolution, but a kernel for each place."""

from __future__ import annotations

import math

import jax

from liuli.activations import Activation, Identity
from liuli.constraints import Constraint
from liuli.core.keys import fold
from liuli.core.specs import abstract, setting, spec
from liuli.initializers import GlorotUniform, Initializer, Zeros
from liuli.kernels import conv_unshared
from liuli.kernels.windows import Padding, Pair, Sizes
from liuli.layers.base import Context, Params, Shape, State
from liuli.layers.convolution.base import Convolutional, Single, outputs
from liuli.layers.space import require_windows
from liuli.regularizers import Regularizer

__all__ = ["LocallyConnected1D", "LocallyConnected2D"]


@abstract
class LocallyConnected(Convolutional):
    """y = f(x * W + b), W and b different at each place; W: (*space', *kernel_size, n, filters)"""

    filters: int = setting(least=1)
    kernel_size: Sizes = setting(least=1)
    strides: Sizes = setting(default=(1,), least=1)
    padding: Padding = "valid"
    activation: Activation = Identity()
    use_bias: bool = True
    kernel_initializer: Initializer = GlorotUniform()
    bias_initializer: Initializer = Zeros()
    kernel_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    kernel_constraint: Constraint | None = None
    bias_constraint: Constraint | None = None

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        none = (1,) * len(self.kernel_size)
        require_windows(x, self.kernel_size, none, self.padding)
        space = outputs(x, self.kernel_size, self.strides, none, self.padding)
        shape = (*self.kernel_size, x.shape[-1], self.filters)
        keys = jax.random.split(fold(key, "kernel"), math.prod(space))
        kernels = jax.vmap(lambda key: self.kernel_initializer(key, shape))(keys)  # each as if it were alone
        return {"kernel": kernels.reshape(*space, *shape)} | self.bias(key, (*space, self.filters)), {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        z = conv_unshared(x, params["kernel"], self.strides, self.padding)
        if self.use_bias:
            z = z + params["bias"][None]
        return self.activation(ctx.tap("z", z)), state


@spec
class LocallyConnected1D(LocallyConnected):
    """y = f(x * W + b)            x: (batch, steps, n)   W: (steps', size, n, filters)   b: (steps', filters)

    z[i, f] = b[i, f] + sum over p, c of x[i s + p, c] W[i, p, c, f], s the stride: Conv1D with unshared weights.

    Taps: ``z``, the pre-activation x * W + b.

    Reference: as for LocallyConnected2D.

    filters, kernel_size, strides, padding:  as in Conv2D, along one axis.
    activation, use_bias:                    as in Conv2D.
    kernel_initializer, bias_initializer:    how the kernel of each place and b start.
    kernel_regularizer, bias_regularizer:    as in Conv2D.
    kernel_constraint, bias_constraint:      as in Conv2D.

    Raises:
        ShapeError: the input is no sequence, or shorter than the kernel.
        LiuliError: the input carries a mask that cannot pass on: see Conv1D.

    Example:
        >>> from liuli import layers
        >>> layers.LocallyConnected1D(8, 3, strides=2)
        LocallyConnected1D(8, (3,), strides=(2,))
    """

    kernel_size: Single = setting(least=1)
    strides: Single = setting(default=(1,), least=1)


@spec
class LocallyConnected2D(LocallyConnected):
    """y = f(x * W + b)        x: (batch, height, width, n)   W: (height', width', rows, columns, n, filters)

    z[i, j, f] = b[i, j, f] + sum over p, q, c of x[i s + p, j s + q, c] W[i, j, p, q, c, f], s the stride:
    Conv2D with unshared weights. b: (height', width', filters).

    Taps: ``z``, the pre-activation x * W + b.

    Reference: LeCun, *Generalization and Network Design Strategies*, 1989; Taigman, Yang, Ranzato and Wolf, *DeepFace*,
    CVPR 2014.

    filters, kernel_size, strides, padding:  as in Conv2D.
    activation, use_bias:                    as in Conv2D.
    kernel_initializer, bias_initializer:    how the kernel of each place and b start.
    kernel_regularizer, bias_regularizer:    as in Conv2D.
    kernel_constraint, bias_constraint:      as in Conv2D.

    Raises:
        ShapeError: the input is no image, or smaller than the kernel.
        LiuliError: the input carries a mask.

    Example:
        >>> from liuli import layers
        >>> layers.LocallyConnected2D(8, 3)
        LocallyConnected2D(8, (3, 3))
    """

    kernel_size: Pair = setting(least=1)
    strides: Pair = setting(default=(1, 1), least=1)
