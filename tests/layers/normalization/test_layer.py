"""Normalization over the features of each sample."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from liuli.core.errors import ShapeError
from liuli.layers import Context, LayerNormalization, RMSNormalization, UnitNormalization
from tests.layers.calling import KEY, call, init, shape, taps
from tests.numeric import close

X = np.random.default_rng(0).normal(3.0, 2.0, size=(8, 5, 4)).astype(np.float32)
MASK = np.arange(5) < np.array([5, 4, 3, 2, 1, 0, 5, 5])[:, None]
TRAINING = Context(training=True)


def test_layer_normalization():
    layer = LayerNormalization(epsilon=0.5)
    y, state = layer.apply(*init(layer, X), jnp.asarray(X), TRAINING)
    centred = X - X.mean(-1, keepdims=True)
    close(y, centred / np.sqrt(X.var(-1, keepdims=True) + 0.5), relative=1e-6)
    assert state == {}


def test_layer_tap_gradient():
    with jax.enable_x64(True):
        x, layer = jnp.asarray(X, float), LayerNormalization(gamma_initializer="ones")
        params, state = init(layer, x)
        values, gradients = taps(layer, params, state, x, lambda y: jnp.sin(y).sum())
        close(gradients, {"xhat": jnp.cos(values["xhat"])}, relative=1e-12)


@pytest.mark.parametrize("axis", [(1, 2), (2, 1), (-1, -2), (-1, 1)])
def test_several_axes_in_any_order(axis):
    layer = LayerNormalization(axis, epsilon=0.5)
    params, _ = init(layer, X)
    assert {name: p.shape for name, p in params.items()} == {"gamma": (5, 4), "beta": (5, 4)}
    gamma = np.arange(20.0, dtype=np.float32).reshape(5, 4)
    y, _ = layer.apply({**params, "gamma": jnp.asarray(gamma)}, {}, jnp.asarray(X), TRAINING)
    centred = X - X.mean((1, 2), keepdims=True)
    close(y, gamma * centred / np.sqrt(X.var((1, 2), keepdims=True) + 0.5), relative=1e-6)


def test_only_steps_that_count_are_in_the_mean_over_time():
    layer = LayerNormalization((1, 2), epsilon=0.5)
    y = call(layer, jnp.asarray(X), mask=jnp.asarray(MASK))
    for one, counts, got in zip(X, MASK, y, strict=True):
        counted = one[counts] if counts.any() else np.zeros((1, 4))
        close(got, (one - counted.mean()) / np.sqrt(counted.var() + 0.5), relative=1e-5)
    features = LayerNormalization()
    close(call(features, jnp.asarray(X), mask=jnp.asarray(MASK)), call(features, jnp.asarray(X)), relative=0)


def test_root_mean_square():
    layer = RMSNormalization(epsilon=0.5)
    params, _ = init(layer, X)
    assert params["scale"].tolist() == [1.0] * 4
    y, _ = layer.apply({"scale": jnp.arange(4.0)}, {}, jnp.asarray(X), Context())
    close(y, np.arange(4.0) * X / np.sqrt((X**2).mean(-1, keepdims=True) + 0.5), relative=1e-6)
    both = call(RMSNormalization((1, 2)), jnp.asarray(X), mask=jnp.asarray(MASK))
    close(both[2], X[2] / np.sqrt((X[2, :3] ** 2).mean() + 1e-6), relative=1e-6)


def test_no_sample_depends_on_another():
    for layer in (LayerNormalization(), RMSNormalization(), UnitNormalization()):
        others = jnp.asarray(X).at[1:].multiply(7.0)
        close(call(layer, others, training=True)[0], call(layer, jnp.asarray(X), training=True)[0], relative=1e-6)


def test_half_precision_sums_in_single():
    """4096 ones: bfloat16 cannot count so far."""
    x = jnp.ones((1, 4096), jnp.bfloat16)
    y, _ = RMSNormalization().apply({"scale": jnp.ones(4096, jnp.bfloat16)}, {}, x, Context())
    assert y.dtype == jnp.bfloat16 and float(y[0, 0]) == 1.0


@pytest.mark.parametrize("layer", [LayerNormalization, RMSNormalization, UnitNormalization])
@pytest.mark.parametrize("axis", [0, 3, (1, -2), ()])
def test_needs_the_axes(layer, axis):
    with pytest.raises(ShapeError, match="expected axes from 1 to 2, or from -2 to -1"):
        layer(axis).init(KEY, shape(8, 5, 4))
