"""Batch normalization."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from liuli.core.errors import ShapeError
from liuli.layers import BatchNormalization, Context
from tests.layers.calling import KEY, init, shape, taps
from tests.numeric import close

X = np.random.default_rng(0).normal(3.0, 2.0, size=(8, 5, 4)).astype(np.float32)
TRAINING = Context(training=True)


def test_batch_statistics_in_training():
    layer = BatchNormalization(momentum=0.75, epsilon=0.5)
    y, state = layer.apply(*init(layer, X), jnp.asarray(X), TRAINING)
    mean, variance = X.mean((0, 1)), X.var((0, 1))
    close(y, (X - mean) / np.sqrt(variance + 0.5), relative=1e-6)
    close(state, {"moving_mean": 0.25 * mean, "moving_variance": 0.75 + 0.25 * variance}, relative=1e-6)


def test_moving_statistics_otherwise():
    layer = BatchNormalization(epsilon=0.5)
    params, _ = init(layer, X)
    state = {"moving_mean": jnp.arange(4.0), "moving_variance": jnp.arange(4.0) + 1.0}
    y, after = layer.apply(params, state, jnp.asarray(X), Context())
    close(y, (X - np.arange(4.0)) / np.sqrt(np.arange(4.0) + 1.5), relative=1e-6)
    assert after is state
    frozen = layer.replace(trainable=False).apply(params, state, jnp.asarray(X), TRAINING)
    close(frozen, (y, state), relative=0)


def test_moving_statistics_come_to_those_of_the_data():
    layer = BatchNormalization(momentum=0.5)
    params, state = init(layer, X)
    for _ in range(30):
        _, state = layer.apply(params, state, jnp.asarray(X), TRAINING)
    close(state, {"moving_mean": X.mean((0, 1)), "moving_variance": X.var((0, 1))}, relative=1e-5)


def test_large_means_lose_no_digits():
    """E[x^2] - E[x]^2 would have none left."""
    x = jnp.asarray(X + 10_000)
    layer = BatchNormalization(momentum=0.0)
    _, state = layer.apply(*init(layer, X), x, TRAINING)
    close(state["moving_variance"], np.asarray(x, np.float64).var((0, 1)), relative=1e-4)


def test_half_precision_takes_statistics_in_single():
    """4096 ones and as many threes: bfloat16 cannot count so far."""
    x = jnp.tile(jnp.array([[1.0], [3.0]], jnp.bfloat16), (4096, 1))
    layer = BatchNormalization(momentum=0.0, epsilon=0.0)
    params, state = init(layer, X[:, 0, :1])
    half = jax.tree.map(lambda p: p.astype(jnp.bfloat16), params)
    y, after = layer.apply(half, state, x, TRAINING)
    assert {name: (v.dtype, float(v[0])) for name, v in after.items()} == {
        "moving_mean": (jnp.float32, 2.0),
        "moving_variance": (jnp.float32, 1.0),
    }
    assert y.dtype == jnp.bfloat16
    assert sorted(np.unique(np.asarray(y, float))) == [-1.0, 1.0]


def test_batch_tap_gradients_are_those_of_the_plain_version():
    with jax.enable_x64(True):
        x, weights = jnp.asarray(X, float), jnp.asarray(np.random.default_rng(1).normal(size=X.shape))
        layer = BatchNormalization()
        params, state = init(layer, x)
        values, gradients = taps(layer, params, state, x, lambda y: (weights * y**2).sum(), training=True)
        mean, variance = x.mean((0, 1)), x.var((0, 1))

        def from_xhat(xhat):
            return (weights * xhat**2).sum()

        def from_variance(variance):
            return from_xhat((x - mean[None, None]) / jnp.sqrt(variance[None, None] + 0.001))

        def from_mean(mean):
            centred = x - mean[None, None]
            variance = (centred**2).mean((0, 1), keepdims=True)
            return from_xhat(centred / jnp.sqrt(variance + 0.001))

        xhat = (x - mean[None, None]) / jnp.sqrt(variance[None, None] + 0.001)
        close(values, {"mean": mean, "variance": variance, "xhat": xhat}, relative=1e-12)
        expected = {"mean": from_mean, "variance": from_variance, "xhat": from_xhat}
        close(gradients, {name: jax.grad(f)(values[name]) for name, f in expected.items()}, relative=1e-10)


def test_another_axis():
    layer, moved = BatchNormalization(axis=1, momentum=0.5), jnp.asarray(X.swapaxes(1, 2))
    y, state = layer.apply(*init(layer, moved), moved, TRAINING)
    last = BatchNormalization(momentum=0.5)
    expected = last.apply(*init(last, X), jnp.asarray(X), TRAINING)
    close((y.swapaxes(1, 2), state), expected, relative=1e-6)


def test_only_steps_that_count_are_in_the_statistics():
    mask = np.arange(5) < np.array([5, 4, 3, 2, 1, 0, 5, 5])[:, None]
    layer = BatchNormalization(momentum=0.0, epsilon=0.5)
    y, state = layer.apply(*init(layer, X), jnp.asarray(X), Context(training=True, mask=jnp.asarray(mask)))
    counted = X[mask]
    close(state, {"moving_mean": counted.mean(0), "moving_variance": counted.var(0)}, relative=1e-5)
    close(y, (X - counted.mean(0)) / np.sqrt(counted.var(0) + 0.5), relative=1e-5)


def test_where_no_step_counts_nothing_breaks():
    mask = jnp.zeros((8, 5), bool)
    layer = BatchNormalization()
    params, state = init(layer, X)

    def total(x):
        return layer.apply(params, state, x, Context(training=True, mask=mask))[0].sum()

    assert np.isfinite(jax.grad(total)(jnp.asarray(X))).all()


@pytest.mark.parametrize("axis", [0, -3, 3, -4])
def test_needs_the_axis(axis):
    with pytest.raises(ShapeError, match=rf"got axis={axis} for .*; expected axes from 1 to 2"):
        BatchNormalization(axis=axis).init(KEY, shape(8, 5, 4))
