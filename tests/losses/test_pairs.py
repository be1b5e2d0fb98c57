"""Losses of pairs: anchors without others, what they take, gradients where distances are zero."""

import functools

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
    value, slope, alone = compiled(loss)(np.array(y), X)
    assert np.isfinite(value)
    assert np.isfinite(slope).all()
    if not isinstance(loss, losses.Contrastive | losses.InfoNCE) and len(set(y)) in (1, 5):
        assert float(value) == 0.0 or loss == losses.Circle(remove_diagonal=False)
    assert np.isfinite(alone)


@functools.cache
def compiled(loss):
    """The loss, its gradient, and the loss of the first sample alone."""

    def run(y, x):
        return *jax.value_and_grad(loss, 1)(y, x), loss(y[:1], x[:1])

    return jax.jit(run)


@pytest.mark.parametrize("loss", ALL, ids=repr)
def test_equal_and_empty_embeddings_have_a_gradient(loss):
    y = np.array([0, 0, 1, 1, 0])
    for x in (jnp.zeros((5, 3)), jnp.ones((5, 3)), X.at[1].set(X[0])):
        assert np.isfinite(compiled(loss)(y, x)[1]).all()


@pytest.mark.parametrize("loss", ALL, ids=repr)
def test_targets_are_labels(loss):
    for y, fix in ((jnp.zeros(5), "y.astype"), (jnp.zeros((5, 1), int), "one label"), (jnp.zeros(4, int), "one label")):
        with pytest.raises(ShapeError, match=fix):
            loss(y, X)


@pytest.mark.parametrize("loss", ALL, ids=repr)
def test_alike_together_is_better_than_apart(loss):
    y = np.array([0, 0, 1, 1])
    good = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.9]], np.float32)
    run = jax.jit(loss)
    assert float(run(y, good)) < float(run(y[[0, 2, 1, 3]], good))


def test_names():
    assert named("losses", "nt_xent") == named("losses", "info_nce") == losses.InfoNCE()
    assert named("losses", "triplet") == losses.TripletMargin()
