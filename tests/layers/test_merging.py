"""Add and Concatenate."""

import jax.numpy as jnp
import numpy as np
import pytest

from liuli.core.errors import ShapeError, SpecError
from liuli.layers import Add, Concatenate
from tests.layers.calling import KEY, call, shape

A, B = np.arange(12.0).reshape(2, 2, 3), np.ones((2, 2, 3))
PAIR = jnp.asarray(A), jnp.asarray(B)
FIRST, SECOND = jnp.array([[True, False], [True, True]]), jnp.array([[True, True], [False, True]])


def test_add():
    assert call(Add(), (*PAIR, PAIR[1])).tolist() == (A + 2).tolist()


@pytest.mark.parametrize("axis", [1, 2, -1, -2])
def test_concatenate(axis):
    assert call(Concatenate(axis), PAIR).tolist() == np.concatenate([A, B], axis).tolist()


def test_add_broadcasts_nothing():
    with pytest.raises(ShapeError, match=r"got inputs of shapes \(batch, 3\) and \(batch, 1\); expected equal shapes"):
        Add().init(KEY, (shape(2, 3), shape(2, 1)))


@pytest.mark.parametrize("other", [(2, 3, 4), (2, 5)])
def test_concatenate_needs_the_other_axes_equal(other):
    with pytest.raises(ShapeError, match=r"\(batch, 2, 4\) and \(batch, .*agree but for axis 2"):
        Concatenate().init(KEY, (shape(2, 2, 4), shape(*other)))
    Concatenate().init(KEY, (shape(2, 2, 4), shape(2, 2, 5)))


@pytest.mark.parametrize("axis", [2, -2, 5, -5])
def test_concatenate_needs_the_axis(axis):
    with pytest.raises(ShapeError, match=f"got axis={axis} for inputs"):
        Concatenate(axis).init(KEY, (shape(2, 3), shape(2, 3)))


def test_batches_are_not_concatenated():
    with pytest.raises(SpecError, match="the batch"):
        Concatenate(0)


@pytest.mark.parametrize("layer", [Add(), Concatenate()])
def test_one_input_is_not_several(layer):
    with pytest.raises(ShapeError, match="two or more"):
        layer.init(KEY, shape(2, 3))


@pytest.mark.parametrize("layer", [Add(), Concatenate()])
def test_a_step_counts_where_it_does_in_every_input(layer):
    assert layer.output_mask(PAIR, (FIRST, SECOND)).tolist() == [[True, False], [False, True]]
    assert layer.output_mask(PAIR, (None, SECOND)).tolist() == SECOND.tolist()
    assert layer.output_mask(PAIR, (None, None)) is None
    assert layer.output_mask(PAIR, None) is None


@pytest.mark.parametrize("axis", [1, -2])
def test_masks_follow_sequences_that_are_joined_in_time(axis):
    layer = Concatenate(axis)
    assert layer.output_mask(PAIR, (FIRST, SECOND)).tolist() == np.concatenate([FIRST, SECOND], 1).tolist()
    whole = np.ones((2, 2), bool)
    assert layer.output_mask(PAIR, (None, SECOND)).tolist() == np.concatenate([whole, SECOND], 1).tolist()
    assert layer.output_mask(PAIR, (None, None)) is None
