"""The two NumPy programs of a beginner's course, as `examples/` writes them, end in the same outputs."""

import runpy
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def example(name, **start):
    """The model and the data of an example, its kernels set to ``start``."""
    found = runpy.run_path(str(EXAMPLES / f"{name}.py"))
    for layer, kernel in start.items():
        found["model"].params[layer]["kernel"] = kernel
    return found["model"], found["X"], found["y"]


def test_one_layer():
    w = start = np.random.default_rng(1).uniform(-1, 1, (3, 1))
    model, X, y = example("one_layer", dense_1=start)
    for _ in range(10_000):
        out = sigmoid(X @ w)
        w = w + X.T @ ((y - out) * out * (1 - out))

    model.fit(X, y, epochs=10_000, verbose=0)
    np.testing.assert_allclose(model.predict(X), sigmoid(X @ w), rtol=0, atol=1e-8)
    assert ((model.predict(X) > 0.5) == y).all()


@pytest.mark.parametrize("seed", [1, 2])
def test_xor_with_a_hidden_layer(seed):
    rng = np.random.default_rng(seed)
    w1, w2 = rng.uniform(-1, 1, (3, 4)), rng.uniform(-1, 1, (4, 1))
    model, X, y = example("xor", dense_1=w1, dense_2=w2)
    for _ in range(60_000):
        h = sigmoid(X @ w1)
        out = sigmoid(h @ w2)
        d2 = (y - out) * out * (1 - out)
        d1 = (d2 @ w2.T) * h * (1 - h)
        w2 = w2 + h.T @ d2
        w1 = w1 + X.T @ d1

    model.fit(X, y, epochs=60_000, verbose=0)
    np.testing.assert_allclose(model.predict(X), sigmoid(sigmoid(X @ w1) @ w2), rtol=0, atol=1e-8)


@pytest.mark.parametrize("name", ["one_layer", "xor"])
def test_the_programs_print_what_they_found(name, capsys):
    runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    assert "dense_1" in capsys.readouterr().out
