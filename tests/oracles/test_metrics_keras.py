"""Metrics against Keras: counts, overlaps, curves and their rates, over batches and with weights."""

import contextlib
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liuli import metrics
from tests.oracles.keras_oracle import keras

pytestmark = pytest.mark.oracle

N, CLASSES = 60, 4
seeds = given(seed=st.integers(0, 2**32 - 1))
few = settings(max_examples=10)


def keras_rules():
    """Keras mixes dtypes; what is ours is measured under the strict rule."""
    rules = contextlib.ExitStack()
    rules.enter_context(jax.numpy_dtype_promotion("standard"))
    rules.enter_context(jax.numpy_rank_promotion("allow"))
    return rules


@functools.cache
def measured(metric):
    """What the metric makes of a batch, compiled once for all examples."""
    return jax.jit(metric.measure)


def agrees(metric, theirs, y, p, weight=None, tolerance=1e-5, their_y=None):
    """The metric from the sums of two batches is what Keras finds after both."""
    weight = np.ones(len(y)) if weight is None else weight
    parts = (slice(0, N // 2), slice(N // 2, None))
    kind = "int32" if "int" in str(theirs.dtype) else "float32"  # of what Keras counts in
    with keras_rules():
        for part in parts:
            their_part = (y if their_y is None else their_y)[part]
            theirs.update_state(their_part, p[part], sample_weight=weight[part].astype(kind))
        want = np.asarray(theirs.result())
    given = y, p.astype("float32"), weight.astype("float32")
    first, second = (measured(metric)(*(a[part] for a in given)) for part in parts)
    np.testing.assert_allclose(metric.result(first + second), want, rtol=tolerance, atol=tolerance)


def yes_or_no(seed, shape=(N,)):
    rng = np.random.default_rng(seed)
    y = (rng.random(shape) < 0.4).astype("float32")
    grid = rng.integers(0, 199, shape) + 0.5  # between the thresholds, where rounding does not decide
    p = np.clip(np.floor(0.6 * grid + 60 * y) + 0.5, 0.5, 198.5) / 199
    return y, p.astype("float32"), rng.integers(0, 4, N).astype(float)


def classes(seed):
    rng = np.random.default_rng(seed)
    y = np.minimum(rng.integers(0, CLASSES, N), rng.integers(0, CLASSES, N))
    p = rng.dirichlet(np.ones(CLASSES), N) + 0.4 * np.eye(CLASSES)[y]
    return y, (p / p.sum(1, keepdims=True)).astype("float32"), rng.integers(0, 4, N).astype(float)


@few
@seeds
def test_counts(seed):
    for threshold in (0.25, 0.5):
        y, p, weight = yes_or_no(seed)
        for name in ("TruePositives", "TrueNegatives", "FalsePositives", "FalseNegatives"):
            agrees(getattr(metrics, name)(threshold), getattr(keras.metrics, name)(threshold), y, p, weight)


@few
@seeds
def test_precision_and_recall(seed):
    hot, p, weight = yes_or_no(seed, (N, CLASSES))
    for name in ("Precision", "Recall"):
        mine, theirs = getattr(metrics, name), getattr(keras.metrics, name)
        agrees(mine(0.3, average="micro"), theirs(0.3), hot, p, weight)
        agrees(mine(0.3, class_id=2), theirs(0.3, class_id=2), hot, p, weight)
    y, p, weight = classes(seed)
    for name in ("Precision", "Recall"):
        mine, theirs = getattr(metrics, name), getattr(keras.metrics, name)
        hot = np.eye(CLASSES)[y]
        agrees(mine(top_k=2, average="micro"), theirs(top_k=2), y, p, weight, their_y=hot)
        agrees(mine(top_k=2, class_id=1), theirs(top_k=2, class_id=1), hot, p, weight)
        agrees(mine(0.4, top_k=2, average="micro"), theirs(0.4, top_k=2), hot, p, weight)


@few
@seeds
def test_f_scores(seed):
    y, p, weight = classes(seed)
    hot = np.eye(CLASSES, dtype="float32")[y]
    for average in ("macro", "micro", "weighted"):
        agrees(metrics.F1Score(average=average), keras.metrics.F1Score(average=average), y, p, weight, their_y=hot)
        theirs = keras.metrics.FBetaScore(average=average, beta=2.0, threshold=0.3)
        agrees(metrics.FBetaScore(0.3, beta=2.0, average=average), theirs, hot, p, weight)


@pytest.mark.filterwarnings("ignore:Explicitly requested dtype int64:UserWarning")  # by Keras, for a class to ignore
@few
@seeds
def test_overlaps(seed):
    y, p, weight = classes(seed)
    hot = np.eye(CLASSES)[y]
    for ids in ((0,), (1, 3)):
        theirs = keras.metrics.IoU(CLASSES, ids, sparse_y_pred=False)
        agrees(metrics.IoU(target_class_ids=ids), theirs, y, p, weight)
        agrees(metrics.IoU(target_class_ids=ids), keras.metrics.OneHotIoU(CLASSES, ids), hot, p, weight)
        theirs = keras.metrics.IoU(CLASSES, ids, sparse_y_pred=False, ignore_class=2)
        agrees(metrics.IoU(target_class_ids=ids, ignore_class=2), theirs, y, p, weight)
    agrees(metrics.MeanIoU(), keras.metrics.MeanIoU(CLASSES, sparse_y_pred=False), y, p, weight)
    agrees(metrics.MeanIoU(), keras.metrics.OneHotMeanIoU(CLASSES), hot, p, weight)
    y, p, weight = yes_or_no(seed, (N, 3))
    for ids in ((0,), (1,), (0, 1)):
        theirs = keras.metrics.BinaryIoU(ids, 0.4)
        with keras_rules():
            theirs.update_state(y, p, sample_weight=np.repeat(weight[:, None], 3, 1).astype("int32"))
            want = np.asarray(theirs.result())
        found = metrics.BinaryIoU(0.4, target_class_ids=ids)(*map(jnp.asarray, (y, p, weight)))
        np.testing.assert_allclose(found, want, rtol=1e-5)


@few
@seeds
def test_areas(seed):
    y, p, weight = yes_or_no(seed)
    y[:2], weight[:2] = (0, 1), 1
    for curve in ("ROC", "PR"):
        for summation in ("interpolation", "minoring", "majoring"):
            mine = metrics.AUC(curve=curve, summation_method=summation)
            theirs = keras.metrics.AUC(curve=curve, summation_method=summation)
            agrees(mine, theirs, y, p, weight)
    y, p, weight = yes_or_no(seed, (N, 3))
    y[:2], weight[:2] = [[0], [1]], 1
    for curve in ("ROC", "PR"):
        theirs = keras.metrics.AUC(curve=curve, multi_label=True, num_labels=3)
        agrees(metrics.AUC(curve=curve, multi_label=True), theirs, y, p, weight)


@few
@given(seed=st.integers(0, 2**32 - 1), value=st.sampled_from([0.1, 0.5, 0.8, 0.95]))
def test_rates_at_rates(seed, value):
    y, p, weight = yes_or_no(seed)
    several, hot = classes(seed)[1], np.eye(CLASSES, dtype="float32")[classes(seed)[0]]
    for name in ("PrecisionAtRecall", "RecallAtPrecision", "SensitivityAtSpecificity", "SpecificityAtSensitivity"):
        mine, theirs = getattr(metrics, name), getattr(keras.metrics, name)
        agrees(mine(value), theirs(value), y, p, weight)
        agrees(mine(value, class_id=1), theirs(value, class_id=1), hot, several, weight)


@few
@seeds
def test_errors(seed):
    rng = np.random.default_rng(seed)
    y, p, weight = rng.normal(size=(N, 3)), rng.normal(size=(N, 3)), rng.random(N)
    agrees(metrics.LogCoshError(), keras.metrics.LogCoshError(), y, p, weight)
    agrees(metrics.SquaredHinge(), keras.metrics.SquaredHinge(), np.sign(y), p, weight)
    agrees(metrics.CategoricalHinge(), keras.metrics.CategoricalHinge(), np.eye(3)[y.argmax(1)], p, weight)
    agrees(metrics.Poisson(), keras.metrics.Poisson(), np.abs(y), np.abs(p) + 0.1, weight)
    p = y + 0.3 * p
    for aggregation in ("uniform_average", "variance_weighted_average"):
        mine = metrics.R2Score(class_aggregation=aggregation)
        agrees(mine, keras.metrics.R2Score(class_aggregation=aggregation), y, p, weight, 1e-4)
    adjusted = keras.metrics.R2Score(num_regressors=4)
    agrees(metrics.R2Score(num_regressors=4), adjusted, y[:, :1], p[:, :1], None, 1e-4)
