"""Vectors of length 1, and cosines."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from liuli.core.errors import ShapeError
from liuli.layers import Context, CosineNormalization, UnitNormalization
from liuli.regularizers import L2
from tests.layers.calling import KEY, call, init, shape, taps
from tests.numeric import close

X = np.random.default_rng(0).normal(size=(3, 5, 4)).astype(np.float32)


@pytest.mark.parametrize("axis", [-1, 1, (1, 2)])
def test_length_is_one(axis):
    y = call(UnitNormalization(axis), jnp.asarray(X))
    close(np.sqrt((np.asarray(y) ** 2).sum(axis)), np.ones_like(X.sum(axis)), relative=1e-6)
    close(y * np.sqrt((X**2).sum(axis, keepdims=True)), X, relative=1e-6)


@pytest.mark.parametrize("size", [0.0, 1e-30, 1e-18, 1e18])
def test_sizes_far_from_one_are_finite(size):
    x = jnp.full((1, 4), size)
    y, pull = jax.vjp(lambda x: call(UnitNormalization(), x), x)
    assert np.isfinite(y).all() and np.isfinite(pull(y)[0]).all()


def test_zeros_stay_zeros():
    x = jnp.zeros((1, 4))
    gradient = jax.grad(lambda x: call(UnitNormalization(), x).sum())(x)
    assert call(UnitNormalization(), x).tolist() == gradient.tolist() == [[0.0] * 4]


def test_is_the_cosine():
    layer = CosineNormalization(2, "tanh")
    params, _ = init(layer, X)
    y, _ = layer.apply(params, {}, jnp.asarray(X), Context())
    expected = np.empty((3, 5, 2))
    for place in np.ndindex(3, 5, 2):
        x, w = X[place[:2]].astype(float), np.asarray(params["kernel"], float)[:, place[2]]
        expected[place] = np.tanh(x @ w / (np.sqrt(x @ x) * np.sqrt(w @ w)))
    close(y, expected, relative=1e-6)


def test_size_of_input_and_weights_does_not_matter():
    layer = CosineNormalization(2)
    params, _ = init(layer, X)
    y, _ = layer.apply(params, {}, jnp.asarray(X), Context())
    larger, _ = layer.apply({"kernel": 10.0 * params["kernel"]}, {}, jnp.asarray(7.0 * X), Context())
    close(larger, y, relative=1e-6)
    assert float(jnp.abs(y).max()) <= 1.000001


def test_cosine_gradients_are_those_of_the_plain_version():
    with jax.enable_x64(True):
        x, layer = jnp.asarray(X, float), CosineNormalization(2, kernel_regularizer=L2(0.5))
        params, state = init(layer, x)
        values, gradients = taps(layer, params, state, x, lambda y: jnp.square(y).sum())
        close(gradients, {"z": 2 * values["z"]}, relative=1e-12)

        def plain(x, w):
            lengths = jnp.linalg.norm(x, axis=-1)[..., None] * jnp.linalg.norm(w, axis=0)[None, None]
            return jnp.square(x @ w / lengths).sum()

        def ours(x, w):
            return jnp.square(layer.apply({"kernel": w}, {}, x, Context())[0]).sum()

        close(jax.grad(ours, (0, 1))(x, params["kernel"]), jax.grad(plain, (0, 1))(x, params["kernel"]), relative=1e-10)
        assert float(layer.penalty(params)) == pytest.approx(0.5 * float(jnp.square(params["kernel"]).sum()))


def test_needs_features():
    with pytest.raises(ShapeError, match="features"):
        CosineNormalization(2).init(KEY, shape(3))
