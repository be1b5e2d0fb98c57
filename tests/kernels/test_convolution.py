"""Convolution and its transpose in each lowering, against sums written out."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liuli.kernels import conv, conv_transpose, conv_unshared
from tests.kernels import by_hand
from tests.numeric import central_differences, close

ONE = (1, 1)
MOST = {1: 3, 2: 3, 3: 2}  # elements of a window along each axis, by rank


def each(least, most):
    return lambda rank: st.tuples(*[st.integers(least, most if isinstance(most, int) else most[rank])] * rank)


def per_axis(*kinds):
    """A value of each kind, for one, two or three axes."""
    return st.integers(1, 3).flatmap(lambda rank: st.tuples(*(kind(rank) for kind in kinds)))


def reach(kernel, dilation):
    return [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]


def with_slopes(f, *at):
    """y, and the gradients at ``at`` where that of y is y."""

    @jax.jit
    def run(*at):
        y, pull = jax.vjp(f, *at)
        return y, pull(y)

    return run(*at)


@pytest.mark.parametrize("backend", by_hand.BACKENDS)
@settings(max_examples=20)  # each may be a program to compile
@given(
    axes=per_axis(each(1, MOST), each(1, 3), each(1, 2), each(0, 3)),
    groups=st.integers(1, 3),
    inside=st.integers(1, 2),
    padding=st.sampled_from([*by_hand.PADDINGS, "causal"]),
)
def test_is_the_sum(backend, axes, groups, inside, padding):
    rng, (kernel, strides, dilation, extra) = np.random.default_rng(0), axes
    space = [r + e for r, e in zip(reach(kernel, dilation), extra, strict=True)]
    x, w = rng.normal(size=(2, *space, inside * groups)), rng.normal(size=(*kernel, inside, 3 * groups))
    with jax.enable_x64(True), by_hand.backend(backend):
        run = jax.jit(lambda x, w: conv(x, w, strides, padding, dilation, groups))
        y = run(jnp.asarray(x), jnp.asarray(w))
    close(y, by_hand.conv(x, w, strides, padding, dilation, groups), relative=1e-12, absolute=1e-12)


@pytest.mark.parametrize("backend", by_hand.BACKENDS)
@settings(max_examples=20)
@given(
    axes=per_axis(each(1, MOST), each(1, 3), each(1, 2), each(1, 3)),
    padding=st.sampled_from(by_hand.PADDINGS),
    more=st.none() | st.integers(0, 2),
)
def test_transpose_is_the_sum(backend, axes, padding, more):
    rng, (kernel, strides, dilation, space) = np.random.default_rng(1), axes
    more = None if more is None else tuple(min(more, s - 1) for s in strides)
    x, w = rng.normal(size=(2, *space, 3)), rng.normal(size=(*kernel, 2, 3))
    with jax.enable_x64(True), by_hand.backend(backend):
        run = jax.jit(lambda x, w: conv_transpose(x, w, strides, padding, dilation, more))
        y = run(jnp.asarray(x), jnp.asarray(w))
    whole = by_hand.conv_transpose(x, w, strides, dilation)
    for axis, (n, s, r) in enumerate(zip(space, strides, reach(kernel, dilation), strict=True), 1):
        smallest = r if padding == "valid" else r % 2
        last = smallest + more[axis - 1] if more else {"valid": max(r, s), "same": s}[padding]
        start = max(r - last, 0) // 2 if padding == "same" else 0
        zeros = [(0, 0)] * axis + [(0, max(last - r, 0))] + [(0, 0)] * (x.ndim - 1 - axis)
        whole = np.pad(whole, zeros).take(range(start, start + (n - 1) * s + last), axis)
    close(y, whole, relative=1e-12, absolute=1e-12)


@settings(max_examples=10)
@given(axes=per_axis(each(1, MOST), each(1, 3), each(0, 3)), padding=st.sampled_from(by_hand.PADDINGS))
def test_unshared_is_the_sum(axes, padding):
    rng, (kernel, strides, extra) = np.random.default_rng(2), axes
    x = rng.normal(size=(2, *(k + e for k, e in zip(kernel, extra, strict=True)), 2))
    places = [len(axis) for axis in by_hand.windows(x.shape[1:-1], kernel, strides, padding)]
    w = rng.normal(size=(*places, *kernel, 2, 3))
    with jax.enable_x64(True):
        y = jax.jit(lambda x, w: conv_unshared(x, w, strides, padding))(jnp.asarray(x), jnp.asarray(w))
    close(y, by_hand.conv_unshared(x, w, strides, padding), relative=1e-12, absolute=1e-12)


@pytest.mark.parametrize("backend", by_hand.BACKENDS)
@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("padding", by_hand.PADDINGS)
def test_gradient(padding, groups, backend):
    rng = np.random.default_rng(1)
    with jax.enable_x64(True), by_hand.backend(backend):
        at = jnp.asarray(rng.normal(size=(2, 5, 6, 4))), jnp.asarray(rng.normal(size=(2, 3, 4 // groups, 4)))

        def f(at):
            return jnp.sin(conv(*at, (2, 1), padding, (1, 2), groups)).sum()

        close(jax.jit(jax.grad(f))(at), central_differences(f, at), relative=1e-7)


@pytest.mark.parametrize("backend", by_hand.BACKENDS)
@pytest.mark.parametrize("padding", by_hand.PADDINGS)
def test_gradient_of_the_transpose(padding, backend):
    rng = np.random.default_rng(1)
    with jax.enable_x64(True), by_hand.backend(backend):
        at = jnp.asarray(rng.normal(size=(2, 3, 4, 3))), jnp.asarray(rng.normal(size=(2, 3, 2, 3)))

        def f(at):
            return jnp.sin(conv_transpose(*at, (2, 1), padding, (1, 2))).sum()

        close(jax.jit(jax.grad(f))(at), central_differences(f, at), relative=1e-7)


@pytest.mark.parametrize("backend", by_hand.BACKENDS)
@pytest.mark.parametrize("padding", by_hand.PADDINGS)
def test_transpose_is_the_adjoint(padding, backend):
    """<conv(x), y> = <x, conv_transpose(y)>, where the sizes are those of each other."""
    rng = np.random.default_rng(4)
    with jax.enable_x64(True), by_hand.backend(backend):
        w = jnp.asarray(rng.normal(size=(3, 2, 2, 4)))
        y = jnp.asarray(rng.normal(size=(2, 3, 4, 4)))
        back = jax.jit(lambda y: conv_transpose(y, w, (2, 1), padding, ONE))(y)
        x = rng.normal(size=back.shape)
        there = jax.jit(lambda x: conv(x, w, (2, 1), padding, ONE))(x)
    close(np.vdot(there, y), np.vdot(x, back), relative=1e-12)


@pytest.mark.parametrize("backend", by_hand.BACKENDS)
def test_no_images_give_no_images(backend):
    x, w = jnp.zeros((0, 5, 5, 2)), jnp.ones((3, 3, 2, 4))
    with by_hand.backend(backend):
        y, (dx, dw) = with_slopes(lambda x, w: conv(x, w, ONE, "valid", ONE), x, w)
        back = conv_transpose(y, w, ONE, "valid", ONE)
    assert (y.shape, dx.shape, back.shape) == ((0, 3, 3, 4), (0, 5, 5, 2), (0, 5, 5, 2))
    assert not dw.any()
    assert conv_unshared(x, jnp.ones((3, 3, 3, 3, 2, 4)), ONE, "valid").shape == (0, 3, 3, 4)


@pytest.mark.parametrize("groups", [1, 2])
def test_many_kernels_at_once(groups):
    rng = np.random.default_rng(2)
    x = jnp.asarray(rng.normal(size=(2, 5, 5, 2)), float)
    w = jnp.asarray(rng.normal(size=(3, 3, 3, 2 // groups, 4)), float)

    def gradient(w):
        return jax.grad(lambda x: jnp.square(conv(x, w, ONE, "same", ONE, groups)).sum())(x)

    together, alone = jax.jit(jax.vmap(gradient))(w), jax.jit(gradient)
    close(together, np.stack([alone(kernel) for kernel in w]), relative=1e-5)


def test_many_transposes_at_once():
    rng = np.random.default_rng(3)
    x = jnp.asarray(rng.normal(size=(3, 2, 4, 4, 2)), float)
    w = jnp.asarray(rng.normal(size=(3, 3, 3, 1, 2)), float)
    run = jax.grad(lambda x, w: jnp.square(conv_transpose(x, w, (2, 2), "same", ONE)).sum(), (0, 1))
    alone = jax.jit(run)
    for i, one in enumerate(zip(*jax.jit(jax.vmap(run))(x, w), strict=True)):
        close(one, alone(x[i], w[i]), relative=1e-5)


@pytest.mark.parametrize("groups", [1, 2])
def test_keeps_bfloat16(groups):
    x, w = jnp.ones((1, 4, 4, 2), jnp.bfloat16), jnp.ones((3, 3, 2 // groups, 2), jnp.bfloat16)
    y, slopes = with_slopes(lambda x, w: conv(x, w, ONE, "valid", ONE, groups), x, w)
    assert {a.dtype for a in (y, *slopes)} == {jnp.dtype(jnp.bfloat16)}
    assert float(y[0, 0, 0, 0]) == 18.0 / groups


def test_transpose_keeps_bfloat16():
    x, w = jnp.ones((1, 4, 4, 2), jnp.bfloat16), jnp.ones((3, 3, 1, 2), jnp.bfloat16)
    y, slopes = with_slopes(lambda x, w: conv_transpose(x, w, ONE, "valid", ONE), x, w)
    assert {a.dtype for a in (y, *slopes)} == {jnp.dtype(jnp.bfloat16)}
    assert float(y[0, 2, 2, 0]) == 18.0
