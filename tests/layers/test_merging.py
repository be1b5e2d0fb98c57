"""Layers that make one value of several."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from liuli.core.errors import LiuliError, ShapeError, SpecError
from liuli.layers import Add, Average, Concatenate, Dot, Maximum, Minimum, Multiply, Subtract
from tests.layers.calling import KEY, call, shape

A, B = np.arange(12.0).reshape(2, 2, 3), np.ones((2, 2, 3))
PAIR = jnp.asarray(A), jnp.asarray(B)
FIRST, SECOND = jnp.array([[True, False], [True, True]]), jnp.array([[True, True], [False, True]])


ELEMENTWISE = [Add(), Average(), Maximum(), Minimum(), Multiply(), Subtract()]


def test_add():
    assert call(Add(), (*PAIR, PAIR[1])).tolist() == (A + 2).tolist()


@pytest.mark.parametrize(
    ("layer", "expected"),
    [(Average(), (A + 6) / 3), (Maximum(), np.maximum(A, 5)), (Minimum(), np.minimum(A, 1)), (Multiply(), A * 5)],
)
def test_three_element_by_element(layer, expected):
    np.testing.assert_allclose(call(layer, (*PAIR, 5 * PAIR[1])), expected, rtol=1e-6)


def test_subtract_takes_two():
    assert call(Subtract(), PAIR).tolist() == (A - 1).tolist()
    for several in ((shape(2, 3),) * 3, (shape(2, 3),), shape(2, 3)):
        with pytest.raises(ShapeError, match="expected two"):
            Subtract().init(KEY, several)


@pytest.mark.parametrize("axis", [1, 2, -1, -2])
def test_concatenate(axis):
    assert call(Concatenate(axis), PAIR).tolist() == np.concatenate([A, B], axis).tolist()


@pytest.mark.parametrize("layer", ELEMENTWISE)
def test_nothing_is_broadcast(layer):
    with pytest.raises(ShapeError, match=r"got inputs of shapes \(batch, 3\) and \(batch, 1\); expected equal shapes"):
        layer.init(KEY, (shape(2, 3), shape(2, 1)))


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


@pytest.mark.parametrize("layer", [Add(), Average(), Concatenate(), Maximum(), Minimum(), Multiply()])
def test_one_input_is_not_several(layer):
    with pytest.raises(ShapeError, match="two or more"):
        layer.init(KEY, shape(2, 3))


@pytest.mark.parametrize("layer", [*ELEMENTWISE, Concatenate()])
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


def test_dot_of_vectors_is_one_number():
    x, y = jnp.array([[3.0, 4.0], [1.0, 0.0]]), jnp.array([[4.0, 3.0], [0.0, 2.0]])
    assert call(Dot(1), (x, y)).tolist() == [[24.0], [0.0]]
    np.testing.assert_allclose(call(Dot(-1, normalize=True), (x, y)), [[24 / 25], [0.0]], rtol=1e-6)


@pytest.mark.parametrize(("axes", "sums"), [(2, "bti,bsi->bts"), (1, "bti,btj->bij"), ((1, 2), "bti,bst->bis")])
def test_dot_along_axes(axes, sums):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 3, 3)), rng.normal(size=(2, 3, 3))
    got = call(Dot(axes), (jnp.asarray(x, float), jnp.asarray(y, float)))
    np.testing.assert_allclose(got, np.einsum(sums, x, y), rtol=1e-5)


def test_dot_with_zeros_has_a_finite_gradient():
    zero = jnp.zeros((2, 3))
    gradient = jax.grad(lambda x: call(Dot(-1, normalize=True), (x, zero + 1.0)).sum())(zero)
    assert gradient.tolist() == zero.tolist()


@pytest.mark.parametrize("axes", [0, 3, (1, 0), (-4, 1)])
def test_dot_needs_the_axes(axes):
    with pytest.raises(ShapeError, match="expected axes from 1 to 2"):
        Dot(axes).init(KEY, (shape(2, 3, 4), shape(2, 3, 4)))


def test_dot_needs_one_size():
    with pytest.raises(ShapeError, match=r"got inputs of shapes .* expected one size along axis 2 and axis 1"):
        Dot((2, 1)).init(KEY, (shape(2, 3, 4), shape(2, 3, 4)))
    with pytest.raises(ShapeError, match="got 3 inputs; expected two"):
        Dot(1).init(KEY, (shape(2, 3),) * 3)


def test_dot_loses_no_mask_silently():
    assert Dot(2).output_mask(PAIR, (None, None)) is None
    with pytest.raises(LiuliError, match="cannot pass Dot"):
        Dot(2).output_mask(PAIR, (None, SECOND))
