"""Figures: what is drawn equals what NumPy, SciPy and scikit-learn compute."""

from itertools import pairwise

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from matplotlib.figure import Figure

from liuli.report import figures
from liuli.report.figures.confusion import extent as extent_of_confusion
from liuli.report.figures.residuals import gaussian, laplace
from liuli.report.svg import drawing
from liuli.report.words import Words
from tests.report.conftest import CLASSES

stats = pytest.importorskip("scipy.stats", reason="the oracle of the fitted densities")
sk = pytest.importorskip("sklearn.metrics", reason="the oracle of the confusion matrix")


@pytest.fixture
def ax():
    """An axis whose figure is drawn in the end: what can only fail while drawing fails then."""
    figure = Figure(layout="constrained")
    yield figure.subplots()
    with drawing():
        figure.draw_without_rendering()


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=60))
def test_confusion_counts_are_scikit_learns(pairs):
    true, predicted = np.array(pairs).T
    expected = sk.confusion_matrix(true, predicted, labels=range(5))
    np.testing.assert_array_equal(figures.confusion_counts(true, predicted, 5), expected)


def test_confusion_matrix_shows_counts_and_row_shares(ax):
    rng = np.random.default_rng(0)
    true, predicted = rng.integers(0, 3, (2, 200))
    counts = figures.confusion_counts(true, predicted, 3)
    assert figures.confusion_matrix(counts, CLASSES, ax=ax, words=Words("en")) is ax
    shares = sk.confusion_matrix(true, predicted, normalize="true")
    np.testing.assert_allclose(ax.collections[0].get_array().reshape(3, 3), shares)
    written = [text.get_text() for text in ax.texts]
    assert written[::2] == [str(n) for n in counts.reshape(-1)]
    assert written[1::2] == [f"{share:.0%}" for share in shares.reshape(-1)]
    assert ax.get_ylim() == (3, 0)  # the first class above, as scikit-learn's rows


def test_classes_without_rows_have_no_share(ax):
    figures.confusion_matrix(np.array([[3, 0], [0, 0]]), ["a", "b"], ax=ax)
    np.testing.assert_array_equal(ax.collections[0].get_array().reshape(-1), [1, 0, 0, 0])


@pytest.mark.parametrize("names", [("low", "medium", "高风险 very high"), "ab", [f"class {i}" for i in range(14)]])
def test_names_of_classes_do_not_overlap(names):
    figure = Figure(extent_of_confusion(names), layout="constrained")
    ax = figures.confusion_matrix(np.eye(len(names), dtype=int), names, ax=figure.subplots())
    with drawing():
        figure.draw_without_rendering()
        boxes = [label.get_window_extent() for label in ax.get_xticklabels()]
    whole = figure.bbox
    assert all(a.x1 < b.x0 for a, b in pairwise(boxes))
    assert all(whole.x0 <= box.x0 and box.x1 <= whole.x1 and box.y0 >= whole.y0 for box in boxes)


def test_a_hundred_classes_are_drawn_without_text(ax):
    figures.confusion_matrix(np.eye(100, dtype=int), [str(i) for i in range(100)], ax=ax)
    assert not ax.texts


def test_predicted_against_true(ax):
    true, predicted = np.array([1.0, 2.0, 4.0]), np.array([1.5, 1.0, 5.0])
    assert figures.predicted_against_true(true, predicted, "price in $ or $", ax=ax) is ax
    line, points = ax.lines
    np.testing.assert_array_equal(line.get_xdata(), line.get_ydata())
    assert (line.get_xdata()[0], line.get_xdata()[1]) == (1.0, 5.0)
    np.testing.assert_array_equal(points.get_xydata(), np.stack([true, predicted], axis=1))


def test_residuals_with_the_densities_of_greatest_likelihood(ax):
    residuals = np.random.default_rng(1).laplace(2.0, 3.0, 500)
    np.testing.assert_allclose(gaussian(residuals), stats.norm.fit(residuals))
    np.testing.assert_allclose(laplace(residuals), stats.laplace.fit(residuals))
    assert figures.residual_histogram(residuals, "y", ax=ax) is ax
    density, edges, _ = ax.patches[0].get_data()
    np.testing.assert_allclose(density, np.histogram(residuals, edges, density=True)[0])
    assert density @ np.diff(edges) == pytest.approx(1)
    bell, tent = ax.lines
    r = bell.get_xdata()
    np.testing.assert_allclose(bell.get_ydata(), stats.norm.pdf(r, *stats.norm.fit(residuals)))
    np.testing.assert_allclose(tent.get_ydata(), stats.laplace.pdf(r, *stats.laplace.fit(residuals)))
    assert bell.get_linestyle() != tent.get_linestyle()


@pytest.mark.parametrize("values", [[], [0.0], [5.0] * 9, [1e17] * 3, [-1e-30, 1e-30], [np.nan, np.inf, 1.0]])
def test_histograms_hold_every_finite_value(ax, values):
    values = np.array(values)
    figures.residual_histogram(values, "y", ax=ax)
    ax.clear()
    assert figures.histogram(values, "w", ax=ax) is ax
    counts, edges, _ = ax.patches[0].get_data()
    assert counts.sum() == np.isfinite(values).sum()
    assert (np.diff(edges) > 0).all()


def test_class_counts(ax):
    counts = {"training": np.array([5, 3, 2]), "test": np.array([1, 0, 4])}
    assert figures.class_counts(counts, CLASSES, ax=ax) is ax
    assert [bar.get_width() for bar in ax.patches] == [5, 3, 2, 1, 0, 4]
    assert {bar.get_hatch() for bar in ax.patches[:3]} != {bar.get_hatch() for bar in ax.patches[3:]}


def test_target_distribution(ax):
    train, test = np.random.default_rng(2).normal(size=(2, 300))
    assert figures.target_distribution({"training": train, "test": test}, "y", ax=ax) is ax
    for values, patch in zip((train, test), ax.patches, strict=True):
        density, edges, _ = patch.get_data()
        np.testing.assert_allclose(density, np.histogram(values, edges, density=True)[0])
        assert density @ np.diff(edges) == pytest.approx(1)


def test_images_are_shown_as_they_are(ax):
    images = np.random.default_rng(3).random((5, 4, 6, 1))
    assert figures.image_grid(images, [*CLASSES, "$", "$a$ b"], ax=ax, columns=3) is ax
    for image, shown in zip(images, ax.images, strict=True):
        np.testing.assert_array_equal(shown.get_array(), image[..., 0])
    boxes = [tuple(shown.get_extent()) for shown in ax.images]
    assert len(set(boxes)) == 5
