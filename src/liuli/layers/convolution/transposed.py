"""Transposed convolutions: the gradient of a convolution in its input, used forwards, so that images grow."""

from __future__ import annotations

from typing import Any, ClassVar

import jax

from liuli.activations import Activation, Identity
from liuli.constraints import Constraint
from liuli.core.errors import SpecError
from liuli.core.keys import fold
from liuli.core.specs import abstract, setting, spec
from liuli.initializers import GlorotUniform, Initializer, Zeros
from liuli.kernels import conv_transpose
from liuli.kernels.windows import Padding, Pair, Sizes, Triple
from liuli.layers.base import Context, Params, Shape, State
from liuli.layers.convolution.base import Convolutional, Single
from liuli.layers.masks import refuse_mask
from liuli.layers.space import require_space
from liuli.regularizers import Regularizer

__all__ = ["Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"]


@abstract
class ConvTranspose(Convolutional):
    """y = f(W^T x + b)            x: (batch, *space, n)   W: (*kernel_size, filters, n)   b: (filters,)"""

    filters: int = setting(least=1)
    kernel_size: Sizes = setting(least=1)
    strides: Sizes = setting(default=(1,), least=1)
    padding: Padding = "valid"
    output_padding: Sizes | None = setting(default=None, least=0)
    dilation_rate: Sizes = setting(default=(1,), least=1)
    activation: Activation = Identity()
    use_bias: bool = True
    kernel_initializer: Initializer = GlorotUniform()
    bias_initializer: Initializer = Zeros()
    kernel_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    kernel_constraint: Constraint | None = None
    bias_constraint: Constraint | None = None

    def check(self) -> None:
        if any(more >= s for more, s in zip(self.output_padding or (), self.strides, strict=False)):
            where, expected = f"{type(self).__name__}.output_padding", f"less than strides={self.strides}"
            raise SpecError(where, got=f"{self.output_padding}", expected=expected, fix="leave it out, or take less")

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        require_space(x, len(self.kernel_size))
        shape = (*self.kernel_size, self.filters, x.shape[-1])
        kernel = self.kernel_initializer(fold(key, "kernel"), shape)
        return {"kernel": kernel} | self.bias(key, (self.filters,)), {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        fields = self.strides, self.padding, self.dilation_rate, self.output_padding
        return self.finished(params, conv_transpose(x, params["kernel"], *fields), ctx), state

    def output_mask(self, x: Any, mask: Any) -> None:
        refuse_mask(mask, type(self).__name__, "drop mask_zero=True")


@spec
class Conv1DTranspose(ConvTranspose):
    """y = f(W^T x + b)            x: (batch, steps, n)   W: (size, filters, n)   b: (filters,)

    z[i s + p d, f] = b[f] + the sum over all i, p and c that meet there of x[i, c] W[p, f, c].

    Taps: ``z``, the pre-activation.

    Reference: as for Conv2DTranspose.

    filters, kernel_size, strides, padding:  as in Conv2DTranspose, along one axis.
    output_padding, dilation_rate:           as in Conv2DTranspose.
    activation, use_bias:                    as in Conv2D.
    kernel_initializer, bias_initializer:    as in Conv2D.
    kernel_regularizer, bias_regularizer:    as in Conv2D.
    kernel_constraint, bias_constraint:      as in Conv2D.

    Raises:
        ShapeError: the input is no sequence.
        LiuliError: the input carries a mask.

    Example:
        >>> from liuli import layers
        >>> layers.Conv1DTranspose(16, 4, strides=2)
        Conv1DTranspose(16, (4,), strides=(2,))
    """

    kernel_size: Single = setting(least=1)
    strides: Single = setting(default=(1,), least=1)
    output_padding: Single | None = setting(default=None, least=0)
    dilation_rate: Single = setting(default=(1,), least=1)

    aliases: ClassVar[tuple[str, ...]] = ("Convolution1DTranspose",)


@spec
class Conv2DTranspose(ConvTranspose):
    """y = f(W^T x + b)        x: (batch, height, width, n)   W: (rows, columns, filters, n)   b: (filters,)

    z[i s + p d, j s + q d, f] = b[f] + the sum over all i, j, p, q and c that meet there of x[i, j, c] W[p, q, f, c]:
    the gradient of a Conv2D in its input, s the stride and d the dilation.

    Taps: ``z``, the pre-activation.

    Reference: Zeiler, Krishnan, Taylor and Fergus, *Deconvolutional Networks*, 2010; Dumoulin and Visin, *A Guide to
    Convolution Arithmetic for Deep Learning*, 2016.

    filters:         the number of channels of y.
    kernel_size:     rows and columns of W; one number stands for both, here and below.
    strides:         s, how far apart in y the neighbours in x are put.
    padding:         ``"valid"``: everything is kept, (height - 1) s + max(reach, s) rows, reach = (rows - 1) d + 1;
                     ``"same"``: cut to height s rows, where odd one row more at the end.
    output_padding:  fewer than s rows added at the end of the smallest y whose Conv2D has the size of x:
                     (height - 1) s + reach, or with ``"same"`` (height - 1) s + reach mod 2. None stands for as many as
                     give the sizes above. PyTorch has 0, and ``padding`` is the number that is cut off on each side.
    dilation_rate:   d, how far apart in y the elements of the kernel are put.
    activation, use_bias:                  as in Conv2D.
    kernel_initializer, bias_initializer:  as in Conv2D.
    kernel_regularizer, bias_regularizer:  as in Conv2D.
    kernel_constraint, bias_constraint:    as in Conv2D.

    Raises:
        ShapeError: the input is no image.
        LiuliError: the input carries a mask.

    Example:
        >>> from liuli import layers
        >>> layers.Conv2DTranspose(16, 4, strides=2, padding="same")
        Conv2DTranspose(16, (4, 4), strides=(2, 2), padding='same')
    """

    kernel_size: Pair = setting(least=1)
    strides: Pair = setting(default=(1, 1), least=1)
    output_padding: Pair | None = setting(default=None, least=0)
    dilation_rate: Pair = setting(default=(1, 1), least=1)

    aliases: ClassVar[tuple[str, ...]] = ("Convolution2DTranspose",)


@spec
class Conv3DTranspose(ConvTranspose):
    """y = f(W^T x + b)            x: (batch, depth, height, width, n)   W: (*kernel_size, filters, n)

    As Conv2DTranspose, with a third axis of space; b: (filters,).

    Taps: ``z``, the pre-activation.

    Reference: as for Conv2DTranspose.

    filters, kernel_size, strides, padding:  as in Conv2DTranspose, along three axes.
    output_padding, dilation_rate:           as in Conv2DTranspose.
    activation, use_bias:                    as in Conv2D.
    kernel_initializer, bias_initializer:    as in Conv2D.
    kernel_regularizer, bias_regularizer:    as in Conv2D.
    kernel_constraint, bias_constraint:      as in Conv2D.

    Raises:
        ShapeError: the input is no volume.
        LiuliError: the input carries a mask.

    Example:
        >>> from liuli import layers
        >>> layers.Conv3DTranspose(4, 2, strides=2)
        Conv3DTranspose(4, (2, 2, 2), strides=(2, 2, 2))
    """

    kernel_size: Triple = setting(least=1)
    strides: Triple = setting(default=(1, 1, 1), least=1)
    output_padding: Triple | None = setting(default=None, least=0)
    dilation_rate: Triple = setting(default=(1, 1, 1), least=1)

    aliases: ClassVar[tuple[str, ...]] = ("Convolution3DTranspose",)
