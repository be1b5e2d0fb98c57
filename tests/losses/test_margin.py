"""Margins and angles: which targets they take, and what they say of others."""

import jax.numpy as jnp
import numpy as np
import pytest

from liuli import losses
from liuli.core.errors import DataError, ShapeError


@pytest.mark.parametrize("loss", [losses.Hinge(), losses.SquaredHinge()])
def test_targets_are_signs_or_bits_but_not_both(loss):
    for y in ([1.0, 0.0], [1.0, -1.0], [1.0, 1.0], [0.0, 0.0]):
        loss.validate_targets(np.array(y), (2,))
    for y, row in (([1.0, 2.0], 1), ([0.0, -1.0], 0), ([1.0, 0.5], 1)):
        with pytest.raises(DataError, match=f"row {row}"):
            loss.validate_targets(np.array(y), (2,))


def test_categorical_hinge_takes_labels_in_range():
    loss = losses.CategoricalHinge()
    loss.validate_targets(np.array([0, 2]), (2, 3))
    loss.validate_targets(np.eye(3), (3, 3))
    with pytest.raises(DataError, match="labels from 0 to 2"):
        loss.validate_targets(np.array([0, 3]), (2, 3))
    with pytest.raises(DataError, match="whose sum is 1"):
        loss.validate_targets(np.ones((2, 3)), (2, 3))
    with pytest.raises(ShapeError):
        loss(jnp.zeros((2, 2)), jnp.zeros((2, 3)))


def test_cosine_of_directions():
    y = jnp.array([[1.0, 1.0]])
    found = [float(losses.CosineSimilarity()(y, jnp.array([p]))) for p in ([5.0, 5.0], [1.0, -1.0], [-2.0, -2.0])]
    np.testing.assert_allclose(found, [-1, 0, 1], atol=1e-6)
    assert losses.CosineSimilarity().per_sample(jnp.array([2.0, -2.0]), jnp.array([3.0, 3.0])).tolist() == [-1.0, 1.0]


def test_scores_come_in_pairs():
    loss = losses.MarginRanking()
    loss.validate_targets(np.array([1.0, 0.0]), (2, 2))
    for y, z in (((2, 2), (2, 2)), ((2,), (2, 3)), ((2,), (2,)), ((3,), (2, 2))):
        with pytest.raises(ShapeError, match="two scores"):
            loss(jnp.zeros(y), jnp.zeros(z))
    with pytest.raises(DataError, match="row 1"):
        loss.validate_targets(np.array([1.0, 2.0]), (2, 2))


def test_a_soft_margin_is_the_cross_entropy_of_its_logits():
    y, z = jnp.array([[1.0, 0.0], [0.0, 1.0]]), jnp.array([[2.0, -300.0], [0.5, -300.0]])
    want = losses.BinaryCrossentropy(from_logits=True)(y, z)
    np.testing.assert_allclose(losses.SoftMargin()(y, z), want, rtol=1e-6)
    np.testing.assert_allclose(losses.SoftMargin()(2 * y - 1, z), want, rtol=1e-6)


def test_embeddings_that_are_alike_are_pulled_together():
    y, d = jnp.array([[1.0], [-1.0], [0.0]]), jnp.array([[2.0], [0.25], [2.0]])
    assert losses.HingeEmbedding().per_sample(y, d).tolist() == [2.0, 0.75, 0.0]
