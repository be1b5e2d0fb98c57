"""Images turned, moved, bent: each output pixel is looked up at another place of the input."""

from __future__ import annotations

import math
from typing import Any, Literal

import jax
import jax.numpy as jnp

from liuli.core.specs import abstract, dial, setting, spec
from liuli.layers.augmentation.base import Augmentation, Factor, FillMode, Interpolation, factor, happens, uniform, wide
from liuli.layers.augmentation.sampling import Grid, centred, from_centre

__all__ = [
    "RandomElasticTransform", "RandomFlip", "RandomPerspective", "RandomRotation", "RandomShear", "RandomTranslation",
    "RandomZoom",
]  # fmt: skip


@spec
class RandomFlip(Augmentation):
    """y = x mirrored left to right, top to bottom, or both, each with probability 1/2

    x, y: (batch, height, width, n)

    Reference: Krizhevsky, Sutskever and Hinton, *ImageNet Classification with Deep Convolutional Networks*, 2012.

    mode:  which mirrors there are.

    Example:
        >>> from liuli import layers
        >>> layers.RandomFlip("horizontal")
        RandomFlip(mode='horizontal')
    """

    mode: Literal["horizontal", "vertical", "horizontal_and_vertical"] = "horizontal_and_vertical"

    def change(self, key: jax.Array, image: jax.Array) -> jax.Array:
        for axis, name in ((1, "horizontal"), (0, "vertical")):
            if name in self.mode:
                image = jnp.where(happens(key, name, 0.5, image), jnp.flip(image, axis), image)
        return image


@abstract
class _Moved(Augmentation):
    """The base of augmentations that look each pixel up elsewhere.

    fill_mode:      what is seen outside of the image: ``"constant"`` k k | a b c | k k, ``"nearest"``
                    a a | a b c | c c, ``"reflect"`` b a | a b c | c b, ``"wrap"`` b c | a b c | a b.
    interpolation:  ``"bilinear"`` weighs the four pixels around, ``"nearest"`` takes one.
    fill_value:     k.
    """

    fill_mode: FillMode = setting(default="reflect", kw_only=True)
    interpolation: Interpolation = setting(default="bilinear", kw_only=True)
    fill_value: float = dial(default=0.0, kw_only=True)

    def change(self, key: jax.Array, image: jax.Array) -> jax.Array:
        where = self.moved(key, image, centred(image))
        return from_centre(image, where, self.interpolation, self.fill_mode, self.fill_value)

    def moved(self, key: jax.Array, image: jax.Array, pixels: Grid) -> Grid:
        """Where ``pixels`` are looked up; both are distances from the centre."""
        raise NotImplementedError


@spec
class RandomRotation(_Moved):
    """y = x turned around its centre by 2 pi a, counter-clockwise for a > 0        x, y: (batch, height, width, n)

    Reference: Simard, Steinkraus and Platt, *Best Practices for Convolutional Neural Networks*, ICDAR 2003.

    factor:  a lies between -factor and factor, or between the two numbers of a pair; 0.1 is 36 degrees.
    fill_mode, interpolation, fill_value:  what is seen outside, and between pixels.

    Example:
        >>> from liuli import layers
        >>> layers.RandomRotation(0.1)
        RandomRotation(0.1)
    """

    factor: Factor = dial()

    def moved(self, key: jax.Array, image: jax.Array, pixels: Grid) -> Grid:
        angle = 2 * math.pi * factor(key, "angle", self.factor, image, least=None)
        (down, right), c, s = pixels, jnp.cos(angle), jnp.sin(angle)
        return c * down + s * right, c * right - s * down


@spec
class RandomTranslation(_Moved):
    """y = x moved down by a height and to the right by b width            x, y: (batch, height, width, n)

    Reference: Simard, Steinkraus and Platt, *Best Practices for Convolutional Neural Networks*, ICDAR 2003.

    height_factor:  a lies between -height_factor and height_factor, or between the two numbers of a pair.
    width_factor:   the same of b.
    fill_mode, interpolation, fill_value:  what is seen outside, and between pixels.

    Example:
        >>> from liuli import layers
        >>> layers.RandomTranslation(0.1, 0.2)
        RandomTranslation(0.1, 0.2)
    """

    height_factor: Factor = dial()
    width_factor: Factor = dial()

    def moved(self, key: jax.Array, image: jax.Array, pixels: Grid) -> Grid:
        down = factor(key, "height", self.height_factor, image, least=None) * image.shape[0]
        right = factor(key, "width", self.width_factor, image, least=None) * image.shape[1]
        return pixels[0] - down, pixels[1] - right


@spec
class RandomZoom(_Moved):
    """y = x seen from further off (a > 0) or nearer (a < 0), 1 + a times as much of it

    x, y: (batch, height, width, n)

    Reference: Howard, *Some Improvements on Deep Convolutional Neural Network Based Image Classification*, 2013.

    height_factor:  a lies between -height_factor and height_factor, or between the two numbers of a pair.
    width_factor:   the same across; None zooms both alike.
    fill_mode, interpolation, fill_value:  what is seen outside, and between pixels.

    Example:
        >>> from liuli import layers
        >>> layers.RandomZoom((-0.3, 0.0))
        RandomZoom((-0.3, 0.0))
    """

    height_factor: Factor = dial()
    width_factor: Factor | None = dial(default=None)

    def moved(self, key: jax.Array, image: jax.Array, pixels: Grid) -> Grid:
        down = right = 1 + factor(key, "height", self.height_factor, image, least=None)
        if self.width_factor is not None:
            right = 1 + factor(key, "width", self.width_factor, image, least=None)
        return down * pixels[0], right * pixels[1]


