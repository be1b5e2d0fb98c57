"""What all convolutional layers share: z = what the kernel makes of each window, then y = f(z + b)."""

from __future__ import annotations

from typing import Any, ClassVar

import jax

from liuli.activations import Activation, Identity, ReLU
from liuli.core.keys import fold
from liuli.initializers import Initializer
from liuli.kernels import conv, conv_block
from liuli.kernels.windows import CausalPadding, Sizes, fit
from liuli.layers.base import Context, Layer, Params, Shape, last_axis
from liuli.layers.masks import refuse_mask

Single = tuple[int]
How = tuple[Sizes, CausalPadding, Sizes, int]  # strides, padding, dilation, groups


class Convolutional(Layer):
    """The base of the families of convolutions. Each makes these its fields, in Keras's order."""

    kernel_size: Sizes
    strides: Sizes
    padding: CausalPadding
    dilation_rate: Sizes
    activation: Activation
    use_bias: bool
    bias_initializer: Initializer

    ends_in_activation: ClassVar[bool] = True

    def output_mask(self, x: Any, mask: Any) -> Any:
        if self.strides == (1,) and self.padding != "valid":
            return mask
        fix = "drop mask_zero=True"
        if len(self.strides) == 1:
            fix = f'{fix}, or use padding="same" with strides=1, which keep every step in its place'
        refuse_mask(mask, type(self).__name__, fix)

    def bias(self, key: jax.Array, sizes: Sizes) -> Params:
        """How b starts, if there is one."""
        return {"bias": self.bias_initializer(fold(key, "bias"), sizes)} if self.use_bias else {}

    @property
    def fuses(self) -> bool:
        """Whether f can be part of the convolution."""
        return type(self.activation) in (Identity, ReLU)

    def how(self, groups: int = 1) -> How:
        """How the kernel moves."""
        return self.strides, self.padding, self.dilation_rate, groups

    def convolved(
        self, params: Params, kernel: jax.Array, x: jax.Array, ctx: Context, how: How, pool: bool = False
    ) -> jax.Array:
        """f(x * kernel + b), in one operation where nobody looks at z; then, to ``pool``, the largest of each 2 x 2."""
        if not self.fuses or ctx.watch is not None:
            return self.finished(params, conv(x, kernel, *how), ctx)
        bias = params["bias"] if self.use_bias else None
        return conv_block(x, kernel, bias, *how, relu=type(self.activation) is ReLU, pool=pool)

    def finished(self, params: Params, z: jax.Array, ctx: Context) -> jax.Array:
        """f(z + b)"""
        if self.use_bias:
            z = z + last_axis(params["bias"], z)
        return self.activation(ctx.tap("z", z))


def outputs(x: Shape, window: Sizes, strides: Sizes, dilation: Sizes, padding: CausalPadding) -> Sizes:
    """How many windows fit along each axis of space."""
    axes = zip(x.shape[1:-1], window, strides, dilation, strict=True)
    return tuple(fit(*axis, padding)[0] for axis in axes)
