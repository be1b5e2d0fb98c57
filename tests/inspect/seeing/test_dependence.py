"""Partial dependence, beside scikit-learn's on the same model, and beside a loop over rows and places."""

import numpy as np
import pytest
from matplotlib.figure import Figure

import liuli as ll
from liuli import layers
from liuli.inspect.seeing import partial_dependence, plot_dependence

RNG = np.random.default_rng(0)
X = RNG.normal(size=(25, 3)).astype(np.float32)


def theirs(model, kind):
    """The model as scikit-learn's estimator."""
    base = pytest.importorskip("sklearn.base", reason="the oracle is scikit-learn")
    mixin = base.ClassifierMixin if kind == "classes" else base.RegressorMixin

    class Estimator(mixin, base.BaseEstimator):
        classes_ = np.arange(3)

        def fit(self, x, y):
            return self

        def __sklearn_is_fitted__(self):
            return True

        def predict(self, x):
            return np.asarray(model.predict(x), float).reshape(-1)

        def predict_proba(self, x):
            return np.asarray(model.predict(x), float)

    return Estimator()


@pytest.mark.oracle
@pytest.mark.parametrize("kind", ["classes", "numbers"])
def test_numbers_are_those_of_scikit_learn(kind):
    inspection = pytest.importorskip("sklearn.inspection", reason="the oracle is scikit-learn")
    last, loss = (
        (layers.Dense(3, "softmax"), "categorical_crossentropy") if kind == "classes" else (layers.Dense(1), "mse")
    )
    model = ll.Model(ll.Sequential([layers.Dense(6, "tanh"), last]), loss=loss)
    model.predict(X)
    oracle = inspection.partial_dependence(
        theirs(model, kind), X, [1], kind="both", grid_resolution=7, percentiles=(0, 1)
    )
    for of in (2, 0) if kind == "classes" else (None,):
        found = partial_dependence(model, X, 1, of=of, points=7, reach=(0, 1))
        np.testing.assert_allclose(found.places, oracle["grid_values"][0], rtol=1e-6)
        np.testing.assert_allclose(found.mean, oracle["average"][of or 0], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(found.curves, oracle["individual"][of or 0], rtol=1e-4, atol=1e-6)


@pytest.mark.oracle
def test_columns_of_a_table_are_those_of_scikit_learn(table, payer):
    inspection = pytest.importorskip("sklearn.inspection", reason="the oracle is scikit-learn")
    pandas = pytest.importorskip("pandas")
    kept = [i for i in range(len(table)) if i not in (3, 5)]  # those without gaps
    frame = pandas.DataFrame({c.name: c.cells()[kept] for c in table.columns})
    frame["smokes"] = frame["smokes"].astype(bool)
    rows = table.take(kept)
    for name, categorical in (("city", True), ("smokes", True), ("height", False)):
        chosen = [name] if categorical else None
        how = {"kind": "both", "grid_resolution": 9, "percentiles": (0, 1), "categorical_features": chosen}
        oracle = inspection.partial_dependence(theirs(payer, "numbers"), frame, [name], **how)
        found = partial_dependence(payer, rows, name, points=9, reach=(0, 1))
        np.testing.assert_allclose(found.curves, oracle["individual"][0], rtol=1e-4)
        places = oracle["grid_values"][0].tolist()
        assert found.places.tolist() == (places if categorical else pytest.approx(places))


def test_every_place_is_a_row(table, payer):
    found = partial_dependence(payer, table, "born", points=3)
    assert found.curves.shape == (40, 3)
    cells = {column.name: column.cells() for column in table.columns}
    for i in (0, 3, 5, 39):  # two of which have gaps
        for place, day in enumerate(found.places):
            born = np.datetime64(round(day * 86400e6), "us").astype(object)
            row = {name: None if v[i] != v[i] else v[i] for name, v in cells.items()} | {"born": born}
            assert found.curves[i, place] == pytest.approx(payer.predict([row])[0, 0], rel=1e-5)
    few = partial_dependence(payer, table, "born", points=3, rows=5)
    assert all(np.isclose(found.curves, curve, rtol=1e-5).all(1).any() for curve in few.curves)


def test_figures_hold_the_curves(table, payer):
    found = partial_dependence(payer, table, "city")
    ax = plot_dependence(found, ax=Figure().subplots(), language="zh")
    assert [label.get_text() for label in ax.get_xticklabels()] == ["Basel", "Bern", "Chur"]
    np.testing.assert_allclose(ax.lines[-1].get_ydata(), found.mean)
    found = partial_dependence(payer, table, "height", places=[150, 170, 190])
    assert found.places.tolist() == [150, 170, 190]
    ax = plot_dependence(found, ax=Figure().subplots(), centred=True)
    assert all(line.get_ydata()[0] == 0 for line in ax.lines)
    assert plot_dependence(partial_dependence(payer, table, "smokes"), ax=Figure().subplots()).get_xlabel() == "smokes"


def test_what_has_no_dependence_is_refused(table, payer):
    for wrong, match in [
        ({"feature": "town"}, "by name or number"),
        ({"feature": "age", "points": 1}, "2 points"),
        ({"feature": "age", "reach": (0.9, 0.1)}, "two quantiles"),
        ({"feature": "age", "of": 1}, "0 to 0"),
        ({"feature": "age", "places": []}, "at least one"),
        ({"feature": "age", "places": ["old"]}, "number"),
    ]:
        with pytest.raises(ll.LiuliError, match=match):
            partial_dependence(payer, table, **wrong)
