"""Accuracies and what is counted: edges that the oracle does not have, and errors."""

import jax
import jax.numpy as jnp
import pytest

from liuli import metrics
from liuli.core.dials import with_dials
from liuli.core.errors import ShapeError


def test_names_in_history():
    assert metrics.TopKCategoricalAccuracy(3).label == "top_k_categorical_accuracy"
    assert metrics.F1Score().label == "f1_score"
    assert metrics.AUC().label == "auc"
    assert metrics.CategoricalAccuracy().label == "categorical_accuracy"


def test_sequences():
    y, p = jnp.array([[0, 1], [1, 1]]), jnp.array([[[0.9, 0.1], [0.9, 0.1]], [[0.2, 0.8], [0.3, 0.7]]])
    assert float(metrics.CategoricalAccuracy()(y, p)) == 0.75
    assert float(metrics.CategoricalAccuracy()(y, p, jnp.array([1.0, 3.0]))) == 0.875
    assert metrics.Recall()(y, p) == pytest.approx((1 + 2 / 3) / 2)


def test_targets_that_do_not_fit():
    p = jnp.full((4, 3), 1 / 3)
    for metric in (metrics.CategoricalAccuracy(), metrics.TopKCategoricalAccuracy(), metrics.F1Score()):
        with pytest.raises(ShapeError, match=r"y.astype\(int\)"):
            metric(jnp.zeros(4), p)
    with pytest.raises(ShapeError, match=r"y\[:, None\]"):
        metrics.BinaryAccuracy()(jnp.zeros(4), p[:, :1])


def test_a_nan_is_never_a_hit():
    p = jnp.array([[jnp.nan, 0.5, 0.5]])
    assert float(metrics.TopKCategoricalAccuracy(1)(jnp.array([0]), p)) == 0.0
    assert float(metrics.TopKCategoricalAccuracy(1)(jnp.array([1]), p)) == 0.0
    assert float(metrics.TopKCategoricalAccuracy(1)(jnp.array([0]), jnp.full((1, 3), jnp.nan))) == 0.0


def test_ties_count_as_hits():
    assert float(metrics.TopKCategoricalAccuracy(1)(jnp.array([2]), jnp.full((1, 3), 1 / 3))) == 1.0


@pytest.mark.parametrize("metric", [metrics.Precision(), metrics.Recall(), metrics.F1Score()], ids=repr)
def test_nothing_to_divide_by_is_zero(metric):
    assert float(metric(jnp.zeros(3), jnp.zeros(3))) == 0.0


def test_the_threshold_is_a_dial():
    y, p = jnp.array([1.0, 1.0, 0.0]), jnp.array([0.9, 0.4, 0.2])
    for metric in (metrics.BinaryAccuracy(), metrics.Recall(threshold=0.5)):
        traces = []
        of = jax.jit(lambda values, metric=metric, seen=traces: seen.append(values) or with_dials(metric, values)(y, p))
        assert [round(float(of({"threshold": t})), 3) for t in (0.3, 0.95)] == [
            1.0,
            0.333 if metric.label[0] == "b" else 0,
        ]
        assert len(traces) == 1
