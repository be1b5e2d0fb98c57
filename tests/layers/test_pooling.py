"""Pooling layers; the numbers of windows are compared in tests/kernels and tests/oracles."""

import jax.numpy as jnp
import numpy as np
import pytest

from liuli.core.errors import LiuliError, ShapeError
from liuli.layers import AveragePooling2D, GlobalAveragePooling2D, MaxPooling2D
from tests.layers.calling import KEY, call, shape
from tests.numeric import close

IMAGE = jnp.arange(15.0).reshape(1, 3, 5, 1)
WINDOWED = [MaxPooling2D, AveragePooling2D]


def test_windows_move_by_their_size():
    assert call(MaxPooling2D(), IMAGE)[0, :, :, 0].tolist() == [[6.0, 8.0]]
    assert call(AveragePooling2D(), IMAGE)[0, :, :, 0].tolist() == [[3.0, 5.0]]


def test_or_by_strides():
    assert call(MaxPooling2D(2, strides=1), IMAGE)[0, :, :, 0].tolist() == [
        [6.0, 7.0, 8.0, 9.0],
        [11.0, 12.0, 13.0, 14.0],
    ]


def test_padding_is_no_element():
    assert call(MaxPooling2D(2, padding="same"), -1 - IMAGE).max() == -1.0
    assert call(AveragePooling2D(2, padding="same"), jnp.ones((1, 3, 5, 1))).tolist() == np.ones((1, 2, 3, 1)).tolist()


def test_global_average():
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32)
    close(call(GlobalAveragePooling2D(), jnp.asarray(x)), x.mean((1, 2)), relative=1e-6)
    close(call(GlobalAveragePooling2D(keepdims=True), jnp.asarray(x)), x.mean((1, 2), keepdims=True), relative=1e-6)


@pytest.mark.parametrize("layer", WINDOWED)
def test_window_larger_than_the_image(layer):
    with pytest.raises(ShapeError, match=r"got images of 3 x 5.*expected at least 4 x 4"):
        layer(4).init(KEY, shape(1, 3, 5, 1))
    layer(4, padding="same").init(KEY, shape(1, 3, 5, 1))


@pytest.mark.parametrize("layer", [*(each() for each in WINDOWED), GlobalAveragePooling2D()])
def test_only_images_without_masks(layer):
    with pytest.raises(ShapeError, match="height, width, channels"):
        layer.init(KEY, shape(2, 8, 8))
    with pytest.raises(LiuliError, match=f"cannot pass {type(layer).__name__}"):
        layer.output_mask(shape(2, 8, 8, 1), jnp.ones((2, 8), bool))
    assert layer.output_mask(shape(2, 8, 8, 1), None) is None
