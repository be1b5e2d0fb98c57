"""Borders put around and cut off; the numbers are compared in tests/oracles."""

import jax.numpy as jnp
import pytest

from liuli import layers
from liuli.core.errors import LiuliError, ShapeError, SpecError
from tests.layers.calling import KEY, call, shape

STEPS = jnp.arange(1.0, 5.0).reshape(1, 4, 1)
MASK = jnp.array([[True, False, True, True]])
NAMES = ["ZeroPadding", "Cropping"]


def test_zeros_are_put_around():
    assert call(layers.ZeroPadding1D((1, 2)), STEPS).ravel().tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 0.0, 0.0]


def test_ends_are_cut_off():
    assert call(layers.Cropping1D((1, 2)), STEPS).ravel().tolist() == [2.0]
    assert call(layers.Cropping1D(0), STEPS).tolist() == STEPS.tolist()


@pytest.mark.parametrize(
    ("given", "held"), [(1, ((1, 1), (1, 1))), ((1, 2), ((1, 1), (2, 2))), (((1, 2), (3, 4)), ((1, 2), (3, 4)))]
)
def test_forms_of_a_border(given, held):
    assert layers.ZeroPadding2D(given).padding == held
    assert layers.Cropping2D(given).cropping == held


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("rank", "border"), [(1, (-1, 0)), (2, ((0, 0), (0, -1))), (3, -1)])
def test_no_number_below_zero(name, rank, border):
    with pytest.raises(SpecError, match=rf"{name}{rank}D.*expected numbers of at least 0"):
        getattr(layers, f"{name}{rank}D")(border)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_only_space_of_its_rank(name, rank):
    with pytest.raises(ShapeError, match="channels"):
        getattr(layers, f"{name}{rank}D")().init(KEY, shape(2, *[8] * (rank + 1), 3))


def test_something_must_be_left():
    with pytest.raises(ShapeError, match=r"got 4 x 3, of .*; expected at least 3 x 4, so that something is left"):
        layers.Cropping2D((1, (1, 2))).init(KEY, shape(2, 4, 3, 1))
    layers.Cropping2D((1, (1, 1))).init(KEY, shape(2, 3, 3, 1))


def test_a_mask_gets_the_same_border():
    x = shape(1, 4, 2)
    assert layers.ZeroPadding1D((2, 1)).output_mask(x, MASK).tolist() == [
        [False, False, True, False, True, True, False]
    ]
    assert layers.Cropping1D((2, 1)).output_mask(x, MASK).tolist() == [[True]]
    assert layers.ZeroPadding1D().output_mask(x, None) is None


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rank", [2, 3])
def test_images_and_volumes_refuse_a_mask(name, rank):
    with pytest.raises(LiuliError, match=f"cannot pass {name}{rank}D"):
        getattr(layers, f"{name}{rank}D")().output_mask(shape(1, *[4] * rank, 2), MASK)


@pytest.mark.parametrize("layer", [layers.ZeroPadding1D(), layers.Cropping1D()])
def test_integers_stay_integers(layer):
    assert call(layer, STEPS.astype(jnp.uint8)).dtype == jnp.uint8
