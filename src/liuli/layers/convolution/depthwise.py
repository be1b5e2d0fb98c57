"""Convolutions of each channel alone; separable ones mix the channels afterwards."""

from __future__ import annotations

from typing import Any, ClassVar

import jax

from liuli.activations import Activation, Identity, ReLU
from liuli.constraints import Constraint
from liuli.core.keys import fold
from liuli.core.specs import abstract, setting, spec
from liuli.initializers import GlorotUniform, Initializer, Zeros
from liuli.kernels import conv, separable_conv
from liuli.kernels.windows import CausalPadding, Padding, Pair, Sizes
from liuli.layers.base import Context, Params, Shape, State
from liuli.layers.convolution.base import Convolutional, Single
from liuli.layers.space import require_windows
from liuli.regularizers import Regularizer

__all__ = ["DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D"]


class PerChannel(Convolutional):
    """x * D, each channel with kernels of its own        D: (*kernel_size, n, depth_multiplier)"""

    dilation_rate: Sizes
    depth_multiplier: int
    depthwise_initializer: Initializer

    def depthwise_kernel(self, key: jax.Array, x: Shape) -> jax.Array:
        """How D starts."""
        require_windows(x, self.kernel_size, self.dilation_rate, self.padding)
        shape = (*self.kernel_size, x.shape[-1], self.depth_multiplier)
        return self.depthwise_initializer(fold(key, "depthwise_kernel"), shape)

    def each_channel(self, params: Params) -> jax.Array:
        """D as the kernel of a convolution with a group for each channel: the filters of a channel side by side."""
        return params["depthwise_kernel"].reshape(*self.kernel_size, 1, -1)

    def _rules(self, suffix: str, kind: type) -> list[tuple[str, Any]]:
        names = {"depthwise": "depthwise_kernel", "pointwise": "pointwise_kernel"}
        return [(names.get(name, name), rule) for name, rule in super()._rules(suffix, kind)]


