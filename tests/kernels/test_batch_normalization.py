"""Batch normalization: the native kernel and plain XLA against PyTorch, NumPy in float64, and against each other."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from liuli.kernels import batch_normalization, usable
from liuli.kernels.tiny import LIMIT
from tests.kernels.sides import plain
from tests.numeric import central_differences, close

native = pytest.mark.skipif(not usable(jnp.ones(1)), reason="there is no native library")
KINDS = [(added, relu) for added in (False, True) for relu in (False, True)]


def arrays(*shape, seed=0):
    """x, gamma, beta, epsilon, what is added, and gradients of y, mean and variance."""
    rng = np.random.default_rng(seed)
    x, added, dy = (rng.normal(1.0, 2.0, size=shape) for _ in range(3))
    gamma, beta, *others = (rng.normal(size=shape[-1:]) for _ in range(4))
    return [jnp.asarray(a, "float32") for a in (x, gamma, beta, 0.3, added, dy, *others)]


def called(kind, x, gamma, beta, epsilon, added):
    return batch_normalization(x, gamma, beta, epsilon, added if kind[0] else None, relu=kind[1])


@functools.partial(jax.jit, static_argnums=0)
def with_gradients(kind, *args):
    """y, mean and variance, and the gradients of x, gamma, beta, epsilon and what is added."""
    y, back = jax.vjp(lambda *given: called(kind, *given), *args[:5])
    return y, back(tuple(args[5:]))


def alike(f, *args, relative=2e-5, absolute=2e-5):
    """That ``f`` gives the same natively as in plain XLA."""
    with plain():
        want = jax.jit(f)(*args)
    close(jax.jit(f)(*args), want, relative, absolute)


def by_hand(kind, x, gamma, beta, epsilon, added, dy, dmean, dvariance):
    """The same as ``with_gradients`` in float64, from the formulas of the paper."""
    x, gamma, beta, epsilon, added, dy = (np.asarray(a, float) for a in (x, gamma, beta, epsilon, added, dy))
    mean, variance = x.mean(0), x.var(0)
    part = 1 / np.sqrt(variance + epsilon)
    xhat = (x - mean) * part
    y = gamma * xhat + beta + (added if kind[0] else 0)
    g = np.where(y > 0, dy, 0) if kind[1] else dy
    toward_variance = (g * gamma * (x - mean)).sum(0) * -0.5 * part**3
    epsilon_too = toward_variance.sum()
    toward_variance = toward_variance + np.asarray(dvariance, float)
    toward_mean = -(g * gamma * part).sum(0) + np.asarray(dmean, float)
    dx = g * gamma * part + (2 * (x - mean) * toward_variance + toward_mean) / len(x)
    y = np.maximum(y, 0) if kind[1] else y
    dadded = g if kind[0] else np.zeros_like(x)
    return (y, mean, variance), (dx, (g * xhat).sum(0), g.sum(0), epsilon_too, dadded)


@pytest.mark.parametrize("kind", KINDS)
def test_is_that_of_torch(kind):
    x, gamma, beta, epsilon, added, dy, *_ = args = arrays(50, 7, 12)
    leaves = [torch.tensor(np.asarray(a), requires_grad=True) for a in (x, gamma, beta, added)]
    y = torch.nn.functional.batch_norm(
        leaves[0].permute(0, 2, 1), None, None, leaves[1], leaves[2], training=True, eps=float(epsilon)
    ).permute(0, 2, 1)
    y = y + leaves[3] if kind[0] else y
    y = torch.relu(y) if kind[1] else y
    y.backward(torch.tensor(np.asarray(dy)))
    (got, *_), gradients = with_gradients(kind, *args[:6], jnp.zeros(12), jnp.zeros(12))
    several = (0, 1, 2, 4) if kind[0] else (0, 1, 2)
    theirs = [a.grad.numpy() for a in leaves[: len(several)]]
    close((got, [gradients[i] for i in several]), (y.detach().numpy(), theirs), relative=2e-6)


@native
@settings(max_examples=10)
@given(
    st.sampled_from(KINDS), st.integers(1, 200), st.sampled_from([1, 3, 8, 16, 17, 48, 100, 1001]), st.integers(0, 9)
)
def test_native_is_the_formula(kind, rows, n, seed):
    args = arrays(max(rows, LIMIT // n + 1), n, seed=seed)
    close(with_gradients(kind, *args), by_hand(kind, *args), relative=2e-5, absolute=2e-5)


@native
@pytest.mark.parametrize("shape", [(1, 1500), (2, 1025), (1200, 1), (5, 9, 11, 6)])
def test_native_is_plain(shape):
    """One row, one channel, odd sizes: values and all gradients."""
    for kind in ((False, False), (True, True)):
        alike(lambda *args, kind=kind: with_gradients(kind, *args), *arrays(*shape))


def test_gradients_are_central_differences():
    with jax.enable_x64(True):
        x, gamma, beta, epsilon, added, *weights = (a.astype("float64") for a in arrays(4, 3))

        def f(args):
            made = called((True, True), *args)
            return sum((y * weight).sum() for y, weight in zip(made, weights, strict=True))

        args = (x, gamma, beta, epsilon, added)
        close(jax.jit(jax.grad(f))(args), central_differences(f, args), relative=1e-6, absolute=1e-7)


@native
@pytest.mark.parametrize("mean", [0.0, 1e4])
def test_variances_lose_no_digits(mean):
    """Far from 0, and in rows of which the first are all the same."""
    x = np.random.default_rng(0).normal(mean, 2.0, size=(3000, 5)).astype(np.float32)
    x[:500] = mean + 3
    *_, variance = batch_normalization(jnp.asarray(x))
    close(variance, x.astype(float).var(0), relative=2e-6)


@native
def test_native_of_channels_that_are_constant():
    """The variance is 0, so y is beta and what is added."""
    args = arrays(400, 9)
    args[0] = jnp.broadcast_to(jnp.arange(9.0)[None], (400, 9))
    alike(lambda *args: with_gradients((True, False), *args), *args)


@native
@pytest.mark.parametrize("gamma", [False, True])
@pytest.mark.parametrize("beta", [False, True])
def test_native_without_gamma_or_beta(gamma, beta):
    x, *both = arrays(300, 10)[:3]
    some = [a if there else None for a, there in zip(both, (gamma, beta), strict=True)]
    alike(lambda x: batch_normalization(x, *some), x)


@native
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("which", [0, 1, 4, 5])
def test_native_is_not_a_number_where_plain_is(bad, which):
    """And a channel whose input is finite stays so."""
    args = arrays(150, 11)
    args[which] = args[which].at[(2, 9)[-args[which].ndim :]].set(bad)
    for kind in KINDS:
        with plain():
            want = with_gradients(kind, *args)
        got = with_gradients(kind, *args)
        for mine, yours in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
            np.testing.assert_array_equal(np.isfinite(mine), np.isfinite(yours))


def test_of_nothing_and_of_half_precision():
    assert batch_normalization(jnp.zeros((0, 4)))[0].shape == (0, 4)
    y, mean, variance = batch_normalization(jnp.ones((600, 4), "bfloat16"), relu=True)
    assert (y.dtype, mean.dtype, variance.dtype) == ("bfloat16", "float32", "float32")


@native
def test_native_within_other_transformations():
    """vmap, scan, checkpoint, and the gradient of a compiled function."""
    x, gamma, beta, epsilon, added, dy, *_ = args = arrays(3, 110, 10)
    kind = (True, True)

    def loss(x, gamma, beta, added):
        return (called(kind, x, gamma, beta, epsilon, added)[0] * dy).sum()

    def scanned(x, gamma, beta, added):
        def step(y, d):
            return called(kind, y, gamma, beta, epsilon, added[0])[0], (y * d).sum()

        return jax.lax.scan(step, x[0], dy)[1].sum()

    alike(jax.vmap(lambda *a: with_gradients(kind, *a), (0, *[None] * 3, 0, 0, None, None)), *args)
    for f in (scanned, jax.checkpoint(loss), jax.jit(loss)):
        alike(jax.grad(f, (0, 1, 2, 3)), x, gamma, beta, added)
