"""Metrics on values: short names, several outputs, targets that do not vary."""

import jax.numpy as jnp
import pytest

from liuli import metrics
from liuli.core.specs import named


@pytest.mark.parametrize(
    ("short", "label"),
    [
        ("mse", "mean_squared_error"),
        ("mae", "mean_absolute_error"),
        ("rmse", "root_mean_squared_error"),
        ("r2", "r2_score"),
    ],
)
def test_short_names(short, label):
    assert named("metrics", short).label == label


def test_r2_is_the_mean_over_outputs():
    y = jnp.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])
    p = jnp.array([[1.0, 20.0], [2.0, 20.0], [2.0, 20.0]])
    assert float(metrics.R2Score()(y, p)) == pytest.approx((0.5 + 0.0) / 2)
    assert metrics.R2Score().measure(y, p, jnp.ones(3)).shape == (4, 2)


def test_r2_of_sequences_takes_time_steps_for_samples():
    y, p = jnp.array([[[1.0], [2.0]], [[3.0], [4.0]]]), jnp.array([[[1.0], [2.0]], [[3.0], [5.0]]])
    assert float(metrics.R2Score()(y, p)) == pytest.approx(1 - 1 / 5)
    assert float(metrics.R2Score()(y, p, jnp.array([1.0, 0.0]))) == 1.0


def test_r2_worse_than_the_mean_is_negative():
    assert float(metrics.R2Score()(jnp.array([1.0, 2.0]), jnp.array([2.0, 1.0]))) == pytest.approx(-3.0)


@pytest.mark.parametrize("value", [0.1, 1e6])
def test_a_constant_is_seen_through_rounding(value):
    y = jnp.full(1000, value)
    assert float(metrics.R2Score()(y, y)) == 1.0
    assert float(metrics.R2Score()(y, y + 1.0)) == 0.0