@spec
class RandomShear(_Moved):
    """y = x with its rows pushed sideways, up to a width between top and bottom

    x, y: (batch, height, width, n)

    And its columns up or down, up to b height between left and right.

    Reference: Cubuk et al., *AutoAugment: Learning Augmentation Strategies from Data*, CVPR 2019.

    x_factor:  a lies between 0 and x_factor, or between the two numbers of a pair.
    y_factor:  the same of b.
    fill_mode, interpolation, fill_value:  what is seen outside, and between pixels.

    Example:
        >>> from liuli import layers
        >>> layers.RandomShear(x_factor=0.3)
        RandomShear(x_factor=0.3)
    """

    x_factor: Factor = dial(default=0.0)
    y_factor: Factor = dial(default=0.0)

    def moved(self, key: jax.Array, image: jax.Array, pixels: Grid) -> Grid:
        (down, right), (height, width) = pixels, image.shape[:2]
        sideways = factor(key, "x", self.x_factor, image) * width / height
        upright = factor(key, "y", self.y_factor, image) * height / width
        return down + upright * right, right + sideways * down


@spec
class RandomPerspective(_Moved):
    """y = x seen at an angle: its four corners moved, what lies between by a projective map

    x, y: (batch, height, width, n)

    The map takes (r, c) to (p_0 r + p_1 c + p_2, p_3 r + p_4 c + p_5) / (p_6 r + p_7 c + 1), with p from the corners.

    Reference: Hartley and Zisserman, *Multiple View Geometry in Computer Vision*, 2004, section 2.3.

    factor:  the probability that an image is changed; of a pair, drawn between the two for each image.
    scale:   how far a corner may move inward, as a share of half of the image.
    fill_mode, interpolation, fill_value:  what is seen outside (zeros, as in Keras), and between pixels.

    Example:
        >>> from liuli import layers
        >>> layers.RandomPerspective(scale=0.3)
        RandomPerspective(scale=0.3)
    """

    factor: Factor = dial(default=1.0, least=0.0, most=1.0)
    scale: float = dial(default=1.0, least=0.0, most=1.0)
    fill_mode: FillMode = setting(default="constant", kw_only=True)

    def moved(self, key: jax.Array, image: jax.Array, pixels: Grid) -> Grid:
        size = jnp.asarray(image.shape[:2], wide(image)) / 2
        corners = size[None, :] * jnp.array([[-1, -1], [-1, 1], [1, -1], [1, 1]], size.dtype)
        inward = uniform(key, "corners", 0.0, 1.0, image, (4, 2)) * self.scale
        p = _projection(corners * (1 - jnp.where(happens(key, "happens", self.factor, image), inward, 0)), corners)
        r, c = pixels
        below = p[6] * r + p[7] * c + 1
        return (p[0] * r + p[1] * c + p[2]) / below, (p[3] * r + p[4] * c + p[5]) / below


@spec
class RandomElasticTransform(_Moved):
    """y = x with every pixel moved by a smooth random field u        x, y: (batch, height, width, n)

    u = 1.2 scale size (G * noise), noise uniform in [-1, 1] and G a Gaussian of standard deviation size / 7: the
    paper's values for 28 x 28, in shares of the size.

    Reference: Simard, Steinkraus and Platt, *Best Practices for Convolutional Neural Networks*, ICDAR 2003.

    factor:  the probability that an image is changed; of a pair, drawn between the two for each image.
    scale:   how strongly.
    fill_mode, interpolation, fill_value:  what is seen outside, and between pixels.

    Example:
        >>> from liuli import layers
        >>> layers.RandomElasticTransform(scale=0.5)
        RandomElasticTransform(scale=0.5)
    """

    factor: Factor = dial(default=1.0, least=0.0, most=1.0)
    scale: float = dial(default=1.0, least=0.0)

    def moved(self, key: jax.Array, image: jax.Array, pixels: Grid) -> Grid:
        strength = jnp.where(happens(key, "happens", self.factor, image), 1.2 * self.scale, 0.0)
        fields = []
        for name, size in zip(("down", "right"), image.shape[:2], strict=True):
            noise = uniform(key, name, -1.0, 1.0, image, image.shape[:2])
            fields.append(size * strength.astype(noise.dtype) * _smooth(noise))
        return pixels[0] + fields[0], pixels[1] + fields[1]


def _projection(to: jax.Array, at: jax.Array) -> jax.Array:
    """The eight numbers of the projective map that takes the corners ``at`` (4, 2) to ``to``."""
    one, zero = jnp.ones((4,), at.dtype), jnp.zeros((4,), at.dtype)
    (r, c), (u, v) = at.T, to.T
    rows = jnp.stack([r, c, one, zero, zero, zero, -u * r, -u * c], -1)
    columns = jnp.stack([zero, zero, zero, r, c, one, -v * r, -v * c], -1)
    return jnp.linalg.solve(jnp.concatenate([rows, columns]), jnp.concatenate([u, v]))


def _smooth(noise: jax.Array) -> jax.Array:
    """``noise`` (height, width), blurred along both axes, over a seventh of its size."""
    for axis, size in enumerate(noise.shape):
        noise = jnp.moveaxis(jnp.tensordot(_gaussian(size, size / 7, noise.dtype), noise, (1, axis)), 0, axis)
    return noise


def _gaussian(size: int, deviation: float, dtype: Any) -> jax.Array:
    """Row i: the weights of the pixels for the blurred pixel i, which sum to 1."""
    at = jnp.arange(size, dtype=dtype)
    weights = jnp.exp(-0.5 * ((at[:, None] - at[None, :]) / deviation) ** 2)
    return weights / weights.sum(1, keepdims=True)
