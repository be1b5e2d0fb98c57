"""Negative log likelihoods: the shape of predictions, and their dials."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from liuli import activations, losses
from liuli.core.dials import with_dials
from liuli.core.errors import DataError, ShapeError
from liuli.core.specs import named

BOTH = [losses.GaussianNegativeLogLikelihood(), losses.LaplaceNegativeLogLikelihood()]


@pytest.mark.parametrize("loss", BOTH)
def test_predictions_are_twice_as_wide_as_targets(loss):
    loss.validate_targets(np.zeros((4, 3)), (4, 6))
    for y, p in (((4, 3), (4, 3)), ((4,), (4, 2)), ((4,), (8,)), ((2, 3), (4, 6))):
        with pytest.raises(ShapeError, match=r"layers\.Dense"):
            loss(jnp.zeros(y), jnp.zeros(p))


def test_with_a_fixed_width_shapes_are_equal():
    loss = losses.GaussianNegativeLogLikelihood(variance=1.0)
    loss.validate_targets(np.zeros((4, 3)), (4, 3))
    with pytest.raises(ShapeError):
        loss(jnp.zeros((4, 3)), jnp.zeros((4, 6)))


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float32])
def test_a_width_may_be_traced(dtype):
    @jax.jit
    def loss(values):
        return with_dials(losses.LaplaceNegativeLogLikelihood(1.0), values)(jnp.zeros(1, dtype), jnp.ones(1, dtype))

    for scale in (0.5, 2.0):
        value = loss({"scale": scale})
        assert value.dtype == dtype
        np.testing.assert_allclose(value.astype(float), 1 / scale + np.log(2 * scale), rtol=0.02)


def test_divergence_is_matched_with_softmax():
    assert named("losses", "kld") == losses.KLDivergence()
    assert losses.KLDivergence.matched is activations.Softmax
    assert float(losses.KLDivergence()(jnp.array([[0.0, 1.0]]), jnp.array([[0.0, 1.0]]))) == pytest.approx(0, abs=1e-6)
    with pytest.raises(DataError, match="whose sum is 1"):
        losses.KLDivergence().validate_targets(np.ones((2, 3)), (2, 3))


@pytest.mark.parametrize("loss", [losses.Poisson(), losses.MeanSquaredLogarithmicError()])
def test_counts_are_not_negative(loss):
    loss.validate_targets(np.array([0.0, 3.0]), (2,))
    with pytest.raises(DataError, match=r"target -1\.0 in row 1"):
        loss.validate_targets(np.array([0.0, -1.0]), (2,))
