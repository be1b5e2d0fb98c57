"""The plane of two features: every place holds what the model says of that row."""

import numpy as np
import pytest
from matplotlib.figure import Figure

import liuli as ll
from liuli import layers
from liuli.inspect.seeing import decision_boundary, plot_decision_boundary, plot_response_maps, response_maps

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 4))


def classifier(classes=3, seed=0):
    last = layers.Dense(1, "sigmoid") if classes == 2 else layers.Dense(classes, "softmax")
    loss = "binary_crossentropy" if classes == 2 else "categorical_crossentropy"
    return ll.Model(ll.Sequential([layers.Dense(6, "tanh"), last]), loss=loss, seed=seed)


def rows_of(found, still, first, second):
    """The rows of a plane one by one, in a loop."""
    for i, b in enumerate(found.second):
        for j, a in enumerate(found.first):
            row = np.array(still, float)
            row[first], row[second] = a, b
            yield i, j, row


@pytest.mark.parametrize(("held", "still"), [("mean", X.mean(0)), ("median", np.median(X, 0)), (7, X[7]), (X[2], X[2])])
def test_every_place_is_a_row(held, still):
    model = classifier()
    found = decision_boundary(model, X, features=("x4", 1), held=held, points=4)
    for i, j, row in rows_of(found, still, 3, 1):
        p = model.predict(row[None])[0]
        np.testing.assert_allclose(found.scores[i, j], p, rtol=1e-4, atol=1e-6)
        assert found.classes[i, j] == p.argmax()
    assert found.first[0] < X[:, 3].min() and found.second[-1] > X[:, 1].max()
    assert list(found.held) == ["x1", "x3"]


def test_one_unit_speaks_for_both_classes():
    model = classifier(2)
    found = decision_boundary(model, X[:, :2], np.ones((30, 1)), points=5)
    np.testing.assert_allclose(found.scores.sum(-1), 1.0)
    np.testing.assert_array_equal(found.classes, found.scores[..., 1] > 0.5)
    assert found.labels.tolist() == [1] * 30


def test_a_hinge_has_scores_and_no_probabilities():
    model = ll.Model(ll.Sequential([layers.Dense(1)]), loss="hinge")
    found = decision_boundary(model, X[:, :2], points=5)
    assert not found.probable
    np.testing.assert_array_equal(found.classes, found.scores[..., 1] > 0)
    assert plot_decision_boundary(found, ax=Figure().subplots()).images


def test_raw_rows_through_a_schema(table, payer):
    found = decision_boundary(payer, table, features=("age", "born"), held={"city": "Chur"}, points=4)
    assert found.held["city"] == "Chur" and found.dates == (False, True)
    assert found.held["height"] == pytest.approx(table["height"].values.mean())
    days = found.second.astype("datetime64[D]")
    assert days.min() < np.datetime64("2024-02-01") and days.max() > np.datetime64("2024-09-01")
    for i, j in [(0, 0), (3, 1), (2, 3)]:
        born = np.datetime64(round(found.second[i] * 86400e6), "us").astype(object)
        row = {**found.held, "smokes": bool(found.held["smokes"]), "age": found.first[j], "born": born}
        assert found.scores[i, j] == pytest.approx(payer.predict([row])[0, 0], rel=1e-5)
    np.testing.assert_allclose(found.labels, table.target.values, rtol=1e-5)


def test_figures_show_the_answers(table, payer):
    data = ll.data.load("iris")
    model = ll.Model(classifier().net, loss="categorical_crossentropy", schema=ll.data.Schema.fit(data))
    found = decision_boundary(model, data, features=(2, 3), points=9)
    ax = Figure().subplots()
    assert plot_decision_boundary(found, ax=ax, language="zh") is ax
    assert ax.get_xlabel() == "petal length (cm)"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["setosa", "versicolor", "virginica"]
    shown = np.asarray(ax.images[0].get_array())
    left, right, low, high = ax.images[0].get_extent()
    for (start, end), places in (((left, right), found.first), ((low, high), found.second)):
        np.testing.assert_allclose(start + (np.arange(9) + 0.5) * (end - start) / 9, places)  # pixels about the places
    assert len({tuple(c) for c in shown[found.classes == found.classes[0, 0]].round(3)}) > 1  # shades
    ax = plot_decision_boundary(decision_boundary(payer, table, features=("age", "born"), points=5))
    np.testing.assert_allclose(ax.images[0].get_array(), decision_boundary(
        payer, table, features=("age", "born"), points=5).scores)  # fmt: skip
    assert "smokes = " in ax.get_title("left") + ax.get_title()


def test_units_answer_as_the_trace_says():
    model = classifier()
    found = response_maps(model, X, "dense_1/z", units=[4, 0], features=(0, 2), points=3)
    for i, j, row in rows_of(found, X.mean(0), 0, 2):
        z = ll.inspect.trace(model, row[None], np.zeros(1, int))["dense_1/z"].value[0]
        np.testing.assert_allclose(found.values[:, i, j], z[[4, 0]], rtol=1e-5, atol=1e-6)
    ax = plot_response_maps(found, ax=Figure().subplots(), language="zh")
    np.testing.assert_array_equal(ax.images[0].get_array(), found.values[0, ::-1])  # the second feature grows upwards
    assert [text.get_text() for text in ax.texts] == ["单元 4", "单元 0"]


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({}, "two of the features x1, x2"),
        ({"features": ("x1", "y1")}, "'y1'"),
        ({"features": (1, 1)}, "twice"),
        ({"features": (0, 1), "held": "mode"}, "median"),
        ({"features": (0, 1), "points": 1}, "at least 2"),
    ],
)
def test_what_makes_no_plane_is_refused(settings, match):
    with pytest.raises(ll.LiuliError, match=match):
        decision_boundary(classifier(), X, **settings)


def test_what_has_no_plane_is_refused(table, payer):
    with pytest.raises(ll.LiuliError, match="category 'city'"):
        decision_boundary(payer, table, features=("age", "city"))
    with pytest.raises(ll.LiuliError, match="without a schema"):
        decision_boundary(classifier(), table, features=("age", "height"))
    images = ll.Model(ll.Sequential([layers.Flatten(), layers.Dense(1)]), loss="mse")
    with pytest.raises(ll.LiuliError, match="flat rows"):
        decision_boundary(images, np.zeros((2, 4, 4, 1)))
    with pytest.raises(KeyError, match="dense_1/y"):
        response_maps(classifier(), X, "dens_1/y", features=(0, 1))
    with pytest.raises(ll.LiuliError, match="0 to 5"):
        response_maps(classifier(), X, "dense_1/y", units=[6], features=(0, 1))
