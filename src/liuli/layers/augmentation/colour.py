"""Colours and brightness changed; where things are stays as it is. Grey is 0.299 red + 0.587 green + 0.114 blue."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from liuli.core.keys import fold
from liuli.core.specs import abstract, dial, spec, with_fields
from liuli.layers.augmentation.base import (
    Augmentation,
    Factor,
    Span,
    clipped,
    factor,
    happens,
    require_colour,
    uniform,
    wide,
)
from liuli.layers.base import Params, Shape, State

__all__ = [
    "RandomBrightness", "RandomColorDegeneration", "RandomColorJitter", "RandomContrast", "RandomGrayscale",
    "RandomHue", "RandomSaturation",
]  # fmt: skip

_EIGHT_BITS = (0.0, 255.0)


@abstract
class _Coloured(Augmentation):
    """The base of what needs red, green and blue."""

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        require_colour(x)
        return {}, {}


@spec
class RandomBrightness(Augmentation):
    """y = x + a (high - low), kept between low and high            x, y: (batch, height, width, n)

    Reference: Howard, *Some Improvements on Deep Convolutional Neural Network Based Image Classification*, 2013.

    factor:       a lies between -factor and factor, or between the two numbers of a pair.
    value_range:  low and high, the range of the images' values.

    Example:
        >>> from liuli import layers
        >>> layers.RandomBrightness(0.2, value_range=(0.0, 1.0))
        RandomBrightness(0.2, value_range=(0.0, 1.0))
    """

    factor: Factor = dial(least=-1.0, most=1.0)
    value_range: Span = _EIGHT_BITS

    def change(self, key: jax.Array, image: jax.Array) -> jax.Array:
        low, high = self.value_range
        more = factor(key, "factor", self.factor, image, least=None) * (high - low)
        return clipped(image + more.astype(image.dtype), self.value_range)


@spec
class RandomContrast(Augmentation):
    """y = a (x - mean) + mean, kept between low and high; mean: of each channel of each image

    x, y: (batch, height, width, n)

    Reference: Howard, *Some Improvements on Deep Convolutional Neural Network Based Image Classification*, 2013.

    factor:       a lies between 1 - factor and 1 + factor; of a pair, between 1 - the first and 1 + the second.
    value_range:  low and high, the range of the images' values.

    Example:
        >>> from liuli import layers
        >>> layers.RandomContrast(0.3)
        RandomContrast(0.3)
    """

    factor: Factor = dial(least=0.0)
    value_range: Span = _EIGHT_BITS

    def change(self, key: jax.Array, image: jax.Array) -> jax.Array:
        below, above = self.factor if isinstance(self.factor, tuple) else (self.factor, self.factor)
        a = uniform(key, "factor", 1 - below, 1 + above, image)
        x = image.astype(wide(image))
        mean = x.mean((0, 1), keepdims=True)
        return clipped((a * (x - mean) + mean).astype(image.dtype), self.value_range)


@spec
class RandomGrayscale(_Coloured):
    """y = grey of x in all three channels, with probability factor; else x            x, y: (batch, height, width, 3)

    Reference: Chen et al., *A Simple Framework for Contrastive Learning of Visual Representations*, ICML 2020.

    factor:  the probability.

    Example:
        >>> from liuli import layers
        >>> layers.RandomGrayscale(0.2)
        RandomGrayscale(factor=0.2)
    """

    factor: float = dial(default=0.5, least=0.0, most=1.0)

    def change(self, key: jax.Array, image: jax.Array) -> jax.Array:
        return jnp.where(happens(key, "happens", self.factor, image), _grey(image), image)


@spec
class RandomColorDegeneration(_Coloured):
    """y = x + a (grey - x)            x, y: (batch, height, width, 3)

    Reference: Cubuk et al., *AutoAugment: Learning Augmentation Strategies from Data*, CVPR 2019 ("Color").

    factor:       a lies between 0 and factor, or between the two numbers of a pair; 1 is grey.
    value_range:  low and high, the range of the images' values.

    Example:
        >>> from liuli import layers
        >>> layers.RandomColorDegeneration(0.5)
        RandomColorDegeneration(0.5)
    """

    factor: Factor = dial(least=0.0, most=1.0)
    value_range: Span = _EIGHT_BITS

    def change(self, key: jax.Array, image: jax.Array) -> jax.Array:
        a = factor(key, "factor", self.factor, image).astype(image.dtype)
        return clipped(image + a * (_grey(image) - image), self.value_range)


@spec
class RandomSaturation(_Coloured):
    """s <- min(1, s a / (1 - a)) of hue, saturation and value            x, y: (batch, height, width, 3)

    Reference: Smith, *Color Gamut Transform Pairs*, SIGGRAPH 1978, for hue, saturation and value.

    factor:       a lies between 0 and factor, or between the two numbers of a pair: 0 is grey, 0.5 changes nothing,
                  1 saturates.
    value_range:  low and high, the range of the images' values.

    Example:
        >>> from liuli import layers
        >>> layers.RandomSaturation((0.3, 0.7))
        RandomSaturation((0.3, 0.7))
    """

    factor: Factor = dial(least=0.0, most=1.0)
    value_range: Span = _EIGHT_BITS

    def change(self, key: jax.Array, image: jax.Array) -> jax.Array:
        a = factor(key, "factor", self.factor, image)
        hue, saturation, value = _to_hsv(image, self.value_range)
        return _from_hsv(hue, jnp.clip(saturation * a / jnp.maximum(1 - a, 1e-6), 0, 1), value, self.value_range, image)


@spec
class RandomHue(_Coloured):
    """h <- h + a / 2 or h - a / 2, of hue (a full turn is 1), saturation and value

    x, y: (batch, height, width, 3)

    Reference: Smith, *Color Gamut Transform Pairs*, SIGGRAPH 1978, for hue, saturation and value.

    factor:       a lies between 0 and factor, or between the two numbers of a pair.
    value_range:  low and high, the range of the images' values.

    Example:
        >>> from liuli import layers
        >>> layers.RandomHue(0.1)
        RandomHue(0.1)
    """

    factor: Factor = dial(least=0.0, most=1.0)
    value_range: Span = _EIGHT_BITS

    def change(self, key: jax.Array, image: jax.Array) -> jax.Array:
        turn = factor(key, "factor", self.factor, image) / 2
        turn = jnp.where(happens(key, "direction", 0.5, image), -turn, turn)
        hue, saturation, value = _to_hsv(image, self.value_range)
        return _from_hsv(hue + turn, saturation, value, self.value_range, image)


@spec
class RandomColorJitter(_Coloured):
    """y = hue(saturation(contrast(brightness(x)))), as far as each is asked for

    x, y: (batch, height, width, 3)

    Reference: Chen et al., *A Simple Framework for Contrastive Learning of Visual Representations*, ICML 2020.

    value_range:        low and high, the range of the images' values.
    brightness_factor:  as in RandomBrightness; None leaves it as it is. So do the others.
    contrast_factor:    as in RandomContrast.
    saturation_factor:  as in RandomSaturation.
    hue_factor:         as in RandomHue.

    Example:
        >>> from liuli import layers
        >>> layers.RandomColorJitter(brightness_factor=0.2, hue_factor=0.1)
        RandomColorJitter(brightness_factor=0.2, hue_factor=0.1)
    """

    value_range: Span = _EIGHT_BITS
    brightness_factor: Factor | None = dial(default=None, least=-1.0, most=1.0)
    contrast_factor: Factor | None = dial(default=None, least=0.0)
    saturation_factor: Factor | None = dial(default=None, least=0.0, most=1.0)
    hue_factor: Factor | None = dial(default=None, least=0.0, most=1.0)

    def change(self, key: jax.Array, image: jax.Array) -> jax.Array:
        steps: tuple[tuple[Augmentation, Any], ...] = (
            (RandomBrightness(0.0, self.value_range), self.brightness_factor),
            (RandomContrast(0.0, self.value_range), self.contrast_factor),
            (RandomSaturation(0.0, self.value_range), self.saturation_factor),
            (RandomHue(0.0, self.value_range), self.hue_factor),
        )
        for step, value in steps:
            if value is not None:
                image = with_fields(step, {"factor": value}).change(fold(key, type(step).__name__), image)
        return image


def _grey(image: jax.Array) -> jax.Array:
    """The grey of an image, in all of its channels."""
    weights = jnp.array([0.299, 0.587, 0.114], wide(image))
    return jnp.broadcast_to((image.astype(weights.dtype) @ weights)[:, :, None], image.shape).astype(image.dtype)


def _to_hsv(image: jax.Array, span: Span) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Hue, saturation and value, each (height, width) between 0 and 1."""
    x = (image.astype(wide(image)) - span[0]) / (span[1] - span[0])
    red, green, blue = x[..., 0], x[..., 1], x[..., 2]
    value, spread = x.max(-1), x.max(-1) - x.min(-1)
    safe = jnp.where(spread > 0, spread, 1)
    others = jnp.where(value == green, 2 + (blue - red) / safe, 4 + (red - green) / safe)
    turn = jnp.where(value == red, (green - blue) / safe, others)
    saturation = jnp.where(value > 0, spread / jnp.where(value > 0, value, 1), 0)
    return jnp.where(spread > 0, turn / 6, 0), saturation, value


def _from_hsv(hue: jax.Array, saturation: jax.Array, value: jax.Array, span: Span, like: jax.Array) -> jax.Array:
    """The inverse of :func:`_to_hsv`: v - v s max(0, min(1, k, 4 - k)) with k = (n + 6 h) mod 6, n = 5, 3, 1."""
    channels = []
    for n in (5, 3, 1):
        k = (n + 6 * hue) % 6
        channels.append(value - value * saturation * jnp.clip(jnp.minimum(k, 4 - k), 0, 1))
    x = jnp.stack(channels, -1) * (span[1] - span[0]) + span[0]
    return clipped(x, span).astype(like.dtype)
