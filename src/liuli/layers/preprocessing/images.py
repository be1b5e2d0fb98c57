"""Images brought to one size."""

from __future__ import annotations

from typing import Any, Literal

import jax
import jax.numpy as jnp

from liuli.core.errors import SpecError
from liuli.core.specs import dial, setting, spec
from liuli.layers.base import Context, Layer, Params, Shape, State
from liuli.layers.space import require_space

__all__ = ["CenterCrop", "Resizing"]

Interpolation = Literal["bilinear", "nearest", "bicubic", "lanczos3", "lanczos5"]


@spec
class Resizing(Layer):
    """y_ij = sum_kl w_ik v_jl x_kl            x: (batch, h, w, channels)   y: (batch, height, width, channels)

    The weights follow the interpolation: pixels are squares, whose centres keep their place in the picture.

    Reference: Keys, *Cubic Convolution Interpolation for Digital Image Processing*, IEEE Transactions on Acoustics,
    Speech and Signal Processing 29, 1981.

    height, width:         the size wanted.
    interpolation:         how a value between pixels is found: ``"bilinear"``, ``"nearest"``, ``"bicubic"``,
                           ``"lanczos3"`` or ``"lanczos5"``.
    crop_to_aspect_ratio:  whether the middle of the picture is cut out first, so that nothing is stretched.
    pad_to_aspect_ratio:   whether the picture is padded first, so that nothing is stretched.
    fill_mode:             how it is padded: with one value.
    fill_value:            that value.
    antialias:             whether the weights reach further when the picture becomes smaller, so that all pixels count.

    Raises:
        SpecError: crop_to_aspect_ratio and pad_to_aspect_ratio.
        ShapeError: the input is no batch of images.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import layers
        >>> x = jnp.array([[0.0, 1.0], [2.0, 3.0]]).reshape(1, 2, 2, 1)
        >>> layers.Resizing(2, 4).apply({}, {}, x, layers.Context())[0][0, :, :, 0].tolist()
        [[0.0, 0.25, 0.75, 1.0], [2.0, 2.25, 2.75, 3.0]]
    """

    height: int = setting(least=1)
    width: int = setting(least=1)
    interpolation: Interpolation = "bilinear"
    crop_to_aspect_ratio: bool = False
    pad_to_aspect_ratio: bool = False
    fill_mode: Literal["constant"] = "constant"
    fill_value: float = dial(default=0.0)
    antialias: bool = False

    def check(self) -> None:
        if self.crop_to_aspect_ratio and self.pad_to_aspect_ratio:
            got = "crop_to_aspect_ratio and pad_to_aspect_ratio"
            raise SpecError("Resizing", got=got, expected="one of them", fix="pad_to_aspect_ratio=False")

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        require_space(x, 2)
        return {}, {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        wide = x.astype(float)
        if self.crop_to_aspect_ratio:
            fitting = map(min, x.shape[1:3], self._around(x))
            wide = _middle(wide, *(max(1, size) for size in fitting))
        if self.pad_to_aspect_ratio:
            rows, columns = ((max(n, m) - n) // 2 for n, m in zip(x.shape[1:3], self._around(x), strict=True))
            wide = _framed(wide, rows, columns, self.fill_value)
        size = (x.shape[0], self.height, self.width, x.shape[3])
        return jax.image.resize(wide, size, self.interpolation, antialias=self.antialias).astype(x.dtype), state

    def _around(self, x: jax.Array) -> tuple[int, int]:
        """The height that fits the width of ``x`` in the proportions wanted, and the width that fits its height."""
        return x.shape[2] * self.height // self.width, x.shape[1] * self.width // self.height


@spec
class CenterCrop(Layer):
    """y = the middle of x            x: (batch, h, w, channels)   y: (batch, height, width, channels)

    A picture that is smaller on one side is first resized, bilinearly and without stretching, so that it covers y.

    Reference: Krizhevsky, Sutskever and Hinton, *ImageNet Classification with Deep Convolutional Neural Networks*, NIPS
    2012, section 4.1.

    height, width:  the size wanted.

    Raises:
        ShapeError: the input is no batch of images.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import layers
        >>> x = jnp.arange(16.0).reshape(1, 4, 4, 1)
        >>> layers.CenterCrop(2, 2).apply({}, {}, x, layers.Context())[0][0, :, :, 0].tolist()
        [[5.0, 6.0], [9.0, 10.0]]
    """

    height: int = setting(least=1)
    width: int = setting(least=1)

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        require_space(x, 2)
        return {}, {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        if self.height > x.shape[1] or self.width > x.shape[2]:
            return Resizing(self.height, self.width, crop_to_aspect_ratio=True).apply(params, state, x, ctx)
        return _middle(x, self.height, self.width), state


def _framed(x: jax.Array, rows: int, columns: int, value: Any) -> jax.Array:
    """``x`` with ``rows`` above and below and ``columns`` left and right that hold ``value``."""
    batch, height, width, channels = x.shape
    around = jnp.full((batch, height + 2 * rows, width + 2 * columns, channels), value, x.dtype)
    return around.at[:, rows : rows + height, columns : columns + width].set(x)


def _middle(x: jax.Array, height: int, width: int) -> jax.Array:
    top, left = (x.shape[1] - height) // 2, (x.shape[2] - width) // 2
    return x[:, top : top + height, left : left + width]
