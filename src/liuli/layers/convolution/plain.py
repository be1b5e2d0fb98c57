"""Convolutions: one kernel, moved over space."""

from __future__ import annotations

import functools
from typing import ClassVar

import jax

from liuli.activations import Activation, Identity
from liuli.constraints import Constraint
from liuli.core.errors import ShapeError, SpecError
from liuli.core.keys import fold
from liuli.core.specs import abstract, setting, spec
from liuli.initializers import GlorotUniform, Initializer, Zeros
from liuli.kernels.windows import CausalPadding, Padding, Pair, Sizes, Triple
from liuli.layers.base import Apply, Context, Layer, Params, Shape, State, shown
from liuli.layers.convolution.base import Convolutional, Single
from liuli.layers.pooling.windows import MaxPooling2D
from liuli.layers.space import require_windows
from liuli.regularizers import Regularizer

__all__ = ["Conv1D", "Conv2D", "Conv3D"]


@abstract
class Conv(Convolutional):
    """y = f(x * W + b)        x: (batch, *space, n)   W: (*kernel_size, n / groups, filters)   b: (filters,)"""

    filters: int = setting(least=1)
    kernel_size: Sizes = setting(least=1)
    strides: Sizes = setting(default=(1,), least=1)
    padding: CausalPadding = "valid"
    dilation_rate: Sizes = setting(default=(1,), least=1)
    groups: int = setting(default=1, least=1)
    activation: Activation = Identity()
    use_bias: bool = True
    kernel_initializer: Initializer = GlorotUniform()
    bias_initializer: Initializer = Zeros()
    kernel_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    kernel_constraint: Constraint | None = None
    bias_constraint: Constraint | None = None

    def check(self) -> None:
        if self.filters % self.groups:
            where, expected = f"{type(self).__name__}.filters", f"a multiple of groups={self.groups}"
            fix = f"filters={self.groups * max(1, round(self.filters / self.groups))}"
            raise SpecError(where, got=f"{self.filters}", expected=expected, fix=fix)

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        require_windows(x, self.kernel_size, self.dilation_rate, self.padding)
        channels = x.shape[-1]
        if channels % self.groups:
            got = f"{channels} channels, of an input of shape {shown(x)}"
            raise ShapeError("", got=got, expected=f"a multiple of groups={self.groups}", fix="set groups=1")
        shape = (*self.kernel_size, channels // self.groups, self.filters)
        kernel = self.kernel_initializer(fold(key, "kernel"), shape)
        return {"kernel": kernel} | self.bias(key, (self.filters,)), {}

    def apply(
        self, params: Params, state: State, x: jax.Array, ctx: Context, pool: bool = False
    ) -> tuple[jax.Array, State]:
        y = self.convolved(params, params["kernel"], x, ctx, self.how(self.groups), pool)
        return y, state  # (batch, *space', filters)


@spec
class Conv1D(Conv):
    """y = f(x * W + b)            x: (batch, steps, n)   W: (size, n / groups, filters)   b: (filters,)

    z[i, f] = b[f] + sum over p, c of x[i s + p d, c] W[p, c, f], s the stride and d the dilation.

    The mask of a sequence passes on where every step keeps its place (``"same"`` or ``"causal"``, s = 1); masked steps
    are read as they are.

    Taps: ``z``, the pre-activation x * W + b.

    Reference: Waibel, Hanazawa, Hinton, Shikano and Lang, *Phoneme Recognition Using Time-Delay Neural Networks*, 1989;
    causal: van den Oord et al., *WaveNet*, 2016.

    filters, kernel_size, strides:  as in Conv2D, along one axis.
    padding:  ``"valid"`` and ``"same"`` as in Conv2D; ``"causal"``: zeros before the start alone, ceil(steps / s)
              outputs, none of which sees what comes after its own step.
    dilation_rate, groups, activation, use_bias:  as in Conv2D.
    kernel_initializer, bias_initializer:         as in Conv2D.
    kernel_regularizer, bias_regularizer:         as in Conv2D.
    kernel_constraint, bias_constraint:           as in Conv2D.

    Raises:
        ShapeError: the input is no sequence, shorter than the kernel, or its channels do not divide into the groups.
        LiuliError: the input carries a mask that cannot pass on.

    Example:
        >>> from liuli import layers
        >>> layers.Conv1D(32, 3, padding="causal", dilation_rate=2)
        Conv1D(32, (3,), padding='causal', dilation_rate=(2,))
    """

    kernel_size: Single = setting(least=1)
    strides: Single = setting(default=(1,), least=1)
    dilation_rate: Single = setting(default=(1,), least=1)

    aliases: ClassVar[tuple[str, ...]] = ("Convolution1D",)


@spec
class Conv2D(Conv):
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

    kernel_size: Pair = setting(least=1)
    strides: Pair = setting(default=(1, 1), least=1)
    padding: Padding = "valid"
    dilation_rate: Pair = setting(default=(1, 1), least=1)

    aliases: ClassVar[tuple[str, ...]] = ("Convolution2D",)

    def merged(self, *after: Layer) -> Apply | None:
        pools = len(after) == 1 and isinstance(after[0], MaxPooling2D) and after[0].halves
        return functools.partial(self.apply, pool=True) if pools and self.fuses else None


@spec
class Conv3D(Conv):
    """y = f(x * W + b)        x: (batch, depth, height, width, n)   W: (*kernel_size, n / groups, filters)

    As Conv2D, with a third axis of space; b: (filters,).

    Taps: ``z``, the pre-activation x * W + b.

    Reference: Ji, Xu, Yang and Yu, *3D Convolutional Neural Networks for Human Action Recognition*, 2013.

    filters, kernel_size, strides, padding:       as in Conv2D, along three axes.
    dilation_rate, groups, activation, use_bias:  as in Conv2D.
    kernel_initializer, bias_initializer:         as in Conv2D.
    kernel_regularizer, bias_regularizer:         as in Conv2D.
    kernel_constraint, bias_constraint:           as in Conv2D.

    Raises:
        ShapeError: the input is no volume, smaller than the kernel, or its channels do not divide into the groups.
        LiuliError: the input carries a mask.

    Example:
        >>> from liuli import layers
        >>> layers.Conv3D(8, (1, 3, 3))
        Conv3D(8, (1, 3, 3))
    """

    kernel_size: Triple = setting(least=1)
    strides: Triple = setting(default=(1, 1, 1), least=1)
    padding: Padding = "valid"
    dilation_rate: Triple = setting(default=(1, 1, 1), least=1)

    aliases: ClassVar[tuple[str, ...]] = ("Convolution3D",)
