"""Locally connected layers, against loops."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from liuli.core.errors import LiuliError, ShapeError
from liuli.layers import Context, Conv1D, Conv2D, LocallyConnected1D, LocallyConnected2D
from tests.layers.calling import KEY, init, shape, taps
from tests.numeric import close


@pytest.mark.parametrize(("padding", "places"), [("valid", 3), ("same", 4)])
def test_a_kernel_and_a_bias_for_each_step(padding, places):
    rng = np.random.default_rng(0)
    x, w, b = rng.normal(size=(2, 8, 3)), rng.normal(size=(places, 3, 3, 5)), rng.normal(size=(places, 5))
    # "same": ceil(8 / 2) = 4 windows cover 9 elements, and the one zero stands at the end
    z = np.zeros((2, places, 5))
    for i, p in np.ndindex(places, 3):
        if i * 2 + p < 8:
            z[:, i] += x[:, i * 2 + p] @ w[i, p]
    with jax.enable_x64(True):
        layer = LocallyConnected1D(5, 3, strides=2, padding=padding, activation="tanh")
        params = {"kernel": jnp.asarray(w), "bias": jnp.asarray(b)}
        assert jax.tree.map(jnp.shape, init(layer, jnp.asarray(x))[0]) == jax.tree.map(jnp.shape, params)
        close(layer.apply(params, {}, jnp.asarray(x), Context())[0], np.tanh(z + b), relative=1e-12)


def test_a_kernel_and_a_bias_for_each_pixel():
    rng = np.random.default_rng(1)
    x, w, b = rng.normal(size=(2, 5, 4, 3)), rng.normal(size=(2, 3, 3, 2, 3, 4)), rng.normal(size=(2, 3, 4))
    z = np.zeros((2, 2, 3, 4))
    for i, j, p, q in np.ndindex(2, 3, 3, 2):
        z[:, i, j] += x[:, 2 * i + p, j + q] @ w[i, j, p, q]
    with jax.enable_x64(True):
        layer, params = LocallyConnected2D(4, (3, 2), (2, 1)), {"kernel": jnp.asarray(w), "bias": jnp.asarray(b)}
        assert jax.tree.map(jnp.shape, init(layer, jnp.asarray(x))[0]) == jax.tree.map(jnp.shape, params)
        close(layer.apply(params, {}, jnp.asarray(x), Context())[0], z + b, relative=1e-12)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("rank", [1, 2])
def test_with_one_kernel_everywhere_it_is_a_convolution(rank, padding):
    """And so are its gradients: that of the one kernel is the sum over all places."""
    rng = np.random.default_rng(2)
    local, shared = {1: (LocallyConnected1D, Conv1D), 2: (LocallyConnected2D, Conv2D)}[rank]
    fields = {"padding": padding, "strides": 2, "use_bias": False}
    with jax.enable_x64(True):
        x = jnp.asarray(rng.normal(size=(2, *(6, 7)[:rank], 3)))
        kernel = jnp.asarray(rng.normal(size=(*(3,) * rank, 3, 2)))
        sizes = init(local(2, 3, **fields), x)[0]["kernel"].shape

        def loss(layer, kernel, x):
            return jnp.sin(layer.apply({"kernel": kernel}, {}, x, Context())[0]).sum()

        def unshared(kernel, x):
            return loss(local(2, 3, **fields), jnp.broadcast_to(kernel[(None,) * rank], sizes), x)

        def conv(kernel, x):
            return loss(shared(2, 3, **fields), kernel, x)

        found, wanted = (jax.jit(jax.grad(f, (0, 1)))(kernel, x) for f in (unshared, conv))
        close(found, wanted, relative=1e-12)


def test_each_kernel_starts_as_one_of_a_convolution():
    params, _ = LocallyConnected2D(8, 3, kernel_initializer="glorot_uniform").init(KEY, shape(1, 12, 12, 4))
    kernel = np.asarray(params["kernel"])
    limit = np.sqrt(6 / (9 * 4 + 9 * 8))
    assert kernel.shape == (10, 10, 3, 3, 4, 8)
    assert 0.99 * limit < np.abs(kernel).max() <= limit
    assert len(np.unique(kernel[..., 0, 0, 0, 0])) == 100


def test_tap():
    layer, x = LocallyConnected1D(2, 2, activation="tanh"), jnp.asarray(np.random.default_rng(3).normal(size=(2, 4, 3)))
    x = x.astype(float)
    values, gradients = taps(layer, *init(layer, x), x, lambda y: jnp.square(y).sum())
    close(gradients["z"], jax.grad(lambda z: jnp.square(jnp.tanh(z)).sum())(values["z"]), relative=1e-5)


def test_masks():
    mask = jnp.ones((2, 8), bool)
    assert LocallyConnected1D(2, 3, padding="same").output_mask(shape(2, 8, 1), mask) is mask
    with pytest.raises(LiuliError, match="cannot pass LocallyConnected1D"):
        LocallyConnected1D(2, 3).output_mask(shape(2, 8, 1), mask)


def test_bad_inputs():
    with pytest.raises(ShapeError, match=r"expected \(batch, steps, channels\)"):
        LocallyConnected1D(2, 3).init(KEY, shape(2, 8))
    with pytest.raises(ShapeError, match="images of 2 x 8"):
        LocallyConnected2D(2, 3).init(KEY, shape(2, 2, 8, 1))
