"""The search for a learning rate."""

import matplotlib
import numpy as np
import pytest

import liuli as ll
from liuli import layers, optimizers, schedules
from liuli.core.errors import DataError, SpecError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(128, 3))
Y = X @ [[1.0], [-2.0], [0.5]]


def model(optimizer):
    return ll.Model(ll.Sequential([layers.Dense(1)]), "mse", optimizer)


def test_it_finds_a_rate_that_trains_and_leaves_the_model_as_it_was():
    m = model(optimizers.SGD(0.123, momentum=0.5))
    m.build((3,))
    before, dials = np.asarray(m.params["dense_1"]["kernel"]).copy(), dict(m.dials)
    found = m.find_learning_rate(X, Y, largest=100.0)
    assert np.array_equal(m.params["dense_1"]["kernel"], before) and m.dials == dials and len(m.history) == 0
    assert 1e-3 < found.suggestion < 1.0
    assert len(found.rates) == len(found.losses) == len(found.smoothed) < 100, "it goes on when it has diverged"
    np.testing.assert_allclose(found.rates, 1e-6 * 1e8 ** (np.arange(len(found.rates)) / 99))
    trained = model(optimizers.SGD(found.suggestion, momentum=0.5)).fit(X, Y, epochs=20, verbose=0)
    assert trained["loss"][-1] < 0.1 * trained["loss"][0]


def test_its_losses_are_those_of_training():
    """In NumPy: plain descent on a mean of squares, the whole data each step."""
    m = model(optimizers.SGD(0.1))
    m.build((3,))
    w, b = (np.asarray(m.params["dense_1"][name], float) for name in ("kernel", "bias"))
    found, want = m.find_learning_rate(X, Y, least=1e-3, largest=0.1, steps=20, batch_size=128), []
    for rate in found.rates:
        error = X @ w + b - Y
        want.append(np.square(error).mean())
        w, b = w - rate * 2 * X.T @ error / 128, b - rate * 2 * error.mean(0)
    np.testing.assert_allclose(found.losses, want, rtol=1e-4)


def test_several_rates_grow_together():
    both = optimizers.MultiOptimizer(optimizers.SGD(0.1), ("dense_1/bias",), (optimizers.SGD(0.2),))
    assert 0 < model(both).find_learning_rate(X, Y, steps=30).suggestion < 10


def test_it_shows_itself():
    found = model("sgd").find_learning_rate(X, Y, steps=30)
    assert repr(found).startswith(f"learning rate {found.suggestion:.2g}: the loss falls fastest there")
    ax = found.plot()
    assert ax.get_xscale() == "log" and len(ax.lines) == 2
    matplotlib.pyplot.close(ax.figure)


def test_what_it_refuses():
    with pytest.raises(SpecError, match="the learning rate is a schedule"):
        model(optimizers.SGD(schedules.ExponentialDecay(0.1, 10, 0.5))).find_learning_rate(X, Y)
    with pytest.raises(DataError, match="0 < least < largest"):
        model("sgd").find_learning_rate(X, Y, least=1.0, largest=0.1)
