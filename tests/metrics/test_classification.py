"""Metrics of classifiers: what "accuracy" becomes, edges that the oracle does not have, and errors."""

import jax
import jax.numpy as jnp
import pytest

from liuli import losses, metrics
from liuli.core.dials import with_dials
from liuli.core.errors import ShapeError, SpecError
from liuli.core.specs import named

CATEGORICAL, SPARSE = losses.CategoricalCrossentropy(), losses.SparseCategoricalCrossentropy()
BINARY = losses.BinaryCrossentropy()
ON_LOGITS = BINARY.replace(from_logits=True)


@pytest.mark.parametrize(
    ("loss", "want"),
    [
        (CATEGORICAL, metrics.CategoricalAccuracy(name="accuracy")),
        (CATEGORICAL.replace(from_logits=True), metrics.CategoricalAccuracy(name="accuracy")),
        (SPARSE, metrics.CategoricalAccuracy(name="accuracy")),
        (BINARY, metrics.BinaryAccuracy(0.5, name="accuracy")),
        (ON_LOGITS, metrics.BinaryAccuracy(0.0, name="accuracy")),
    ],
    ids=repr,
)
def test_what_accuracy_means(loss, want):
    for word in ("accuracy", "acc", "Accuracy"):
        found = metrics.resolve(named("metrics", word), loss)
        assert found == want
        assert found.label == "accuracy"
    assert metrics.resolve(metrics.Accuracy(name="hits"), loss).label == "hits"


@pytest.mark.parametrize("loss", [losses.MeanSquaredError(), losses.MeanAbsoluteError(), losses.Huber()], ids=repr)
def test_a_regression_has_no_accuracy(loss):
    with pytest.raises(SpecError) as raised:
        metrics.resolve(metrics.Accuracy(), loss)
    assert type(loss).__name__ in raised.value.got
    assert "mae" in raised.value.fix


def test_other_metrics_stay_as_they_are():
    for metric in (metrics.CategoricalAccuracy(), metrics.MeanSquaredError(), metrics.BinaryAccuracy(0.3)):
        assert metrics.resolve(metric, BINARY) == metric
    assert metrics.resolve(metrics.AUC(), BINARY) == metrics.AUC()
    assert metrics.resolve(metrics.Precision(), CATEGORICAL) == metrics.Precision()


def test_beside_a_binary_loss_each_column_is_a_question():
    assert metrics.resolve(metrics.Recall(), BINARY) == metrics.Recall(threshold=0.5)
    assert metrics.resolve(metrics.Recall(), ON_LOGITS) == metrics.Recall(threshold=0.0)
    assert metrics.resolve(metrics.Recall(threshold=0.2), BINARY) == metrics.Recall(threshold=0.2)


def test_no_area_under_logits():
    with pytest.raises(SpecError, match="predictions between 0 and 1"):
        metrics.resolve(metrics.AUC(), ON_LOGITS)


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
    with pytest.raises(ShapeError, match="one column"):
        metrics.AUC()(jnp.zeros((4, 3)), p)


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


def test_area_without_one_of_the_classes_is_nan():
    assert jnp.isnan(metrics.AUC()(jnp.ones(3), jnp.array([0.1, 0.5, 0.9])))


def test_the_threshold_is_a_dial():
    y, p = jnp.array([1.0, 1.0, 0.0]), jnp.array([0.9, 0.4, 0.2])
    for metric in (metrics.BinaryAccuracy(), metrics.Recall(threshold=0.5)):
        of = jax.jit(lambda values, metric=metric: with_dials(metric, values)(y, p))
        assert [round(float(of({"threshold": t})), 3) for t in (0.3, 0.95)] == [
            1.0,
            0.333 if metric.label[0] == "b" else 0,
        ]
        assert of._cache_size() == 1
