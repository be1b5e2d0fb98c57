"""Space made larger, by repeating or interpolating, or traded against channels."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp

from liuli.core.errors import ShapeError
from liuli.core.specs import abstract, setting, spec
from liuli.kernels.windows import Pair, Sizes, Triple
from liuli.layers.base import Context, Layer, Params, Shape, State, shown
from liuli.layers.masks import refuse_mask
from liuli.layers.space import require_space

__all__ = ["PixelShuffle", "PixelUnshuffle", "UpSampling1D", "UpSampling2D", "UpSampling3D"]


@abstract
class _UpSampling(Layer):
    """The base of layers that repeat elements; a mask of a sequence is repeated with its steps."""

    size: Any = 2

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        require_space(x, len(self._times))
        return {}, {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        for axis, times in enumerate(self._times, 1):
            x = jnp.repeat(x, times, axis=axis)
        return x, state

    def output_mask(self, x: Any, mask: Any) -> Any:
        if len(self._times) > 1:
            refuse_mask(mask, type(self).__name__, "drop mask_zero=True")
        return None if mask is None else jnp.repeat(mask, self.size, axis=1)

    @property
    def _times(self) -> Sizes:
        return self.size if isinstance(self.size, tuple) else (self.size,)


@spec
class UpSampling1D(_UpSampling):
    """y_i = x_{floor(i / size)}            x: (batch, steps, n)   y: (batch, size steps, n)

    Each step is repeated, and with it its mask.

    size:  how often.

    Raises:
        ShapeError: the input is no sequence.

    Example:
        >>> from liuli import layers
        >>> layers.UpSampling1D(3)
        UpSampling1D(size=3)
    """

    size: int = setting(default=2, least=1)


@spec
class UpSampling2D(_UpSampling):
    """y = x, larger            x: (batch, height, width, n)   y: (batch, rows height, columns width, n)

    Pixels are areas (PyTorch: ``align_corners=False``). Bicubic is Keys's with a = -1/2, as in Keras, Pillow and
    MATLAB (PyTorch: -3/4); at the edges the weights of pixels outside fall to those inside.

    Reference: Keys, *Cubic Convolution Interpolation for Digital Image Processing*, IEEE Trans. ASSP 29, 1981.

    size:           (rows, columns): how many times as high and wide; one number stands for both.
    interpolation:  ``"nearest"`` repeats pixels; ``"bilinear"``, ``"bicubic"``, ``"lanczos3"`` and ``"lanczos5"`` take
                    weighted means of the 2, 4, 6 or 10 nearest along each axis.

    Raises:
        ShapeError: the input is no image.
        LiuliError: the input carries a mask.

    Example:
        >>> from liuli import layers
        >>> layers.UpSampling2D(2, interpolation="bilinear")
        UpSampling2D(interpolation='bilinear')
    """

    size: Pair = setting(default=(2, 2), least=1)
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"] = "nearest"

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        if self.interpolation == "nearest":
            return super().apply(params, state, x, ctx)
        batch, height, width, channels = x.shape
        larger = (batch, self.size[0] * height, self.size[1] * width, channels)
        return jax.image.resize(x, larger, self.interpolation), state


@spec
class UpSampling3D(_UpSampling):
    """y = x, each element repeated        x: (batch, depth, height, width, n)   y: (batch, planes depth, ..., n)

    size:  (planes, rows, columns): how often along each axis; one number stands for all.

    Raises:
        ShapeError: the input is no volume.
        LiuliError: the input carries a mask.

    Example:
        >>> from liuli import layers
        >>> layers.UpSampling3D((1, 2, 2))
        UpSampling3D(size=(1, 2, 2))
    """

    size: Triple = setting(default=(2, 2, 2), least=1)


@spec
class PixelShuffle(Layer):
    """y[i r + p, j r + q, c] = x[i, j, c r^2 + p r + q]

    x: (batch, height, width, n r^2)   y: (batch, r height, r width, n)

    r is the upscale_factor: channels become space. Channels are ordered as in PyTorch; TensorFlow's
    ``depth_to_space`` reads x[i, j, (p r + q) n + c].

    Reference: Shi et al., *Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional
    Neural Network*, CVPR 2016.

    upscale_factor:  r, how many times as high and wide y is.

    Raises:
        ShapeError: the input is no image, or its channels are not a multiple of r^2.
        LiuliError: the input carries a mask.

    Example:
        >>> from liuli import layers
        >>> layers.PixelShuffle(2)
        PixelShuffle(2)
    """

    upscale_factor: int = setting(least=1)

    takes_integers: ClassVar[bool] = True

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        require_space(x, 2)
        if x.shape[-1] % self.upscale_factor**2:
            got = f"{x.shape[-1]} channels, of an input of shape {shown(x)}"
            expected = f"a multiple of upscale_factor^2 = {self.upscale_factor**2}"
            raise ShapeError("", got=got, expected=expected, fix="put a Conv2D with as many filters before it")
        return {}, {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        r, (batch, height, width, channels) = self.upscale_factor, x.shape
        n = channels // r**2
        apart = x.reshape(batch, height, width, n, r, r).transpose(0, 1, 4, 2, 5, 3)  # (batch, i, p, j, q, c)
        return apart.reshape(batch, r * height, r * width, n), state

    def output_mask(self, x: Any, mask: Any) -> None:
        refuse_mask(mask, "PixelShuffle", "drop mask_zero=True")


@spec
class PixelUnshuffle(Layer):
    """y[i, j, c r^2 + p r + q] = x[i r + p, j r + q, c]

    x: (batch, r height, r width, n)   y: (batch, height, width, n r^2)

    r is the downscale_factor: space becomes channels. The inverse of PixelShuffle.

    Reference: Shi et al., as of PixelShuffle.

    downscale_factor:  r, how many times as high and wide x is.

    Raises:
        ShapeError: the input is no image, or its height or width is not a multiple of r.
        LiuliError: the input carries a mask.

    Example:
        >>> from liuli import layers
        >>> layers.PixelUnshuffle(2)
        PixelUnshuffle(2)
    """

    downscale_factor: int = setting(least=1)

    takes_integers: ClassVar[bool] = True

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        require_space(x, 2)
        if x.shape[1] % self.downscale_factor or x.shape[2] % self.downscale_factor:
            got = f"images of {x.shape[1]} x {x.shape[2]}, of an input of shape {shown(x)}"
            expected = f"multiples of downscale_factor={self.downscale_factor}"
            raise ShapeError("", got=got, expected=expected, fix="put ZeroPadding2D or Cropping2D before it")
        return {}, {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        r, (batch, rows, columns, n) = self.downscale_factor, x.shape
        height, width = rows // r, columns // r
        apart = x.reshape(batch, height, r, width, r, n).transpose(0, 1, 3, 5, 2, 4)  # (batch, i, j, c, p, q)
        return apart.reshape(batch, height, width, n * r**2), state

    def output_mask(self, x: Any, mask: Any) -> None:
        refuse_mask(mask, "PixelUnshuffle", "drop mask_zero=True")
