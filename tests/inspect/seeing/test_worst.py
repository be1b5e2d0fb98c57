"""The worst rows: those of a loop over all of them."""

import numpy as np
import pytest
from matplotlib.figure import Figure

import liuli as ll
from liuli import layers
from liuli.inspect.seeing import plot_worst, worst

RNG = np.random.default_rng(0)
X = RNG.normal(size=(11, 4))


def network(last="softmax", units=3):
    return ll.Sequential([layers.Dense(6, "tanh"), layers.Dropout(0.5), layers.Dense(units, last)])


CASES = {
    "classes": (ll.Model(network(), "categorical_crossentropy"), RNG.integers(0, 3, 11)),
    "one unit": (ll.Model(network("sigmoid", 1), "binary_crossentropy"), RNG.integers(0, 2, (11, 1)) * 1.0),
    "numbers": (ll.Model(network("linear", 2), "huber"), RNG.normal(size=(11, 2))),
}


@pytest.mark.parametrize("name", CASES)
def test_rows_are_those_of_a_loop(name):
    model, y = CASES[name]
    found = worst(model, X, y, k=4)
    each = np.array([model.evaluate(X[i : i + 1], y[i : i + 1])["loss"] for i in range(11)])
    np.testing.assert_allclose(found.all, each, rtol=1e-5)
    np.testing.assert_array_equal(found.rows, np.argsort(-each)[:4])
    np.testing.assert_allclose(found.losses, each[found.rows], rtol=1e-5)
    np.testing.assert_allclose(found.predictions, model.predict(X)[found.rows], rtol=1e-6)
    np.testing.assert_allclose(found.inputs, X[found.rows], rtol=1e-6)
    if name != "numbers":
        assert [int(c) for c in found.targets] == y.reshape(-1)[found.rows].astype(int).tolist()


def test_penalties_and_batches_do_not_count():
    net = ll.Sequential([layers.Dense(1, kernel_regularizer="l2")])
    model, x, y = ll.Model(net, loss="mse"), RNG.normal(size=(1500, 2)), RNG.normal(size=(1500, 1))
    found = worst(model, x, y, k=2000)
    np.testing.assert_allclose(found.all, ((model.predict(x) - y) ** 2)[:, 0], rtol=1e-4, atol=1e-6)
    assert sorted(found.rows) == list(range(1500))


def test_several_outputs_by_weight():
    x = ll.Input((4,))
    net = ll.Graph(x, [layers.Dense(1)(x), layers.Dense(2)(x)])
    model = ll.Model(net, loss=["mse", "mae"], loss_weights=[0.5, 2.0])
    y = RNG.normal(size=(11, 1)), RNG.normal(size=(11, 2))
    found = worst(model, X, y, k=3)
    a, b = model.predict(X)
    wanted = 0.5 * ((a - y[0]) ** 2).mean(1) + 2 * np.abs(b - y[1]).mean(1)
    np.testing.assert_allclose(found.all, wanted, rtol=1e-5)
    assert isinstance(found.predictions, tuple) and plot_worst(found, ax=Figure().subplots()).patches


def test_raw_rows_and_units(table, payer):
    found = worst(payer, table, k=3)
    np.testing.assert_allclose(found.targets[:, 0], table.target.values[found.rows], rtol=1e-5)
    np.testing.assert_allclose(found.answers, payer.predict(table)[found.rows], rtol=1e-6)
    ax = plot_worst(found, ax=Figure().subplots(), language="zh")
    assert ax.get_yticklabels()[0].get_text().startswith(f"第 {found.rows[0]} 行")


def test_figures_show_images():
    data = ll.data.load("digits").take(range(30))
    model = ll.Model(ll.Sequential([layers.Dense(10, "softmax")]), "categorical_crossentropy")
    found = worst(model, data, k=4)
    ax = plot_worst(found, image_shape=data.image_shape, ax=Figure().subplots())
    assert len(ax.images) == 4 and ax.texts[0].get_text().startswith(f"true {data.y[found.rows[0]]}\n")
    with pytest.raises(ll.LiuliError, match="at least 1"):
        worst(model, data, k=0)
