"""The two NumPy programs of a beginner's course are one-liners here and end in the same outputs."""

import numpy as np
import pytest

import liuli as ll
from liuli import layers

X = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]], float)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def half_squared_error(net, start):
    loss = ll.losses.MeanSquaredError(factor=0.5, reduction="sum")
    model = ll.Model(ll.Sequential([ll.Input((3,)), *net]), loss, ll.optimizers.SGD(1.0), precision="float64")
    for name, kernel in start.items():
        model.params[name]["kernel"] = kernel
    return model


def test_one_layer():
    y = np.array([[0.0, 0.0, 1.0, 1.0]]).T
    w = start = np.random.default_rng(1).uniform(-1, 1, (3, 1))
    for _ in range(10_000):
        out = sigmoid(X @ w)
        w = w + X.T @ ((y - out) * out * (1 - out))

    model = half_squared_error([layers.Dense(1, "sigmoid", use_bias=False)], {"dense_1": start})
    model.fit(X, y, epochs=10_000, verbose=0)
    np.testing.assert_allclose(model.predict(X), sigmoid(X @ w), rtol=0, atol=1e-8)
    assert ((model.predict(X) > 0.5) == y).all()


@pytest.mark.parametrize("seed", [1, 2])
def test_xor_with_a_hidden_layer(seed):
    y = np.array([[0.0, 1.0, 1.0, 0.0]]).T
    rng = np.random.default_rng(seed)
    w1, w2 = start = rng.uniform(-1, 1, (3, 4)), rng.uniform(-1, 1, (4, 1))
    for _ in range(60_000):
        h = sigmoid(X @ w1)
        out = sigmoid(h @ w2)
        d2 = (y - out) * out * (1 - out)
        d1 = (d2 @ w2.T) * h * (1 - h)
        w2 = w2 + h.T @ d2
        w1 = w1 + X.T @ d1

    net = [layers.Dense(4, "sigmoid", use_bias=False), layers.Dense(1, "sigmoid", use_bias=False)]
    model = half_squared_error(net, dict(zip(("dense_1", "dense_2"), start, strict=True)))
    model.fit(X, y, epochs=60_000, verbose=0)
    np.testing.assert_allclose(model.predict(X), sigmoid(sigmoid(X @ w1) @ w2), rtol=0, atol=1e-8)
