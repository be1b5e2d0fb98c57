"""Confusion and calibration, beside scikit-learn and a loop."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

import liuli as ll
from liuli import layers
from liuli.inspect.seeing import calibration, confusion, plot_calibration, plot_confusion, reliability

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))


def classifier(classes, loss="categorical_crossentropy", last="softmax"):
    return ll.Model(ll.Sequential([layers.Dense(classes, last)]), loss=loss)


CASES = {
    "labels": (classifier(3), RNG.integers(0, 3, 60)),
    "one-hot": (classifier(3), np.eye(3)[RNG.integers(0, 3, 60)]),
    "logits": (classifier(3, ll.losses.CategoricalCrossentropy(from_logits=True), "linear"), RNG.integers(0, 3, 60)),
    "one unit": (classifier(1, "binary_crossentropy", "sigmoid"), RNG.integers(0, 2, (60, 1)).astype(float)),
    "logit": (
        classifier(1, ll.losses.BinaryCrossentropy(from_logits=True), "linear"),
        RNG.integers(0, 2, (60, 1)) * 1.0,
    ),
    "hinge": (classifier(1, "hinge", "linear"), 2.0 * RNG.integers(0, 2, (60, 1)) - 1),
}


def true_classes(y):
    return y.argmax(1) if y.ndim == 2 and y.shape[1] > 1 else (y.reshape(-1) > 0).astype(int) if y.ndim == 2 else y


def probabilities(name, model):
    """By NumPy, from what the model predicts."""
    z = np.asarray(model.predict(X), np.float64)
    if name == "logits":
        z = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    if name == "logit":
        z = 1 / (1 + np.exp(-z))
    return np.concatenate([1 - z, z], axis=1) if z.shape[1] == 1 else z


@pytest.mark.oracle
@pytest.mark.parametrize("name", CASES)
def test_confusion_is_that_of_scikit_learn(name):
    metrics = pytest.importorskip("sklearn.metrics", reason="the oracle is scikit-learn")
    model, y = CASES[name]
    predicted = (model.predict(X)[:, 0] > 0) * 1 if name == "hinge" else probabilities(name, model).argmax(1)
    found, true = confusion(model, X, y), true_classes(y)
    oracle = metrics.confusion_matrix(true, predicted, labels=range(len(found.names)))
    np.testing.assert_array_equal(found.counts, oracle)
    assert found.accuracy == pytest.approx(metrics.accuracy_score(true, predicted))
    shares = metrics.confusion_matrix(true, predicted, labels=range(len(found.names)), normalize="true")
    np.testing.assert_allclose(found.shares, shares)


@pytest.mark.oracle
@pytest.mark.parametrize("by", ["width", "mass"])
@pytest.mark.parametrize("name", ["labels", "logits", "one unit", "logit"])
def test_calibration_is_that_of_scikit_learn(name, by):
    curve = pytest.importorskip("sklearn.calibration", reason="the oracle is scikit-learn").calibration_curve
    model, y = CASES[name]
    p, true = probabilities(name, model), true_classes(y)
    strategy = {"width": "uniform", "mass": "quantile"}[by]
    for of, probability, right in [(None, p.max(1), p.argmax(1) == true), (1, p[:, 1], true == 1)]:
        found = calibration(model, X, y, bins=6, by=by, of=of)
        share, confidence = curve(right, np.clip(probability, 0, 1), n_bins=6, strategy=strategy)
        kept = found.counts > 0
        np.testing.assert_allclose(found.share[kept], share, atol=1e-6)
        np.testing.assert_allclose(found.confidence[kept], confidence, atol=1e-5)


@given(st.integers(1, 60), st.integers(1, 20), st.integers(0, 2**16))
@settings(max_examples=60)
def test_the_error_is_that_of_a_loop(rows, bins, seed):
    rng = np.random.default_rng(seed)
    p, hit = rng.uniform(size=rows), rng.integers(0, 2, rows)
    wanted, worst = 0.0, 0.0
    for i in range(bins):
        mine = [j for j in range(rows) if i / bins < p[j] <= (i + 1) / bins]
        if mine:
            gap = abs(np.mean(hit[mine]) - np.mean(p[mine]))
            wanted, worst = wanted + len(mine) / rows * gap, max(worst, gap)
    found = reliability(p, hit, bins)
    assert found.error == pytest.approx(wanted) and found.largest_error == pytest.approx(worst)
    mass = reliability(p, hit, bins, by="mass")
    assert mass.counts.sum() == rows
    if rows % bins == 0:
        np.testing.assert_array_equal(mass.counts, rows // bins)


def test_the_error_is_that_of_the_metric():
    model, y = CASES["labels"]
    metric = ll.metrics.ExpectedCalibrationError(num_bins=9)
    wanted = float(metric(y, np.asarray(model.predict(X))))
    assert calibration(model, X, y, bins=9).error == pytest.approx(wanted, rel=1e-4)


def test_figures_hold_the_numbers():
    data = ll.data.load("iris")
    model = ll.Model(
        ll.Sequential([layers.Dense(3, "softmax")]), "categorical_crossentropy", schema=ll.data.Schema.fit(data)
    )
    found = confusion(model, data)
    ax = plot_confusion(found, ax=Figure().subplots(), language="zh")
    assert [label.get_text() for label in ax.get_yticklabels()] == list(data.class_names)
    written = [text.get_text() for text in ax.texts]
    assert sum(int(text) for text in written if "%" not in text) == 150
    seen = calibration(model, data, of="setosa", by="mass", bins=4)
    ax = plot_calibration(seen, ax=Figure().subplots())
    np.testing.assert_allclose(ax.lines[1].get_xydata(), np.stack([seen.confidence, seen.share], 1)[seen.counts > 0])
    assert ax.get_ylabel() == "share of setosa"


def test_what_names_no_class_is_refused():
    numbers = ll.Model(ll.Sequential([layers.Dense(2)]), loss="mse")
    with pytest.raises(ll.LiuliError, match="one class for each row"):
        confusion(numbers, X, np.zeros((60, 2)))
    several = classifier(3, "binary_crossentropy", "sigmoid")
    with pytest.raises(ll.LiuliError, match="one class for each row"):
        confusion(several, X, np.zeros((60, 3)))
    model, y = CASES["hinge"]
    with pytest.raises(ll.LiuliError, match="cross entropy"):
        calibration(model, X, y)
    model, y = CASES["labels"]
    for wrong, match in [({"bins": 0}, "at least 1"), ({"by": "size"}, "width or mass"), ({"of": "x"}, "0 to 2")]:
        with pytest.raises(ll.LiuliError, match=match):
            calibration(model, X, y, **wrong)
