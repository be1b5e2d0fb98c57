"""Resizing and CenterCrop: where pixels go, and what is refused."""

import jax.numpy as jnp
import numpy as np
import pytest

from liuli.core.errors import ShapeError, SpecError
from liuli.layers import CenterCrop, Resizing
from tests.layers.calling import KEY, call, shape

X = jnp.arange(24.0).reshape(1, 4, 6, 1)


def test_center_crop_takes_the_middle():
    assert call(CenterCrop(2, 3), X)[0, :, :, 0].tolist() == X[0, 1:3, 1:4, 0].tolist()
    assert (call(CenterCrop(4, 6), X) == X).all()
    assert call(CenterCrop(8, 6), X).shape == (1, 8, 6, 1)


def test_a_smaller_picture_covers_the_crop():
    y = call(CenterCrop(8, 6), X)
    np.testing.assert_allclose(y, call(Resizing(8, 6), X[:, :, 1:4]), rtol=1e-6)


def test_nothing_is_stretched():
    cropped = call(Resizing(2, 2, crop_to_aspect_ratio=True), X)
    np.testing.assert_allclose(cropped, call(Resizing(2, 2), X[:, :, 1:5]), rtol=1e-6)
    padded = call(Resizing(6, 6, "nearest", pad_to_aspect_ratio=True, fill_value=-1.0), X)
    assert (padded[:, [0, 5]] == -1).all()
    assert (padded[:, 1:5] == X).all()


def test_antialias_counts_all_pixels():
    assert jnp.isclose(call(Resizing(1, 1, antialias=True), X)[0, 0, 0, 0], X.mean(), rtol=0.05)
    assert call(Resizing(4, 6), X).tolist() == X.tolist()


def test_what_is_refused():
    for layer in (Resizing(2, 2), CenterCrop(2, 2)):
        with pytest.raises(ShapeError, match="height, width, channels"):
            layer.init(KEY, shape(2, 4, 4))
    with pytest.raises(SpecError, match="expected one of them"):
        Resizing(2, 2, crop_to_aspect_ratio=True, pad_to_aspect_ratio=True)
