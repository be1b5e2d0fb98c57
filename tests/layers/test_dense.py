"""The fully connected layer."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from liuli.core.errors import ShapeError
from liuli.layers import Context, Dense
from liuli.regularizers import L2
from tests.layers.calling import KEY, call, init, shape, taps
from tests.numeric import close


def test_is_its_equation():
    x = np.random.default_rng(0).normal(size=(3, 5, 4)).astype(np.float32)
    layer = Dense(2, "tanh")
    params, _ = init(layer, x)
    params["bias"] = jnp.array([0.5, -1.0])
    y, _ = layer.apply(params, {}, jnp.asarray(x), Context())
    close(y, np.tanh(np.einsum("btn,nu->btu", x, params["kernel"]) + np.array([0.5, -1.0])), relative=1e-6)


def test_tap_gradient_is_that_of_the_plain_version():
    with jax.enable_x64(True):
        x = jnp.asarray(np.random.default_rng(1).normal(size=(3, 4)))
        layer = Dense(2, "tanh")
        params, state = init(layer, x)
        values, gradients = taps(layer, params, state, x, lambda y: jnp.square(y).sum())
        z = x @ params["kernel"]
        close(values, {"z": z}, relative=1e-12)
        close(gradients, {"z": jax.grad(lambda z: jnp.square(jnp.tanh(z)).sum())(z)}, relative=1e-12)


def test_without_bias():
    assert set(init(Dense(2, use_bias=False), shape(3, 4))[0]) == {"kernel"}


def test_regularizer_speaks_of_the_kernel():
    layer = Dense(2, kernel_regularizer=L2(0.5))
    params = {"kernel": jnp.full((3, 2), 2.0), "bias": jnp.full(2, 100.0)}
    assert float(layer.penalty(params)) == 0.5 * 6 * 4


def test_a_vector_is_no_batch():
    with pytest.raises(ShapeError, match=r"got an input of shape \(batch\)"):
        Dense(2).init(KEY, shape(3))


def test_keeps_the_mask():
    mask = jnp.ones((2, 3), bool)
    assert Dense(2).output_mask(shape(2, 3, 4), mask) is mask


def test_no_samples_give_no_samples():
    assert call(Dense(2), jnp.zeros((0, 3))).shape == (0, 2)
