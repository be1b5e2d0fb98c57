"""Upsampling and pixel shuffling; the numbers are compared in tests/oracles."""

import jax.numpy as jnp
import numpy as np
import pytest

from liuli import layers
from liuli.core.errors import LiuliError, ShapeError, SpecError
from tests.layers.calling import KEY, call, shape

MASK = jnp.array([[True, False]])
IMAGE = jnp.arange(6.0).reshape(1, 2, 3, 1)


def test_steps_and_their_mask_are_repeated():
    layer = layers.UpSampling1D(2)
    assert call(layer, jnp.array([[[1.0], [2.0]]])).ravel().tolist() == [1.0, 1.0, 2.0, 2.0]
    assert layer.output_mask(shape(1, 2, 1), MASK).tolist() == [[True, True, False, False]]
    assert layer.output_mask(shape(1, 2, 1), None) is None


def test_nearest_repeats_pixels():
    y = call(layers.UpSampling2D((1, 2)), IMAGE)
    assert y[0, :, :, 0].tolist() == [[0, 0, 1, 1, 2, 2], [3, 3, 4, 4, 5, 5]]


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "lanczos3", "lanczos5"])
def test_what_is_constant_stays_so(interpolation):
    y = call(layers.UpSampling2D(3, interpolation), jnp.full((1, 4, 5, 2), 0.7))
    np.testing.assert_allclose(y, np.full((1, 12, 15, 2), 0.7), rtol=1e-6)


def test_unknown_interpolation():
    with pytest.raises(SpecError, match=r"interpolation: got 'bilinaer'.* Try: write 'bilinear'"):
        layers.UpSampling2D(2, "bilinaer")


def test_channels_become_space_in_the_order_of_pytorch():
    x = jnp.arange(8.0).reshape(1, 1, 1, 8)
    y = call(layers.PixelShuffle(2), x)
    assert y[0, :, :, 0].tolist() == [[0.0, 1.0], [2.0, 3.0]]
    assert y[0, :, :, 1].tolist() == [[4.0, 5.0], [6.0, 7.0]]
    assert call(layers.PixelUnshuffle(2), y).tolist() == x.tolist()


def test_channels_must_divide():
    with pytest.raises(ShapeError, match=r"got 6 channels.*expected a multiple of upscale_factor\^2 = 4"):
        layers.PixelShuffle(2).init(KEY, shape(1, 3, 3, 6))


def test_sizes_must_divide():
    with pytest.raises(ShapeError, match=r"got images of 4 x 3.*expected multiples of downscale_factor=2"):
        layers.PixelUnshuffle(2).init(KEY, shape(1, 4, 3, 6))


LAYERS = [layers.UpSampling2D(), layers.UpSampling3D(), layers.PixelShuffle(1), layers.PixelUnshuffle(1)]


@pytest.mark.parametrize("layer", LAYERS)
def test_images_and_volumes_alone_and_no_masks(layer):
    with pytest.raises(ShapeError, match="height, width, channels"):
        layer.init(KEY, shape(2, 4, 4))
    with pytest.raises(LiuliError, match=f"cannot pass {type(layer).__name__}"):
        layer.output_mask(shape(1, 2, 2, 1), MASK)
