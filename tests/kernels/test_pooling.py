"""Pooling in each lowering, against windows looked at one by one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liuli.kernels import average_pool2d, max_pool2d
from tests.kernels import by_hand
from tests.numeric import central_differences, close

pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
windows = st.tuples(pairs, st.none() | pairs, st.sampled_from(by_hand.PADDINGS), st.integers(3, 8), st.integers(3, 8))


@pytest.mark.parametrize("backend", by_hand.BACKENDS)
@settings(max_examples=20)  # each may be a program to compile
@given(case=windows, levels=st.sampled_from([2, 1000]))
def test_max(backend, case, levels):
    """Two levels only make every window a tie."""
    window, strides, padding, height, width = case
    strides, rng = strides or window, np.random.default_rng(0)
    x = rng.integers(levels, size=(2, height, width, 2)).astype(float)
    with jax.enable_x64(True), by_hand.backend(backend):

        @jax.jit
        def run(x):
            y, pull = jax.vjp(lambda x: max_pool2d(x, window, strides, padding), x)
            g = jnp.asarray(rng.normal(size=y.shape))
            return y, g, pull(g)[0]

        y, g, dx = run(jnp.asarray(x))
    close(y, by_hand.pool2d(x, window, strides, padding, lambda v: v.max(1)), relative=0)
    close(dx, by_hand.max_gradient(x, np.asarray(g), window, strides, padding), relative=1e-12)


@pytest.mark.parametrize("backend", by_hand.BACKENDS)
@settings(max_examples=20)  # each may be a program to compile
@given(case=windows)
def test_average(backend, case):
    window, strides, padding, height, width = case
    strides = strides or window
    x = np.random.default_rng(0).normal(size=(2, height, width, 2))
    with jax.enable_x64(True), by_hand.backend(backend):
        y = jax.jit(lambda x: average_pool2d(x, window, strides, padding))(jnp.asarray(x))
    close(y, by_hand.pool2d(x, window, strides, padding, lambda v: v.mean(1)), relative=1e-12)


@pytest.mark.parametrize("backend", by_hand.BACKENDS)
@pytest.mark.parametrize("padding", by_hand.PADDINGS)
def test_average_gradient(backend, padding):
    with jax.enable_x64(True), by_hand.backend(backend):
        x = jnp.asarray(np.random.default_rng(1).normal(size=(2, 5, 6, 2)))

        def f(x):
            return jnp.sin(average_pool2d(x, (3, 2), (2, 2), padding)).sum()

        close(jax.grad(f)(x), central_differences(f, x), relative=1e-7)


@pytest.mark.parametrize(("window", "images"), [((2, 2), (8, 8)), ((5, 5), (10, 15)), ((1, 300), (2, 600))])
def test_a_gradient_reaches_one_element_of_each_window(window, images):
    """Also where the window is looked at in two passes, or has more elements than 8 bits count."""
    x = jnp.asarray(np.random.default_rng(2).normal(size=(2, *images, 1)), float)

    @jax.jit
    def run(x):
        y, pull = jax.vjp(lambda x: max_pool2d(x, window, window), x)
        return y, pull(jnp.ones_like(y))[0]

    y, dx = run(x)
    assert set(np.unique(dx)) == {0.0, 1.0}
    assert dx.sum() == 2 * (images[0] // window[0]) * (images[1] // window[1])
    assert sorted(x[dx > 0].tolist()) == sorted(y.ravel().tolist())


@pytest.mark.parametrize("pool", [max_pool2d, average_pool2d])
@pytest.mark.parametrize("strides", [(2, 2), (1, 1)])
def test_no_images_give_no_images(pool, strides):
    y, pull = jax.vjp(lambda x: pool(x, (2, 2), strides), jnp.zeros((0, 4, 4, 3)))
    assert y.shape == (0, *(((4 - 2) // s + 1) for s in strides), 3)
    assert pull(y)[0].shape == (0, 4, 4, 3)


@pytest.mark.parametrize("strides", [(2, 2), (1, 1)])
def test_many_batches_at_once(strides):
    x = jnp.asarray(np.random.default_rng(3).normal(size=(3, 2, 4, 4, 2)), float)

    def gradient(x):
        return jax.grad(lambda x: jnp.square(max_pool2d(x, (2, 2), strides)).sum())(x)

    close(jax.vmap(gradient)(x), jnp.stack([gradient(one) for one in x]), relative=1e-6)


@pytest.mark.parametrize("pool", [max_pool2d, average_pool2d])
def test_keeps_bfloat16(pool):
    y, pull = jax.vjp(lambda x: pool(x, (2, 2), (2, 2), "same"), jnp.ones((1, 3, 3, 2), jnp.bfloat16))
    assert y.dtype == pull(y)[0].dtype == jnp.bfloat16
    assert np.all(np.asarray(y, float) == 1.0)


def test_nan_is_not_hidden():
    x = jnp.ones((1, 2, 2, 1)).at[0, 0, 1, 0].set(jnp.nan)
    assert jnp.isnan(max_pool2d(x, (2, 2), (2, 2))).all()
