"""Losses on values: their conventions, against the numbers that the formulas give by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from liuli import losses
from liuli.core.dials import with_dials
from liuli.core.specs import named


@pytest.mark.parametrize(
    ("loss", "r", "want"),
    [
        (losses.MeanSquaredError(), 3.0, 9.0),
        (losses.MeanSquaredError(factor=0.5), 3.0, 4.5),
        (losses.MeanAbsoluteError(), -3.0, 3.0),
        (losses.Huber(), 0.5, 0.125),
        (losses.Huber(), -3.0, 2.5),
        (losses.Huber(2.0), 3.0, 4.0),
        (losses.Huber(0.0), 3.0, 0.0),
    ],
)
def test_one_residual(loss, r, want):
    assert float(loss(jnp.array([1.0]), jnp.array([1.0 + r]))) == want


@pytest.mark.parametrize(("name", "loss"), [("mse", losses.MeanSquaredError()), ("mae", losses.MeanAbsoluteError())])
def test_short_names(name, loss):
    assert named("losses", name) == loss


def test_the_mean_is_over_features_and_samples():
    y, p = jnp.zeros((2, 3)), jnp.array([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])
    assert losses.MeanAbsoluteError().per_sample(y, p).tolist() == [2.0, 0.0]
    assert float(losses.MeanAbsoluteError()(y, p)) == 1.0


def test_huber_is_smooth_where_its_pieces_meet():
    slope = jax.vmap(jax.grad(lambda r: losses.Huber(2.0)(jnp.zeros(1), r[None])))
    np.testing.assert_allclose(slope(jnp.array([-5.0, -2.0, -1.0, 0.0, 1.0, 2.0, 5.0])), [-2, -2, -1, 0, 1, 2, 2])


def test_dials_may_be_traced():
    traces = []

    @jax.jit
    def loss(values):
        traces.append(values)
        return with_dials(losses.Huber(), values)(jnp.zeros(1), jnp.array([3.0]))

    assert [float(loss({"delta": delta})) for delta in (1.0, 2.0)] == [2.5, 4.0]
    assert len(traces) == 1


def test_a_quantile_has_its_share_of_targets_below():
    y = jnp.arange(10.0)
    slope = jax.vmap(jax.grad(lambda p: losses.Quantile(0.8)(y, jnp.full(10, p))))
    np.testing.assert_allclose(slope(jnp.array([0.5, 7.5, 9.5])), [-0.7, 0.0, 0.2], atol=1e-6)
    assert float(losses.Quantile()(y, y + 3)) == 1.5
    assert named("losses", "pinball") == losses.Quantile()
