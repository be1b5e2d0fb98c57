"""Convolution in each lowering, against sums written out."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liuli.kernels import conv2d
from liuli.kernels.convolution import _by_views
from tests.kernels import by_hand
from tests.numeric import central_differences, close

pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))


@pytest.mark.parametrize("backend", by_hand.BACKENDS)
@settings(max_examples=20)  # each may be a program to compile
@given(
    kernel=pairs,
    strides=pairs,
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    groups=st.integers(1, 3),
    padding=st.sampled_from(by_hand.PADDINGS),
    extra=st.tuples(st.integers(0, 3), st.integers(0, 3)),
)
def test_is_the_sum(backend, kernel, strides, dilation, groups, padding, extra):
    rng = np.random.default_rng(0)
    height, width = ((k - 1) * d + 1 + e for k, d, e in zip(kernel, dilation, extra, strict=True))
    x, w = rng.normal(size=(2, height, width, 2 * groups)), rng.normal(size=(*kernel, 2, 3 * groups))
    with jax.enable_x64(True), by_hand.backend(backend):
        run = jax.jit(lambda x, w: conv2d(x, w, strides, padding, dilation, groups))
        y = run(jnp.asarray(x), jnp.asarray(w))
    close(y, by_hand.conv2d(x, w, strides, padding, dilation, groups), relative=1e-12, absolute=1e-12)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("padding", by_hand.PADDINGS)
def test_gradient(padding, groups):
    rng = np.random.default_rng(1)
    with jax.enable_x64(True):
        at = jnp.asarray(rng.normal(size=(2, 5, 6, 4))), jnp.asarray(rng.normal(size=(2, 3, 4 // groups, 2)))

        def f(at):
            return jnp.sin(_by_views(*at, (2, 1), padding, (1, 2), groups)).sum()

        close(jax.grad(f)(at), central_differences(f, at), relative=1e-7)


@pytest.mark.parametrize("backend", by_hand.BACKENDS)
def test_no_images_give_no_images(backend):
    x, w = jnp.zeros((0, 5, 5, 2)), jnp.ones((3, 3, 2, 4))
    with by_hand.backend(backend):
        y, pull = jax.vjp(conv2d, x, w)
        dx, dw = pull(y)
    assert (y.shape, dx.shape) == ((0, 3, 3, 4), (0, 5, 5, 2))
    assert not dw.any()


def test_many_kernels_at_once():
    rng = np.random.default_rng(2)
    x, w = jnp.asarray(rng.normal(size=(2, 5, 5, 2)), float), jnp.asarray(rng.normal(size=(3, 3, 3, 2, 4)), float)
    together = jax.vmap(lambda w: jax.grad(lambda x: jnp.square(conv2d(x, w)).sum())(x))(w)
    for one, kernel in zip(together, w, strict=True):
        close(one, jax.grad(lambda x, kernel=kernel: jnp.square(conv2d(x, kernel)).sum())(x), relative=1e-5)


def test_keeps_bfloat16():
    x, w = jnp.ones((1, 4, 4, 2), jnp.bfloat16), jnp.ones((3, 3, 2, 1), jnp.bfloat16)
    y, pull = jax.vjp(conv2d, x, w)
    assert {a.dtype for a in (y, *pull(y))} == {jnp.dtype(jnp.bfloat16)}
    assert float(y[0, 0, 0, 0]) == 18.0
