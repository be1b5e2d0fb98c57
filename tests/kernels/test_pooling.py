"""Pooling in each lowering, against windows looked at one by one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liuli.kernels import adaptive_average_pool, adaptive_max_pool, average_pool, counted, max_pool
from tests.kernels import by_hand
from tests.kernels.sides import sooner
from tests.numeric import central_differences, close


def sizes(rank, least, most):
    return st.tuples(*[st.integers(least, most)] * rank)


def cases(rank):
    """Window, strides, padding and the size of a sequence, an image or a volume."""
    window, strides = sizes(rank, 1, 3), st.none() | sizes(rank, 1, 3)
    return st.tuples(window, strides, st.sampled_from(by_hand.PADDINGS), sizes(rank, 3, (12, 8, 4)[rank - 1]))


some_case = st.integers(1, 3).flatmap(cases)


def with_gradient(f, x, dy=None):
    """y, and the gradient of x, where that of y is ``dy`` or 1."""

    @jax.jit
    def run(x):
        y, pull = jax.vjp(f, x)
        return y, pull(jnp.ones_like(y) if dy is None else jnp.asarray(dy))[0]

    return run(x)


def some_mask(rng, masked, batch, space):
    return rng.random((batch, *space)) < 0.5 if masked else None


@pytest.mark.parametrize("backend", by_hand.BACKENDS)
@settings(max_examples=20)  # each may be a program to compile
@given(case=some_case, levels=st.sampled_from([2, 1000]), masked=st.booleans())
def test_max(backend, case, levels, masked):
    """Two levels only make every window a tie."""
    window, strides, padding, space = case
    strides, rng = strides or window, np.random.default_rng(0)
    x = rng.integers(levels, size=(2, *space, 2)).astype(float) - 1.0
    mask = some_mask(rng, masked, 2, space)
    want = by_hand.pool(x, window, strides, padding, lambda v: v.max(0), mask)
    g = rng.normal(size=want.shape)
    with jax.enable_x64(True), by_hand.backend(backend):
        y, dx = with_gradient(lambda x: max_pool(x, window, strides, padding, mask), x, g)
    close(y, want, relative=0)
    close(dx, by_hand.max_gradient(x, g, window, strides, padding, mask), relative=1e-12)


@pytest.mark.parametrize("backend", by_hand.BACKENDS)
@settings(max_examples=20)  # each may be a program to compile
@given(case=some_case, masked=st.booleans())
def test_average(backend, case, masked):
    window, strides, padding, space = case
    strides, rng = strides or window, np.random.default_rng(0)
    x, mask = rng.normal(size=(2, *space, 2)), some_mask(rng, masked, 2, space)
    with jax.enable_x64(True), by_hand.backend(backend):
        y = jax.jit(lambda x: average_pool(x, window, strides, padding, mask))(jnp.asarray(x))
    close(y, by_hand.pool(x, window, strides, padding, lambda v: v.mean(0), mask), relative=1e-12)


@settings(max_examples=20)
@given(case=some_case)
def test_counted(case):
    window, strides, padding, space = case
    strides, mask = strides or window, some_mask(np.random.default_rng(0), True, 2, space)
    ones = mask[..., None].astype(float)
    want = by_hand.pool(ones, window, strides, padding, lambda v: v.sum(0))
    found = jax.jit(lambda mask: counted(mask, window, strides, padding))(mask)
    assert found.tolist() == want[..., 0].tolist()


@pytest.mark.parametrize("pool", [max_pool, average_pool])
def test_what_is_masked_may_be_anything(pool):
    """NaN and infinity under the mask neither show nor reach the gradient."""
    x = jnp.array([1.0, jnp.nan, 3.0, jnp.inf, jnp.nan, -jnp.inf]).reshape(1, 6, 1)
    mask = jnp.array([[True, False, True, False, False, False]])
    y, dx = with_gradient(lambda x: pool(x, (2,), (2,), "valid", mask), x)
    assert y.ravel().tolist() == [1.0, 3.0, 0.0]
    assert dx.ravel().tolist() == [1.0, 0.0, 1.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize("backend", by_hand.BACKENDS)
@pytest.mark.parametrize("padding", by_hand.PADDINGS)
def test_average_gradient(backend, padding):
    with jax.enable_x64(True), by_hand.backend(backend):
        x = jnp.asarray(np.random.default_rng(1).normal(size=(2, 5, 6, 2)))

        def f(x):
            return jnp.sin(average_pool(x, (3, 2), (2, 2), padding)).sum()

        close(jax.jit(jax.grad(f))(x), central_differences(f, x), relative=1e-7)


@pytest.mark.parametrize(("window", "images"), [((2, 2), (8, 8)), ((5, 5), (10, 15)), ((1, 300), (2, 600))])
def test_a_gradient_reaches_one_element_of_each_window(window, images):
    """Also where the window is looked at in two passes, or has more elements than 8 bits count."""
    x = jnp.asarray(np.random.default_rng(2).normal(size=(2, *images, 1)), float)

    y, dx = with_gradient(lambda x: max_pool(x, window, window), x)
    assert set(np.unique(dx)) == {0.0, 1.0}
    assert dx.sum() == 2 * (images[0] // window[0]) * (images[1] // window[1])
    assert sorted(x[dx > 0].tolist()) == sorted(y.ravel().tolist())


def test_overlapping_windows_of_more_elements_than_8_bits_count():
    x = np.random.default_rng(2).normal(size=(1, 600, 1)).astype(np.float32)
    with sooner():
        dx = jax.jit(jax.grad(lambda x: max_pool(x, (300,), (150,)).sum()))(jnp.asarray(x))
    close(dx, by_hand.max_gradient(x, np.ones((1, 3, 1)), (300,), (150,), "valid"), relative=0)


@pytest.mark.parametrize("pool", [max_pool, average_pool])
@pytest.mark.parametrize("strides", [(2, 2), (1, 1)])
def test_no_images_give_no_images(pool, strides):
    y, pull = jax.vjp(lambda x: pool(x, (2, 2), strides), jnp.zeros((0, 4, 4, 3)))
    assert y.shape == (0, *(((4 - 2) // s + 1) for s in strides), 3)
    assert pull(y)[0].shape == (0, 4, 4, 3)


@pytest.mark.parametrize("strides", [(2, 2), (1, 1)])
def test_many_batches_at_once(strides):
    x = jnp.asarray(np.random.default_rng(3).normal(size=(3, 2, 4, 4, 2)), float)

    def gradient(x):
        return jax.grad(lambda x: jnp.square(max_pool(x, (2, 2), strides)).sum())(x)

    together, alone = jax.jit(jax.vmap(gradient))(x), jax.jit(gradient)
    close(together, np.stack([alone(one) for one in x]), relative=1e-6)


@pytest.mark.parametrize("pool", [max_pool, average_pool])
def test_keeps_bfloat16(pool):
    y, dx = with_gradient(lambda x: pool(x, (2, 2), (2, 2), "same"), jnp.ones((1, 3, 3, 2), jnp.bfloat16))
    assert y.dtype == dx.dtype == jnp.bfloat16
    assert np.all(np.asarray(y, float) == 1.0)


def test_nan_is_not_hidden():
    x = jnp.ones((1, 2, 2, 1)).at[0, 0, 1, 0].set(jnp.nan)
    assert np.isnan(jax.jit(lambda x: max_pool(x, (2, 2), (2, 2)))(x)).all()


def test_adaptive_gradient_goes_to_the_first_of_equal_ones():
    """Bins of 3 over 5 elements: [0, 1], [1, 2, 3], [3, 4]."""
    x = jnp.array([2.0, 2.0, 1.0, 2.0, 2.0]).reshape(1, 5, 1)
    y, dx = with_gradient(lambda x: adaptive_max_pool(x, (3,)), x, np.float32([1, 10, 100]).reshape(1, 3, 1))
    assert y.ravel().tolist() == [2.0, 2.0, 2.0]
    assert dx.ravel().tolist() == [1.0, 10.0, 0.0, 100.0, 0.0]


@pytest.mark.parametrize("pool", [adaptive_max_pool, adaptive_average_pool])
def test_more_bins_than_elements_repeat_them(pool):
    x = jnp.array([1.0, 2.0]).reshape(1, 2, 1)
    run = jax.jit(lambda x: pool(x, (4,)))
    assert run(x).ravel().tolist() == [1.0, 1.0, 2.0, 2.0]
    assert np.isnan(run(x.at[0, 0, 0].set(jnp.nan)).ravel()).tolist() == [True, True, False, False]
