"""Details blurred, sharpened or hidden, and a part of the image cut out."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from liuli.core.errors import ShapeError
from liuli.core.keys import fold
from liuli.core.specs import dial, setting, spec
from liuli.layers.augmentation.base import Augmentation, Factor, Span, clipped, factor, happens, uniform, wide
from liuli.layers.base import Params, Shape, State, shown

__all__ = ["RandomCrop", "RandomErasing", "RandomGaussianBlur", "RandomSharpness"]

_EIGHT_BITS = (0.0, 255.0)


@spec
class RandomCrop(Augmentation):
    """y = a part of x of this height and width; in use, the middle

    x: (batch, H, W, n)   y: (batch, height, width, n)

    Reference: Krizhevsky, Sutskever and Hinton, *ImageNet Classification with Deep Convolutional Networks*, 2012.

    height:  of y.
    width:   of y.

    Raises:
        ShapeError: the image is smaller.

    Example:
        >>> from liuli import layers
        >>> layers.RandomCrop(24, 24)
        RandomCrop(24, 24)
    """

    height: int = setting(least=1)
    width: int = setting(least=1)

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        super().init(key, x)
        if x.shape[1] < self.height or x.shape[2] < self.width:
            got, expected = f"an input of shape {shown(x)}", f"images of at least {self.height} x {self.width}"
            raise ShapeError("", got=got, expected=expected, fix="put layers.Resizing before it")
        return {}, {}

    def change(self, key: jax.Array, image: jax.Array) -> jax.Array:
        room = image.shape[0] - self.height, image.shape[1] - self.width
        starts = [
            jax.random.randint(fold(key, str(axis)), (), 0, free + 1, jnp.int32) for axis, free in enumerate(room)
        ]
        return jax.lax.dynamic_slice(image, (*starts, jnp.int32(0)), (self.height, self.width, image.shape[2]))

    def unchanged(self, x: jax.Array) -> jax.Array:
        top, left = (x.shape[1] - self.height) // 2, (x.shape[2] - self.width) // 2
        return x[:, top : top + self.height, left : left + self.width]


@spec
class RandomSharpness(Augmentation):
    """y = blurred + 2 a (x - blurred), kept in the range; the edge pixels stay        x, y: (batch, height, width, n)

    blurred: the mean of the nine pixels around, the middle one counted five times.

    Reference: Cubuk et al., *AutoAugment: Learning Augmentation Strategies from Data*, CVPR 2019.

    factor:       a lies between 0 and factor, or between the two numbers of a pair: 0 blurs, 0.5 changes nothing,
                  1 sharpens.
    value_range:  the range of the images' values.

    Example:
        >>> from liuli import layers
        >>> layers.RandomSharpness((0.2, 0.8))
        RandomSharpness((0.2, 0.8))
    """

    factor: Factor = dial(least=0.0, most=1.0)
    value_range: Span = _EIGHT_BITS

    def change(self, key: jax.Array, image: jax.Array) -> jax.Array:
        if min(image.shape[:2]) < 3:
            return image
        a = factor(key, "factor", self.factor, image)
        x, (height, width) = image.astype(wide(image)), image.shape[:2]
        around = [x[i : height - 2 + i, j : width - 2 + j] for i in range(3) for j in range(3)]
        inner = x[1:-1, 1:-1]
        blurred = (sum(around) + 4 * inner) / 13
        return clipped(x.at[1:-1, 1:-1].set(blurred + 2 * a * (inner - blurred)), self.value_range).astype(image.dtype)


@spec
class RandomGaussianBlur(Augmentation):
    """y = x * g, g a Gaussian of standard deviation a pixels, cut off and made to sum to 1

    x, y: (batch, height, width, n)

    Beyond the edge the image is mirrored at its last pixel.

    Reference: Chen et al., *A Simple Framework for Contrastive Learning of Visual Representations*, ICML 2020.

    factor:       the probability that an image is changed; of a pair, drawn between the two for each image.
    kernel_size:  rows and columns of g, odd; one number stands for both.
    sigma:        a lies between 0 and sigma, or between the two numbers of a pair.
    value_range:  the range of the images' values.

    Raises:
        ShapeError: the image is smaller than half of the kernel.

    Example:
        >>> from liuli import layers
        >>> layers.RandomGaussianBlur(kernel_size=5, sigma=(0.5, 2.0))
        RandomGaussianBlur(kernel_size=(5, 5), sigma=(0.5, 2.0))
    """

    factor: Factor = dial(default=1.0, least=0.0, most=1.0)
    kernel_size: tuple[int, int] = setting(default=(3, 3), least=1)
    sigma: Factor = dial(default=1.0, least=0.0)
    value_range: Span = _EIGHT_BITS

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        super().init(key, x)
        if any(size <= k // 2 for size, k in zip(x.shape[1:3], self.kernel_size, strict=True)):
            got, expected = f"an input of shape {shown(x)}", f"images that kernel_size={self.kernel_size} fits"
            raise ShapeError("", got=got, expected=expected, fix="kernel_size=3")
        return {}, {}

    def change(self, key: jax.Array, image: jax.Array) -> jax.Array:
        deviation = jnp.maximum(factor(key, "sigma", self.sigma, image), 1e-3)
        blurred = image.astype(wide(image))
        for axis, size in enumerate(self.kernel_size):
            blurred = _blurred(blurred, axis, size, deviation)
        blurred = clipped(blurred, self.value_range).astype(image.dtype)
        return jnp.where(happens(key, "happens", self.factor, image), blurred, image)


@spec
class RandomErasing(Augmentation):
    """y = x but for a rectangle, which is filled with noise or with one value        x, y: (batch, height, width, n)

    Its area is a share of the image's, its height over its width between 0.3 and 1 / 0.3, evenly on a logarithmic
    scale.

    Reference: Zhong et al., *Random Erasing Data Augmentation*, AAAI 2020.

    factor:       the probability that an image is changed; of a pair, drawn between the two for each image.
    scale:        between which shares of the image's area the rectangle lies.
    fill_value:   what stands in it; None: noise, evenly over the range of values.
    value_range:  the range of the images' values.

    Example:
        >>> from liuli import layers
        >>> layers.RandomErasing(0.5, fill_value=0.0)
        RandomErasing(factor=0.5, fill_value=0.0)
    """

    factor: Factor = dial(default=1.0, least=0.0, most=1.0)
    scale: Span = setting(default=(0.02, 0.33), least=0.0, most=1.0)
    fill_value: float | None = dial(default=None)
    value_range: Span = _EIGHT_BITS

    def change(self, key: jax.Array, image: jax.Array) -> jax.Array:
        height, width = image.shape[:2]
        area = uniform(key, "area", *self.scale, image) * height * width
        ratio = jnp.exp(uniform(key, "ratio", -1.204, 1.204, image))  # log 0.3 and log 1 / 0.3
        tall, broad = jnp.minimum(jnp.sqrt(area * ratio), height), jnp.minimum(jnp.sqrt(area / ratio), width)
        top = uniform(key, "top", 0.0, 1.0, image) * (height - tall)
        left = uniform(key, "left", 0.0, 1.0, image) * (width - broad)
        rows = jnp.arange(height, dtype=area.dtype) + 0.5
        columns = jnp.arange(width, dtype=area.dtype) + 0.5
        within = (rows >= top) & (rows < top + tall), (columns >= left) & (columns < left + broad)
        inside = within[0][:, None] & within[1][None, :] & happens(key, "happens", self.factor, image)
        return jnp.where(inside[:, :, None], self._filling(key, image), image)

    def _filling(self, key: jax.Array, image: jax.Array) -> jax.Array:
        if self.fill_value is not None:
            return jnp.full(image.shape, self.fill_value, image.dtype)
        return uniform(key, "noise", *self.value_range, image, image.shape).astype(image.dtype)


def _blurred(x: jax.Array, axis: int, size: int, deviation: jax.Array) -> jax.Array:
    """``x`` blurred along one axis."""
    before = (size - 1) // 2
    sides = [(before, size - 1 - before) if i == axis else (0, 0) for i in range(3)]
    padded = jnp.pad(x, sides, mode="reflect")
    away = jnp.arange(size, dtype=x.dtype) - (size - 1) / 2
    weights = jnp.exp(-0.5 * jnp.square(away / deviation))
    weights = weights / weights.sum()
    views = [jax.lax.slice_in_dim(padded, i, i + x.shape[axis], axis=axis) for i in range(size)]
    return sum((weights[i] * view for i, view in enumerate(views)), jnp.zeros_like(x))
