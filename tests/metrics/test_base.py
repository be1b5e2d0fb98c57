"""What metrics are made of: rows and their weights, names in the history, masks."""

import jax.numpy as jnp
import pytest

from liuli import metrics
from liuli.core.errors import ShapeError
from liuli.metrics.base import as_rows, row_weights


def test_rows():
    assert as_rows(jnp.zeros(4)).shape == (4, 1)
    assert as_rows(jnp.zeros((4, 3))).shape == (4, 3)
    assert as_rows(jnp.zeros((4, 5, 3))).shape == (20, 3)
    assert row_weights(jnp.array([1.0, 2.0]), jnp.zeros((4, 3))).tolist() == [[1.0], [1.0], [2.0], [2.0]]
    assert metrics.Metric().name is None


def test_every_step_that_counts_is_a_sample():
    y, p = jnp.array([[0, 1, 0], [1, 0, 0]]), jnp.array([[[0.9, 0.1]] * 3, [[0.9, 0.1]] * 3])
    mask = jnp.array([[True, True, True], [True, False, False]])
    assert float(metrics.CategoricalAccuracy()(y, p, mask=mask)) == 0.5
    assert float(metrics.CategoricalAccuracy()(y, p, jnp.array([1.0, 5.0]), mask)) == 0.25


def test_a_mask_that_does_not_fit():
    with pytest.raises(ShapeError, match=r"mask of shape \(2, 4\)"):
        metrics.MeanSquaredError()(jnp.zeros((2, 3)), jnp.zeros((2, 3)), mask=jnp.ones((2, 4), bool))
