"""Tones changed pixel by pixel: inverted, solarized, posterized, stretched over the whole range."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from liuli.core.specs import dial, setting, spec
from liuli.layers.augmentation.base import Augmentation, Factor, Span, clipped, factor, happens, wide

__all__ = ["AutoContrast", "RandomInvert", "RandomPosterization", "Solarization"]

_EIGHT_BITS = (0.0, 255.0)


@spec
class RandomInvert(Augmentation):
    """y = low + high - x, with a probability; else x            x, y: (batch, height, width, n)

    Reference: Cubuk et al., *AutoAugment: Learning Augmentation Strategies from Data*, CVPR 2019.

    factor:       the probability; of a pair, drawn between the two for each image.
    value_range:  low and high, the range of the images' values.

    Example:
        >>> from liuli import layers
        >>> layers.RandomInvert(0.5)
        RandomInvert(factor=0.5)
    """

    factor: Factor = dial(default=1.0, least=0.0, most=1.0)
    value_range: Span = _EIGHT_BITS

    def change(self, key: jax.Array, image: jax.Array) -> jax.Array:
        return jnp.where(happens(key, "happens", self.factor, image), sum(self.value_range) - image, image)


@spec
class Solarization(Augmentation):
    """y = low + high - v where v >= low + t (high - low), else v; v = x + a (high - low), kept in the range

    x, y: (batch, height, width, n). While training, as all of these.

    Reference: Cubuk et al., *AutoAugment: Learning Augmentation Strategies from Data*, CVPR 2019.

    addition_factor:   a lies between 0 and addition_factor, or between the two numbers of a pair.
    threshold_factor:  the same of t.
    value_range:       low and high, the range of the images' values.

    Example:
        >>> from liuli import layers
        >>> layers.Solarization(threshold_factor=(0.5, 0.5))
        Solarization(threshold_factor=(0.5, 0.5))
    """

    addition_factor: Factor = dial(default=0.0, least=0.0, most=1.0)
    threshold_factor: Factor = dial(default=0.0, least=0.0, most=1.0)
    value_range: Span = _EIGHT_BITS

    def change(self, key: jax.Array, image: jax.Array) -> jax.Array:
        low, high = self.value_range
        more = factor(key, "addition", self.addition_factor, image) * (high - low)
        threshold = low + factor(key, "threshold", self.threshold_factor, image) * (high - low)
        v = clipped(image + more.astype(image.dtype), self.value_range)
        return jnp.where(v >= threshold.astype(v.dtype), low + high - v, v)


@spec
class RandomPosterization(Augmentation):
    """y = x with its 8 bits cut to the first few: step floor(x / step), step = 2^(8 - factor)

    x, y: (batch, height, width, n)

    In units where the range of values is 0 to 255. Its derivative is 0.

    Reference: Cubuk et al., *AutoAugment: Learning Augmentation Strategies from Data*, CVPR 2019.

    factor:       how many bits are kept.
    value_range:  the range of the images' values.

    Example:
        >>> from liuli import layers
        >>> layers.RandomPosterization(4)
        RandomPosterization(4)
    """

    factor: int = setting(least=1, most=8)
    value_range: Span = _EIGHT_BITS

    def change(self, key: jax.Array, image: jax.Array) -> jax.Array:
        low, high = self.value_range
        unit, step = (high - low) / 255.0, 2.0 ** (8 - self.factor)
        x = (image.astype(wide(image)) - low) / unit
        return (low + unit * step * jnp.floor((x + _ROUNDING) / step)).astype(image.dtype)


_ROUNDING = 1e-4  # so that 128 / 255 of a range is not just under the step 128


@spec
class AutoContrast(Augmentation):
    """y = low + (high - low) (x - min) / (max - min), min and max of each channel

    x, y: (batch, height, width, n)

    In training and in use. A channel of one value stays as it is.

    Reference: Cubuk et al., *AutoAugment: Learning Augmentation Strategies from Data*, CVPR 2019.

    value_range:  low and high, the range that the values are stretched over.

    Example:
        >>> from liuli import layers
        >>> layers.AutoContrast()
        AutoContrast()
    """

    value_range: Span = _EIGHT_BITS

    def change(self, key: jax.Array, image: jax.Array) -> jax.Array:
        return _stretched(image, self.value_range)

    def unchanged(self, x: jax.Array) -> jax.Array:
        return jax.vmap(lambda image: _stretched(image, self.value_range))(x)


def _stretched(image: jax.Array, span: Span) -> jax.Array:
    x = image.astype(wide(image))
    least, most = x.min((0, 1), keepdims=True), x.max((0, 1), keepdims=True)
    share = (x - least) / jnp.where(most > least, most - least, 1)
    return jnp.where(most > least, span[0] + (span[1] - span[0]) * share, x).astype(image.dtype)