@abstract
class DepthwiseConv(PerChannel):
    """y = f(x * D + b)        x: (batch, *space, n)   y: (batch, *space', n depth_multiplier)"""

    kernel_size: Sizes = setting(least=1)
    strides: Sizes = setting(default=(1,), least=1)
    padding: CausalPadding = "valid"
    depth_multiplier: int = setting(default=1, least=1)
    dilation_rate: Sizes = setting(default=(1,), least=1)
    activation: Activation = Identity()
    use_bias: bool = True
    depthwise_initializer: Initializer = GlorotUniform()
    bias_initializer: Initializer = Zeros()
    depthwise_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    depthwise_constraint: Constraint | None = None
    bias_constraint: Constraint | None = None

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        bias = self.bias(key, (x.shape[-1] * self.depth_multiplier,))
        return {"depthwise_kernel": self.depthwise_kernel(key, x)} | bias, {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        return self.convolved(params, self.each_channel(params), x, ctx, self.how(x.shape[-1])), state


@abstract
class SeparableConv(PerChannel):
    """y = f((x * D) P + b)        x: (batch, *space, n)   y: (batch, *space', filters)"""

    filters: int = setting(least=1)
    kernel_size: Sizes = setting(least=1)
    strides: Sizes = setting(default=(1,), least=1)
    padding: CausalPadding = "valid"
    dilation_rate: Sizes = setting(default=(1,), least=1)
    depth_multiplier: int = setting(default=1, least=1)
    activation: Activation = Identity()
    use_bias: bool = True
    depthwise_initializer: Initializer = GlorotUniform()
    pointwise_initializer: Initializer = GlorotUniform()
    bias_initializer: Initializer = Zeros()
    depthwise_regularizer: Regularizer | None = None
    pointwise_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    depthwise_constraint: Constraint | None = None
    pointwise_constraint: Constraint | None = None
    bias_constraint: Constraint | None = None

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        ones = (1,) * len(self.kernel_size)
        mixing = (*ones, x.shape[-1] * self.depth_multiplier, self.filters)
        params = {
            "depthwise_kernel": self.depthwise_kernel(key, x),
            "pointwise_kernel": self.pointwise_initializer(fold(key, "pointwise_kernel"), mixing),
        }
        return params | self.bias(key, (self.filters,)), {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        kernels = self.each_channel(params), params["pointwise_kernel"]
        if self.fuses and ctx.watch is None:
            bias, relu = params["bias"] if self.use_bias else None, type(self.activation) is ReLU
            how = self.strides, self.padding, self.dilation_rate
            return separable_conv(x, *kernels, bias, *how, relu), state
        seen = conv(x, kernels[0], *self.how(x.shape[-1]))
        seen = ctx.tap("depthwise", seen)  # (batch, *space', n depth_multiplier)
        once = (1,) * len(self.kernel_size)
        return self.convolved(params, kernels[1], seen, ctx, (once, "valid", once, 1)), state


@spec
class DepthwiseConv1D(DepthwiseConv):
    """y = f(x * D + b)        x: (batch, steps, n)   D: (size, n, m)   b: (n m,)   y: (batch, steps', n m)

    As DepthwiseConv2D, along one axis. Masks: as in Conv1D.

    Taps: ``z``, the pre-activation x * D + b.

    Reference: as for DepthwiseConv2D.

    kernel_size, strides, padding, dilation_rate:   as in Conv1D.
    depth_multiplier:                               m, how many outputs each channel has.
    activation, use_bias, bias_initializer:         as in Conv2D.
    depthwise_initializer, depthwise_regularizer, depthwise_constraint:  as in DepthwiseConv2D.
    bias_regularizer, bias_constraint:              as in Conv2D.

    Raises:
        ShapeError: the input is no sequence, or shorter than the kernel.
        LiuliError: the input carries a mask that cannot pass on.

    Example:
        >>> from liuli import layers
        >>> layers.DepthwiseConv1D(3, padding="causal")
        DepthwiseConv1D((3,), padding='causal')
    """

    kernel_size: Single = setting(least=1)
    strides: Single = setting(default=(1,), least=1)
    dilation_rate: Single = setting(default=(1,), least=1)


@spec
class DepthwiseConv2D(DepthwiseConv):
    """y = f(x * D + b)        x: (batch, height, width, n)   D: (rows, columns, n, m)   b: (n m,)

    z[i, j, c m + k] = b[c m + k] + sum over p, q of x[i s + p d, j s + q d, c] D[p, q, c, k], s the stride and d the
    dilation: each channel alone, with m kernels of its own. y: (batch, height', width', n m).

    Taps: ``z``, the pre-activation x * D + b.

    Reference: Sifre, *Rigid-Motion Scattering for Image Classification*, 2014; Howard et al., *MobileNets*, 2017.

    kernel_size, strides, padding, dilation_rate:  as in Conv2D.
    depth_multiplier:                              m, how many outputs each channel has.
    activation, use_bias, bias_initializer:        as in Conv2D.
    depthwise_initializer:                         how D, the parameter ``depthwise_kernel``, starts.
    depthwise_regularizer, bias_regularizer:       penalties added to the loss.
    depthwise_constraint, bias_constraint:         what D and b are put back into after each update.

    Raises:
        ShapeError: the input is no image, or smaller than the kernel.
        LiuliError: the input carries a mask.

    Example:
        >>> from liuli import layers
        >>> layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2)
        DepthwiseConv2D((3, 3), padding='same', depth_multiplier=2)
    """

    kernel_size: Pair = setting(least=1)
    strides: Pair = setting(default=(1, 1), least=1)
    padding: Padding = "valid"
    dilation_rate: Pair = setting(default=(1, 1), least=1)


@spec
class SeparableConv1D(SeparableConv):
    """y = f((x * D) P + b)        x: (batch, steps, n)   D: (size, n, m)   P: (1, n m, filters)   b: (filters,)

    As SeparableConv2D, along one axis. Masks: as in Conv1D.

    Taps: ``depthwise``, the value of x * D; ``z``, the pre-activation (x * D) P + b.

    Reference: as for SeparableConv2D.

    filters:                                       the number of channels of y.
    kernel_size, strides, padding, dilation_rate:  as in Conv1D.
    depth_multiplier:                              m, how many outputs each channel has before P mixes them.
    activation, use_bias, bias_initializer:        as in Conv2D.
    depthwise_initializer, depthwise_regularizer, depthwise_constraint:  as in SeparableConv2D.
    pointwise_initializer, pointwise_regularizer, pointwise_constraint:  as in SeparableConv2D.
    bias_regularizer, bias_constraint:             as in Conv2D.

    Raises:
        ShapeError: the input is no sequence, or shorter than the kernel.
        LiuliError: the input carries a mask that cannot pass on.

    Example:
        >>> from liuli import layers
        >>> layers.SeparableConv1D(16, 5)
        SeparableConv1D(16, (5,))
    """

    kernel_size: Single = setting(least=1)
    strides: Single = setting(default=(1,), least=1)
    dilation_rate: Single = setting(default=(1,), least=1)

    aliases: ClassVar[tuple[str, ...]] = ("SeparableConvolution1D",)


@spec
class SeparableConv2D(SeparableConv):
    """y = f((x * D) P + b)        x: (batch, height, width, n)   D: (rows, columns, n, m)   P: (1, 1, n m, filters)

    Space and channels apart: x * D as in DepthwiseConv2D, then P mixes the channels at each place; b: (filters,).

    Taps: ``depthwise``, the value of x * D; ``z``, the pre-activation (x * D) P + b.

    Reference: Chollet, *Xception: Deep Learning with Depthwise Separable Convolutions*, CVPR 2017.

    filters:                                       the number of channels of y.
    kernel_size, strides, padding, dilation_rate:  as in Conv2D.
    depth_multiplier:                              m, how many outputs each channel has before P mixes them.
    activation, use_bias, bias_initializer:        as in Conv2D.
    depthwise_initializer, pointwise_initializer:  how D and P, ``depthwise_kernel`` and ``pointwise_kernel``, start.
    depthwise_regularizer, pointwise_regularizer, bias_regularizer:  penalties added to the loss.
    depthwise_constraint, pointwise_constraint, bias_constraint:     what D, P and b are put back into after an update.

    Raises:
        ShapeError: the input is no image, or smaller than the kernel.
        LiuliError: the input carries a mask.

    Example:
        >>> from liuli import layers
        >>> layers.SeparableConv2D(16, 3, activation="relu")
        SeparableConv2D(16, (3, 3), activation=ReLU())
    """

    kernel_size: Pair = setting(least=1)
    strides: Pair = setting(default=(1, 1), least=1)
    padding: Padding = "valid"
    dilation_rate: Pair = setting(default=(1, 1), least=1)

    aliases: ClassVar[tuple[str, ...]] = ("SeparableConvolution2D",)
