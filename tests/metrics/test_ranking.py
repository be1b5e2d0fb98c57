"""Rankings, perplexity and calibration: their ends."""

import jax.numpy as jnp
import numpy as np
import pytest

from liuli import metrics
from liuli.core.errors import ShapeError

S = jnp.array([[0.9, 0.5, 0.1], [0.1, 0.5, 0.9]])


def test_the_first_relevant_item():
    y = jnp.array([[0, 1, 1], [0, 0, 0]])
    assert float(metrics.MeanReciprocalRank()(y, S)) == 0.25
    assert [float(metrics.HitRate(k)(y, S)) for k in (1, 2, 3)] == [0.0, 0.5, 0.5]
    assert [float(metrics.HitRate(k)(jnp.array([1, 1]), S)) for k in (1, 2)] == [0.0, 1.0]


def test_gains():
    y = jnp.array([[0.0, 3.0, 1.0]])
    best, found = 3 + 1 / np.log2(3), 3 / np.log2(3) + 1 / np.log2(4)
    np.testing.assert_allclose(metrics.NDCG()(y, S[:1]), found / best, rtol=1e-6)
    best, found = 7 + 1 / np.log2(3), 7 / np.log2(3) + 1 / np.log2(4)
    np.testing.assert_allclose(metrics.NDCG(gain="exponential")(y, S[:1]), found / best, rtol=1e-6)
    assert float(metrics.NDCG(1)(y, S[:1])) == 0.0
    assert float(metrics.NDCG(k=10)(y, y)) == pytest.approx(1.0)
    assert float(metrics.NDCG()(jnp.zeros((1, 3)), S[:1])) == 0.0


def test_items_have_relevances_or_one_label():
    with pytest.raises(ShapeError):
        metrics.NDCG()(jnp.zeros((2, 2)), S)
    assert float(metrics.NDCG()(jnp.array([0, 2]), S)) == pytest.approx(1.0)


def test_perplexity_counts_labels_not_samples():
    p = jnp.array([[[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]], [[0.25, 0.25, 0.5], [0.5, 0.25, 0.25]]])
    y = jnp.array([[1, 1], [2, 0]])
    assert float(metrics.Perplexity()(y, p)) == pytest.approx(2 ** (5 / 4))
    assert float(metrics.Perplexity(ignore_class=0)(y, p)) == pytest.approx(2 ** (4 / 3))
    assert float(metrics.Perplexity()(y, jnp.full((2, 2, 3), 1 / 3))) == pytest.approx(3.0)


def test_calibration_of_classes_and_of_a_yes():
    y, p = jnp.array([1.0, 0.0, 0.0, 0.0]), jnp.array([0.25, 0.25, 0.25, 0.25])
    assert float(metrics.ExpectedCalibrationError()(y, p)) == 0.0
    assert float(metrics.ExpectedCalibrationError()(y[:, None], p[:, None])) == 0.0
    classes = jnp.stack([1 - p, p], axis=1)
    assert float(metrics.ExpectedCalibrationError()(y.astype(int), classes)) == 0.0
    assert float(metrics.ExpectedCalibrationError()(1 - y.astype(int), classes)) == pytest.approx(0.5)


def test_a_brier_score_of_two_classes_is_twice_that_of_the_yes():
    y, p = jnp.array([1, 0, 0]), jnp.array([0.3, 0.2, 0.9])
    column = metrics.BrierScore()(y.astype(float), p)
    np.testing.assert_allclose(metrics.BrierScore()(y, jnp.stack([1 - p, p], axis=1)), 2 * column, rtol=1e-6)
