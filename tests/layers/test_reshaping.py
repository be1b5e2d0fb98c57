"""Layers that change the shape and nothing else."""

import jax.numpy as jnp
import pytest

from liuli.core.errors import LiuliError, ShapeError, SpecError
from liuli.layers import Flatten, Permute, RepeatVector, Reshape
from tests.layers.calling import KEY, call, shape

MASK = jnp.ones((2, 6), bool)


def test_flatten_keeps_the_order():
    x = jnp.arange(12.0).reshape(2, 3, 2)
    assert call(Flatten(), x).tolist() == [list(range(6)), list(range(6, 12))]


def test_flatten_a_vector_of_numbers():
    assert call(Flatten(), jnp.arange(3.0)).shape == (3, 1)


def test_flatten_refuses_a_mask():
    with pytest.raises(LiuliError, match=r"got a masked sequence, whose mask .* cannot pass Flatten"):
        Flatten().output_mask(shape(2, 6, 3), MASK)
    assert Flatten().output_mask(shape(2, 6, 3), None) is None


@pytest.mark.parametrize(
    ("target", "got"), [((2, 6), (2, 6)), ((-1, 4), (3, 4)), ((12,), (12,)), ((2, -1, 2), (2, 3, 2))]
)
def test_reshape(target, got):
    x = jnp.arange(24.0).reshape(2, 12)
    y = call(Reshape(target), x)
    assert y.shape == (2, *got)
    assert y.ravel().tolist() == list(range(24))


@pytest.mark.parametrize("layer", [Flatten(), Reshape((-1, 4))])
def test_no_samples_give_no_samples(layer):
    assert call(layer, jnp.zeros((0, 12))).shape[0] == 0


@pytest.mark.parametrize("target", [(5,), (-1, 5), (-1, 0)])
def test_reshape_needs_as_many_elements(target):
    with pytest.raises(ShapeError, match=r"got 12 elements per sample, of shape \(batch, 12\)"):
        Reshape(target).init(KEY, shape(2, 12))


@pytest.mark.parametrize("target", [(-1, -1), (-2, 3)])
def test_target_shape_is_checked(target):
    with pytest.raises(SpecError, match="-1 at most once"):
        Reshape(target)


def test_reshape_keeps_a_mask_where_time_stays():
    assert Reshape((6, 1, 4)).output_mask(shape(2, 6, 4), MASK) is MASK
    assert Reshape((-1, 4)).output_mask(shape(2, 6, 4), MASK) is MASK
    with pytest.raises(LiuliError, match="masked sequence"):
        Reshape((4, 6)).output_mask(shape(2, 6, 4), MASK)


def test_permute_moves_axes():
    x = jnp.arange(12.0).reshape(1, 2, 3, 2)
    y = call(Permute((3, 1, 2)), x)
    assert y.shape == (1, 2, 2, 3)
    assert y[0, 1, 0, 2] == x[0, 0, 2, 1]


@pytest.mark.parametrize("dims", [(0, 1), (1, 3), (1, 1), (2,)])
def test_permute_names_every_axis_once(dims):
    with pytest.raises(SpecError, match="each once"):
        Permute(dims)


def test_permute_needs_as_many_axes():
    with pytest.raises(ShapeError, match=r"got an input of shape \(batch, 2, 3, 4\); expected 2 axes"):
        Permute((2, 1)).init(KEY, shape(1, 2, 3, 4))


def test_permute_keeps_a_mask_where_time_stays():
    assert Permute((1, 3, 2)).output_mask(shape(2, 6, 4, 3), MASK) is MASK
    with pytest.raises(LiuliError, match=r"cannot pass Permute\(\(2, 1\)\)"):
        Permute((2, 1)).output_mask(shape(2, 6, 4), MASK)


def test_repeat_vector_makes_time():
    x = jnp.arange(6.0).reshape(2, 3)
    assert call(RepeatVector(2), x).tolist() == [[row, row] for row in x.tolist()]
    with pytest.raises(ShapeError, match=r"\(batch, features\)"):
        RepeatVector(2).init(KEY, shape(2, 3, 4))
    with pytest.raises(LiuliError, match="cannot pass RepeatVector"):
        RepeatVector(2).output_mask(shape(2, 6), MASK)
