"""Losses of pairs: anchors without others, what they take, gradients where distances are zero."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from liuli import losses
from liuli.core.errors import ShapeError
from liuli.core.specs import named

ALL = [
    losses.Circle(),
    losses.Circle(remove_diagonal=False),
    losses.Contrastive(),
    losses.InfoNCE(),
    losses.TripletMargin(),
    losses.TripletMargin(mining="hard"),
    losses.TripletMargin(mining="all", squared=True),
]
X = jnp.asarray(np.random.default_rng(0).normal(size=(5, 3)), float)


@pytest.mark.parametrize("loss", ALL, ids=repr)
@pytest.mark.parametrize("y", [[0, 0, 0, 0, 0], [0, 1, 2, 3, 4], [0, 0, 1, 2, 3]])
def test_anchors_without_others_cost_nothing_and_are_no_nan(loss, y):
    y = jnp.array(y)
    value, slope = jax.value_and_grad(lambda x: loss(y, x))(X)
    assert np.isfinite(value)
    assert np.isfinite(slope).all()
    if not isinstance(loss, losses.Contrastive | losses.InfoNCE) and len(set(y.tolist())) in (1, 5):
        assert float(value) == 0.0 or loss == losses.Circle(remove_diagonal=False)
    assert np.isfinite(loss(y[:1], X[:1]))


@pytest.mark.parametrize("loss", ALL, ids=repr)
def test_equal_and_empty_embeddings_have_a_gradient(loss):
    y = jnp.array([0, 0, 1, 1, 0])
    for x in (jnp.zeros((5, 3)), jnp.ones((5, 3)), X.at[1].set(X[0])):
        assert np.isfinite(jax.grad(lambda x: loss(y, x))(x)).all()


@pytest.mark.parametrize("loss", ALL, ids=repr)
def test_targets_are_labels(loss):
    for y, fix in ((jnp.zeros(5), "y.astype"), (jnp.zeros((5, 1), int), "one label"), (jnp.zeros(4, int), "one label")):
        with pytest.raises(ShapeError, match=fix):
            loss(y, X)


@pytest.mark.parametrize("loss", ALL, ids=repr)
def test_alike_together_is_better_than_apart(loss):
    y = jnp.array([0, 0, 1, 1])
    good = jnp.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.9]])
    assert float(loss(y, good)) < float(loss(y[jnp.array([0, 2, 1, 3])], good))


def test_names():
    assert named("losses", "nt_xent") == named("losses", "info_nce") == losses.InfoNCE()
    assert named("losses", "triplet") == losses.TripletMargin()
