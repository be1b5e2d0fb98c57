"""Convolutions: the same small kernel at every place of an image."""

from __future__ import annotations

from typing import Any, ClassVar

import jax

from liuli.activations import Activation, Identity
from liuli.constraints import Constraint
from liuli.core.errors import ShapeError, SpecError
from liuli.core.keys import fold
from liuli.core.specs import setting, spec
from liuli.initializers import GlorotUniform, Initializer, Zeros
from liuli.kernels import conv2d
from liuli.kernels.windows import Padding, Pair
from liuli.layers.base import Context, Layer, Params, Shape, State, last_axis, shown
from liuli.layers.masks import refuse_mask
from liuli.layers.space import require_windows
from liuli.regularizers import Regularizer

__all__ = ["Conv2D"]


@spec
class Conv2D(Layer):
    """y = f(x * W + b)        x: (batch, height, width, n)   W: (rows, columns, n / groups, filters)   b: (filters,)

    z[i, j, f] = b[f] + sum over p, q, c of x[i s + p d, j s + q d, c] W[p, q, c, f], s the stride and d the dilation.

    Taps: ``z``, the pre-activation x * W + b.

    Reference: LeCun, Bottou, Bengio and Haffner, *Gradient-Based Learning Applied to Document Recognition*, 1998.

    filters:             the number of channels of y.
    kernel_size:         rows and columns of W; one number stands for both, here and below.
    strides:             s, how far the kernel moves from one output to the next.
    padding:             ``"valid"``: the kernel stays inside, (height - reach) // s + 1 outputs,
                         reach = (rows - 1) d + 1;
                         ``"same"``: zeros around, ceil(height / s) outputs.
    dilation_rate:       d, how far apart the elements are that the kernel sees.
    groups:              how many parts the channels fall into; each filter sees one part.
    activation:          f, by name or as an object.
    use_bias:            whether there is a b.
    kernel_initializer:  how W starts.
    bias_initializer:    how b starts.
    kernel_regularizer, bias_regularizer:  penalties added to the loss.
    kernel_constraint, bias_constraint:    what W and b are put back into after each update.

    Raises:
        ShapeError: the input is no image, smaller than the kernel, or its channels do not divide into the groups.
        LiuliError: the input carries a mask.

    Example:
        >>> from liuli import layers
        >>> layers.Conv2D(32, 3, padding="same", activation="relu")
        Conv2D(32, (3, 3), padding='same', activation=ReLU())
    """

    filters: int = setting(least=1)
    kernel_size: Pair = setting(least=1)
    strides: Pair = setting(default=(1, 1), least=1)
    padding: Padding = "valid"
    dilation_rate: Pair = setting(default=(1, 1), least=1)
    groups: int = setting(default=1, least=1)
    activation: Activation = Identity()
    use_bias: bool = True
    kernel_initializer: Initializer = GlorotUniform()
    bias_initializer: Initializer = Zeros()
    kernel_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    kernel_constraint: Constraint | None = None
    bias_constraint: Constraint | None = None

    ends_in_activation: ClassVar[bool] = True

    def check(self) -> None:
        if self.filters % self.groups:
            fix = f"filters={self.groups * max(1, round(self.filters / self.groups))}"
            raise SpecError(
                "Conv2D.filters", got=f"{self.filters}", expected=f"a multiple of groups={self.groups}", fix=fix
            )

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        require_windows(x, self.kernel_size, self.dilation_rate, self.padding)
        channels = x.shape[-1]
        if channels % self.groups:
            got = f"{channels} channels, of an input of shape {shown(x)}"
            raise ShapeError("", got=got, expected=f"a multiple of groups={self.groups}", fix="set groups=1")
        shape = (*self.kernel_size, channels // self.groups, self.filters)
        params = {"kernel": self.kernel_initializer(fold(key, "kernel"), shape)}
        if self.use_bias:
            params["bias"] = self.bias_initializer(fold(key, "bias"), (self.filters,))
        return params, {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        z = conv2d(x, params["kernel"], self.strides, self.padding, self.dilation_rate, self.groups)
        if self.use_bias:
            z = z + last_axis(params["bias"], z)
        return self.activation(ctx.tap("z", z)), state  # (batch, height', width', filters)

    def output_mask(self, x: Any, mask: Any) -> None:
        refuse_mask(mask, "Conv2D", "drop mask_zero=True")
