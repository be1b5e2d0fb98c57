"""Layer normalization: the native kernel and plain XLA against PyTorch, and against each other."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from liuli.kernels import layer_normalization, usable
from tests.kernels.sides import plain
from tests.numeric import central_differences, close

native = pytest.mark.skipif(not usable(jnp.ones(1)), reason="there is no native library")


def arrays(*shape, seed=0):
    """x, gamma, beta, and a gradient of y."""
    rng = np.random.default_rng(seed)
    x, dy = (rng.normal(1.0, 2.0, size=shape) for _ in range(2))
    return [jnp.asarray(a, "float32") for a in (x, rng.normal(size=shape[-1:]), rng.normal(size=shape[-1:]), dy)]


def with_gradients(x, gamma, beta, dy, epsilon):
    """y and the gradients of x, gamma, beta and epsilon."""
    y, back = jax.vjp(layer_normalization, x, gamma, beta, epsilon)
    return y, back(dy)


def alike(f, *args, relative=2e-5):
    """That ``f`` gives the same natively as in plain XLA."""
    with plain():
        want = jax.jit(f)(*args)
    close(jax.jit(f)(*args), want, relative, absolute=1e-6)


def test_is_that_of_torch():
    x, gamma, beta, dy = arrays(5, 7, 12)
    leaves = [torch.tensor(np.asarray(a), requires_grad=True) for a in (x, gamma, beta)]
    y = torch.nn.functional.layer_norm(leaves[0], (12,), *leaves[1:], eps=0.1)
    y.backward(torch.tensor(np.asarray(dy)))
    got, gradients = with_gradients(x, gamma, beta, dy, 0.1)
    close((got, gradients[:3]), (y.detach().numpy(), tuple(a.grad.numpy() for a in leaves)), relative=2e-6)


def test_gradients_are_central_differences():
    with jax.enable_x64(True):
        *args, dy = (a.astype("float64") for a in arrays(3, 6))
        args = (*args, jnp.float64(0.1))

        def f(args):
            return (layer_normalization(*args) * dy).sum()

        close(jax.jit(jax.grad(f))(args), central_differences(f, args), relative=1e-6, absolute=1e-7)


@native
@settings(max_examples=8)
@given(
    st.sampled_from([(1,), (50,), (7, 30), (2, 3, 4)]),
    st.sampled_from([3, 5, 8, 17, 32, 100]),
    st.sampled_from([1e-3, 0.1, 1.0]),
)
def test_native_is_plain(rows, n, epsilon):
    """With gradients of y by which all rows pull epsilon the same way, so that its sum does not cancel."""
    x, gamma, beta, _ = arrays(*rows, n)
    dy = np.asarray(x) * np.asarray(gamma)
    alike(with_gradients, x, gamma, beta, dy, jnp.float32(epsilon))


@native
def test_native_of_rows_that_are_constant():
    """The variance is 0, so y is beta; one feature is always so."""
    x, gamma, beta, dy = arrays(4, 9)
    alike(with_gradients, jnp.ones_like(x), gamma, beta, dy, jnp.float32(0.5))
    alike(with_gradients, x[:, :1], gamma[:1], beta[:1], dy[:, :1], jnp.float32(0.5))


@native
@pytest.mark.parametrize("gamma", [False, True])
@pytest.mark.parametrize("beta", [False, True])
def test_native_without_gamma_or_beta(gamma, beta):
    x, *both, _ = arrays(3, 10)
    some = [a if there else None for a, there in zip(both, (gamma, beta), strict=True)]
    alike(lambda x: layer_normalization(x, *some), x)


@native
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("which", [0, 1, 3])
def test_native_is_not_a_number_where_plain_is(bad, which):
    args = arrays(5, 11)
    args[which] = args[which].at[(2, 9)[-args[which].ndim :]].set(bad)
    run = jax.jit(with_gradients)
    with plain():
        want = run(*args, jnp.float32(0.1))
    got = run(*args, jnp.float32(0.1))
    for mine, yours in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        np.testing.assert_array_equal(np.isfinite(mine), np.isfinite(yours))


@native
def test_native_of_nothing_and_of_half_precision():
    assert layer_normalization(jnp.zeros((0, 4))).shape == (0, 4)
    assert layer_normalization(jnp.zeros((3, 0))).shape == (3, 0)
    assert layer_normalization(jnp.ones((2, 4), "bfloat16")).dtype == "bfloat16"


@native
def test_native_within_other_transformations():
    """vmap, scan, checkpoint, and the gradient of a compiled function."""
    x, gamma, beta, dy = arrays(3, 4, 10)

    def loss(x, gamma, beta, dy):
        return (layer_normalization(x, gamma, beta) * dy).sum()

    def scanned(x, gamma, beta, dy):
        return jax.lax.scan(lambda y, d: (layer_normalization(y, gamma, beta), (y * d).sum()), x[0], dy)[1].sum()

    alike(jax.vmap(with_gradients, (0, None, None, 0, None)), x, gamma, beta, dy, jnp.float32(0.1))
    for f in (scanned, jax.checkpoint(loss), jax.jit(loss)):
        alike(jax.grad(f, (0, 1, 2)), x, gamma, beta, dy)
