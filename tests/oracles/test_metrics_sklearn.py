"""Metrics against scikit-learn: whole data sets, batches summed, weights, every form of target."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from liuli import metrics
from liuli.core.specs import members

oracle = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the oracle")
pytestmark = pytest.mark.oracle

N, CLASSES = 500, 7


def incremental(metric, y, p, weight, batch=N // 2):
    """The metric from sums over batches."""
    measure = jax.jit(metric.measure)
    pieces = [measure(*(part[i : i + batch] for part in (y, p, weight))) for i in range(0, len(y), batch)]
    return metric.result(sum(pieces[1:], pieces[0]))


def agrees(metric, y, p, want, weight=None, tolerance=2e-6):
    """The metric is what the oracle says: of everything at once, and of sums over batches."""
    y, p, weight = (np.asarray(jnp.asarray(a)) for a in (y, p, np.ones(len(y)) if weight is None else weight))
    found, summed = jax.jit(lambda *given: (metric(*given), incremental(metric, *given)))(y, p, weight)
    assert found.shape == ()
    np.testing.assert_allclose(found, want, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(summed, want, rtol=tolerance, atol=tolerance)


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    with jax.enable_x64(request.param == "float64"):
        yield request.param


@pytest.fixture
def rng(dtype):
    return np.random.default_rng(0)


@pytest.fixture
def weight(rng, dtype):
    return rng.integers(0, 4, N).astype(dtype)


@pytest.fixture
def classes(rng, dtype):
    """Labels and probabilities of classes of unlike size, right about half the time."""
    y = np.minimum(rng.integers(0, CLASSES, N), rng.integers(0, CLASSES, N))
    z = rng.normal(size=(N, CLASSES)) + 2 * np.eye(CLASSES)[y]
    return y, (np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)).astype(dtype)


@pytest.fixture
def yes_or_no(rng, dtype):
    y = (rng.random(N) < 0.3).astype(dtype)
    return y, (1 / (1 + np.exp(-rng.normal(size=N) - 2 * y + 1))).astype(dtype)


@pytest.mark.parametrize("one_hot", [False, True])
def test_categorical(classes, weight, one_hot):
    y, p = classes
    target, guess = np.eye(CLASSES)[y] if one_hot else y, p.argmax(axis=1)
    want = oracle.accuracy_score(y, guess, sample_weight=weight)
    agrees(metrics.CategoricalAccuracy(), target, p, want, weight)
    for k in (1, 2, 5, CLASSES):
        want = 1.0 if k == CLASSES else oracle.top_k_accuracy_score(y, p, k=k, sample_weight=weight)
        agrees(metrics.TopKCategoricalAccuracy(k), target, p, want, weight)
    for metric, score in COUNTED.items():
        agrees(metric, target, p, score(y, guess, average="macro", zero_division=0, sample_weight=weight), weight)


COUNTED = {
    metrics.Precision(): oracle.precision_score,
    metrics.Recall(): oracle.recall_score,
    metrics.F1Score(): oracle.f1_score,
}


def test_a_class_that_is_nowhere_is_left_out(classes):
    y, p = classes
    y, p = np.where(y == 3, 2, y), np.where(np.arange(CLASSES) == 3, 0, p)  # 3 neither occurs nor is guessed
    y = np.where(y == 4, 5, y)  # 4 is guessed only
    p = np.where(np.arange(CLASSES) == 6, 0, p)  # 6 occurs only
    assert set(y) == {0, 1, 2, 5, 6}
    assert set(p.argmax(axis=1)) == {0, 1, 2, 4, 5}
    for metric, score in COUNTED.items():
        agrees(metric, y, p, score(y, p.argmax(axis=1), average="macro", zero_division=0))


@pytest.mark.parametrize("threshold", [0.25, 0.5])
@pytest.mark.parametrize("column", [False, True])
def test_binary(yes_or_no, weight, threshold, column):
    y, p = yes_or_no
    shape = (N, 1) if column else (N,)
    want = oracle.accuracy_score(y, p > threshold, sample_weight=weight)
    agrees(metrics.BinaryAccuracy(threshold), y.reshape(shape), p.reshape(shape), want, weight)
    for metric, score in COUNTED.items():
        want = score(y, p > threshold, zero_division=0, sample_weight=weight)
        agrees(metric.replace(threshold=threshold), y.reshape(shape), p.reshape(shape), want, weight)
        if threshold == 0.5:
            agrees(metric, y.reshape(shape), p.reshape(shape), want, weight)


def test_several_labels_a_sample(rng, dtype, weight):
    y, p = (rng.random((N, 3)) < 0.3).astype(dtype), rng.random((N, 3)).astype(dtype)
    agrees(metrics.BinaryAccuracy(), y, p, np.average((y == (p > 0.5)).mean(axis=1), weights=weight), weight)
    for metric, score in COUNTED.items():
        want = score(y, p > 0.5, average="macro", sample_weight=weight)
        agrees(metric.replace(threshold=0.5), y, p, want, weight)


def test_auc(yes_or_no, weight):
    y, p = yes_or_no
    grid = (np.floor(p * 199) + 0.5) / 199  # the middle of the bins that 200 thresholds make
    agrees(metrics.AUC(), y, grid, oracle.roc_auc_score(y, grid, sample_weight=weight), weight)
    agrees(metrics.AUC(), y[:, None], p[:, None], oracle.roc_auc_score(y, p), tolerance=2e-3)
    agrees(metrics.AUC(num_thresholds=20001), y, p, oracle.roc_auc_score(y, p), tolerance=2e-5)


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_auc_at_the_ends(p):
    y, p = np.array([0.0, 1.0, 1.0]), np.array([0.5, p, 0.5])
    agrees(metrics.AUC(), y, p, oracle.roc_auc_score(y, p))


@pytest.mark.parametrize("outputs", [(), (1,), (3,)])
def test_regression(rng, dtype, weight, outputs):
    y = rng.normal(size=(N, *outputs)).astype(dtype) * 3 + 5
    p = y + rng.normal(size=y.shape).astype(dtype)
    pairs = {
        metrics.MeanSquaredError(): oracle.mean_squared_error(y, p, sample_weight=weight),
        metrics.RootMeanSquaredError(): np.sqrt(oracle.mean_squared_error(y, p, sample_weight=weight)),
        metrics.MeanAbsoluteError(): oracle.mean_absolute_error(y, p, sample_weight=weight),
    }
    for metric, want in pairs.items():
        agrees(metric, y, p, want, weight)
    agrees(
        metrics.R2Score(),
        y,
        p,
        oracle.r2_score(y, p, sample_weight=weight),
        weight,
        1e-5 if dtype == "float32" else 1e-12,
    )


@pytest.mark.parametrize("p", [[2.0, 2.0, 2.0], [2.0, 2.0, 3.0]])
def test_r2_of_a_constant(p):
    y = np.array([2.0, 2.0, 2.0])
    agrees(metrics.R2Score(), y, np.array(p), oracle.r2_score(y, p))


def test_float32_is_enough_for_many_samples():
    rng, n = np.random.default_rng(1), 100_000
    y = (rng.normal(size=n) + 10).astype(np.float32)  # a mean of ten deviations
    p = (y + 0.3 * rng.normal(size=n)).astype(np.float32)
    weight = jnp.ones(n)
    y64, p64 = y.astype(float), p.astype(float)
    for name, want, tolerance in [
        ("MeanSquaredError", oracle.mean_squared_error(y64, p64), 1e-5),
        ("MeanAbsoluteError", oracle.mean_absolute_error(y64, p64), 1e-5),
        ("R2Score", oracle.r2_score(y64, p64), 1e-4),
    ]:
        metric = members("metrics")[name]()
        np.testing.assert_allclose(metric(jnp.asarray(y), jnp.asarray(p), weight), want, rtol=tolerance)
        np.testing.assert_allclose(
            incremental(metric, jnp.asarray(y), jnp.asarray(p), weight, 32), want, rtol=tolerance
        )
    yes = (rng.random(n) < 0.9).astype(np.float32)
    guess = rng.random(n).astype(np.float32)
    got = incremental(metrics.BinaryAccuracy(), jnp.asarray(yes), jnp.asarray(guess), weight, 32)
    assert float(got) == np.float32(oracle.accuracy_score(yes, guess > 0.5))


def test_overlap(classes, yes_or_no, weight):
    y, p = classes
    guess, average = p.argmax(axis=1), {"average": "macro", "zero_division": 0, "sample_weight": weight}
    agrees(metrics.MeanIoU(), y, p, oracle.jaccard_score(y, guess, **average), weight)
    for beta in (0.5, 1.0, 2.0):
        want = oracle.fbeta_score(y, guess, beta=beta, **average)
        agrees(metrics.FBetaScore(beta=beta), np.eye(CLASSES)[y], p, want, weight)
    y, p = yes_or_no
    agrees(metrics.MeanIoU(), y, p, oracle.jaccard_score(y, p > 0.5, sample_weight=weight), weight)
    want = oracle.fbeta_score(y, p > 0.25, beta=2, sample_weight=weight)
    agrees(metrics.FBetaScore(0.25, beta=2.0), y[:, None], p[:, None], want, weight)


def test_log_losses(classes, yes_or_no, weight):
    y, p = classes
    want = oracle.log_loss(y, p, sample_weight=weight, labels=range(CLASSES))
    agrees(metrics.CategoricalCrossentropy(), y, p, want, weight)
    agrees(metrics.CategoricalCrossentropy(from_logits=True), np.eye(CLASSES)[y], np.log(p), want, weight)
    y, p = yes_or_no
    want = oracle.log_loss(y, p, sample_weight=weight)
    agrees(metrics.BinaryCrossentropy(), y, p, want, weight)
    agrees(metrics.BinaryCrossentropy(from_logits=True), y, np.log(p / (1 - p)), want, weight)


def test_hinge(yes_or_no, weight):
    y, p = yes_or_no
    z = 4 * p - 2
    for targets in (y, 2 * y - 1):
        agrees(metrics.Hinge(), targets, z, oracle.hinge_loss(2 * y - 1, z, sample_weight=weight), weight)


@pytest.mark.parametrize("outputs", [(), (3,)])
def test_relative_errors(rng, dtype, weight, outputs):
    y = (rng.random((N, *outputs)) + 0.5).astype(dtype)
    p = (y * (rng.random(y.shape) + 0.5)).astype(dtype)
    want = 100 * oracle.mean_absolute_percentage_error(y, p, sample_weight=weight)
    agrees(metrics.MeanAbsolutePercentageError(), y, p, want, weight)
    want = oracle.mean_squared_log_error(y, p, sample_weight=weight)
    agrees(metrics.MeanSquaredLogarithmicError(), y, p, want, weight)


def test_angles_and_divergences(rng, dtype, weight):
    y, p = rng.normal(size=(2, N, 4)).astype(dtype)
    pairwise = pytest.importorskip("sklearn.metrics.pairwise")
    cosine = 1 - pairwise.paired_cosine_distances(y, p)
    agrees(metrics.CosineSimilarity(), y, p, np.average(cosine, weights=weight), weight)
    y, p = rng.dirichlet(np.ones(4), (2, N)).astype(dtype)
    entropy = pytest.importorskip("scipy.stats").entropy
    want = np.average(entropy(y.astype(float), p.astype(float), axis=1), weights=weight)
    agrees(metrics.KLDivergence(), y, p, want, weight)


@pytest.mark.parametrize("outputs", [(), (3,)])
def test_correlations(rng, dtype, weight, outputs):
    y = rng.normal(size=(N, *outputs)).astype(dtype) + 1
    p = (2 * y + rng.normal(size=y.shape) * 3).astype(dtype)
    often = np.repeat(np.arange(N), weight.astype(int))
    columns = [
        (a.astype(float), b.astype(float))
        for a, b in zip(y[often].reshape(len(often), -1).T, p[often].reshape(len(often), -1).T, strict=True)
    ]
    pearson = [pytest.importorskip("scipy.stats").pearsonr(a, b).statistic for a, b in columns]
    agrees(metrics.PearsonCorrelation(), y, p, np.mean(pearson), weight, 1e-5)
    lin = [
        2 * r * a.std() * b.std() / (a.var() + b.var() + (a.mean() - b.mean()) ** 2)
        for r, (a, b) in zip(pearson, columns, strict=True)
    ]
    agrees(metrics.ConcordanceCorrelation(), y, p, np.mean(lin), weight, 1e-5)


def test_agreement(classes, yes_or_no, weight):
    scores = {
        metrics.BalancedAccuracy(): oracle.balanced_accuracy_score,
        metrics.CohenKappa(): oracle.cohen_kappa_score,
        metrics.MatthewsCorrelation(): oracle.matthews_corrcoef,
    }
    for metric, score in scores.items():
        y, p = classes
        want = score(y, p.argmax(axis=1), sample_weight=weight)
        agrees(metric, y, p, want, weight)
        agrees(metric, np.eye(CLASSES)[y], p, want, weight)
        y, p = yes_or_no
        agrees(metric, y, p, score(y, p > 0.5, sample_weight=weight), weight)
        agrees(metric.replace(threshold=0.2), y, p, score(y, p > 0.2, sample_weight=weight), weight)


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
def test_averages(classes, weight, average):
    y, p = classes
    for metric, score in COUNTED.items():
        want = score(y, p.argmax(axis=1), average=average, zero_division=0, sample_weight=weight)
        agrees(metric.replace(average=average), y, p, want, weight)


def test_brier(classes, yes_or_no, weight):
    y, p = classes
    squares = np.square(p.astype(float) - np.eye(CLASSES)[y]).sum(axis=1)
    agrees(metrics.BrierScore(), y, p, np.average(squares, weights=weight), weight)
    y, p = yes_or_no
    agrees(metrics.BrierScore(), y, p, oracle.brier_score_loss(y, p, sample_weight=weight), weight)


@pytest.mark.parametrize("bins", [1, 10, 15])
def test_calibration(classes, yes_or_no, weight, bins):
    def by_hand(p, hit):
        p = p.astype(float)
        inside = [(b / bins < p) & (p <= (b + 1) / bins) for b in range(bins)]
        return sum(abs((weight * (p - hit))[b].sum()) for b in inside) / weight.sum()

    y, p = classes
    metric = metrics.ExpectedCalibrationError(bins)
    agrees(metric, y, p, by_hand(p.max(axis=1), p.argmax(axis=1) == y), weight)
    y, p = yes_or_no
    agrees(metric, y, p, by_hand(p, y), weight)


@pytest.mark.parametrize("k", [None, 1, 3])
def test_gains(rng, dtype, weight, k):
    y, p = rng.integers(0, 4, (N, CLASSES)), rng.random((N, CLASSES)).astype(dtype)
    y[0] = 0
    agrees(metrics.NDCG(k), y, p, oracle.ndcg_score(y, p, k=k, sample_weight=weight), weight)
    want = oracle.ndcg_score(2**y - 1, p, k=k, sample_weight=weight)
    agrees(metrics.NDCG(k, gain="exponential"), y, p, want, weight)


def test_ranks(classes, weight):
    y, p = classes
    want = oracle.label_ranking_average_precision_score(np.eye(CLASSES)[y], p, sample_weight=weight)
    agrees(metrics.MeanReciprocalRank(), y, p, want, weight)
    agrees(metrics.MeanReciprocalRank(), np.eye(CLASSES)[y], p, want, weight)
    for k in (1, 3):
        want = oracle.top_k_accuracy_score(y, p, k=k, sample_weight=weight)
        agrees(metrics.HitRate(k), y, p, want, weight)


def test_perplexity(classes, weight):
    y, p = classes
    want = np.exp(oracle.log_loss(y, p, sample_weight=weight, labels=range(CLASSES)))
    agrees(metrics.Perplexity(), y, p, want, weight, 1e-5)
    keep = y != 2
    want = np.exp(oracle.log_loss(y[keep], p[keep], sample_weight=weight[keep], labels=range(CLASSES)))
    agrees(metrics.Perplexity(ignore_class=2), y, p, want, weight, 1e-5)


def test_areas_of_each_class(classes, weight):
    y, p = classes
    grid = (np.floor(p * 199) + 0.5) / 199
    want = np.mean([oracle.roc_auc_score(y == c, grid[:, c], sample_weight=weight) for c in range(CLASSES)])
    agrees(metrics.AUC(multi_label=True), y, grid, want, weight)


@pytest.mark.parametrize("aggregation", ["uniform_average", "variance_weighted_average"])
def test_r2_of_several(rng, dtype, weight, aggregation):
    y = rng.normal(size=(N, 3)).astype(dtype) * np.array([1, 2, 3], dtype)
    p = y + rng.normal(size=y.shape).astype(dtype)
    way = aggregation.removesuffix("_average") if aggregation.startswith("variance") else aggregation
    want = oracle.r2_score(y, p, sample_weight=weight, multioutput=way)
    agrees(metrics.R2Score(aggregation), y, p, want, weight, 1e-5)
