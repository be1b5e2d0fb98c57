"""The native product of large matrices, and that layers take it where it is worth it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from liuli import kernels
from liuli.kernels.product import multiplied
from tests.kernels.sides import plain
from tests.numeric import close

pytestmark = pytest.mark.skipif(not kernels.usable(jnp.ones(1)), reason="the native kernels were not built")


def normal(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), jnp.float32)


@settings(max_examples=40)
@given(
    m=st.integers(1, 320), n=st.integers(1, 70), k=st.integers(1, 700), turned=st.tuples(st.booleans(), st.booleans())
)
def test_all_sizes(m, n, k, turned):
    """To rounding, which is that of the terms: where they cancel, it is not small beside their sum."""
    a, b = normal(m, k), normal(k, n, seed=1)
    a64, b64 = np.asarray(a, np.float64), np.asarray(b, np.float64)
    given = (np.asarray(each).T if turn else each for each, turn in zip((a, b), turned, strict=True))
    got = np.asarray(multiplied(*map(jnp.asarray, given), *turned), np.float64)
    assert np.all(np.abs(got - a64 @ b64) <= 4 * np.finfo(np.float32).eps * (np.abs(a64) @ np.abs(b64)))


def test_several_blocks_of_rows_with_several_of_depth():
    a, b = normal(1001, 650), normal(650, 45, seed=1)
    wanted = np.asarray(a, np.float64) @ np.asarray(b, np.float64)
    close([multiplied(a, b), multiplied(a.T, b.T, True, True)], [wanted, wanted], relative=2e-6)


@pytest.mark.parametrize("shape", [(64, 300, 256), (2, 40, 257, 256), (65, 130, 129), (700, 130, 130)])
def test_layers_of_a_size_take_it(shape):
    *rows, n, m = shape
    x, w = normal(*rows, n), normal(n, m, seed=1)

    def everything():
        run = jax.jit(jax.value_and_grad(lambda x, w: jnp.sin(kernels.product(x, w)).sum(), argnums=(0, 1)))
        return (
            run(x, w),
            jax.vmap(run, (None, 0))(x, jnp.stack([w, 2.0 * w])),
            "liuli_product" in run.lower(x, w).as_text(),
        )

    *found, native = everything()
    assert native
    with plain():
        *wanted, native = everything()
    assert not native
    close(found, wanted, relative=2e-5)


@pytest.mark.parametrize("shape", [(65, 130, 129), (700, 131, 130), (1030, 64, 150)])
def test_values_and_gradients(shape):
    rows, n, m = shape
    x, w, g = normal(rows, n), normal(n, m, seed=1), normal(rows, m, seed=2)
    y, back = jax.vjp(kernels.product, x, w)
    x64, w64, g64 = (np.asarray(a, np.float64) for a in (x, w, g))
    close((y, back(g)), (x64 @ w64, (g64 @ w64.T, x64.T @ g64)), relative=2e-6)


@settings(max_examples=12)
@example(rows=2100, n=100, m=60, biased=True, relu=True)  # W is packed for many rows,
@example(rows=500, n=200, m=300, biased=True, relu=True)  # and left to XLA for few
@given(
    rows=st.integers(32, 700), n=st.integers(40, 330), m=st.integers(52, 90), biased=st.booleans(), relu=st.booleans()
)
def test_bias_and_relu(rows, n, m, biased, relu):
    """Values and gradients, by NumPy in float64."""
    x, w, g = normal(rows, n), normal(n, m, seed=1), normal(rows, m, seed=2)
    bias = normal(m, seed=3) if biased else None
    y, back = jax.vjp(lambda x, w, bias: kernels.product(x, w, bias, relu), x, w, bias)
    x64, w64, g64 = (np.asarray(a, np.float64) for a in (x, w, g))
    z64 = x64 @ w64 + (np.asarray(bias, np.float64) if biased else 0.0)
    g64 = np.where(np.asarray(y) > 0, g64, 0.0) if relu else g64  # where z is all but 0, its sign is rounding's
    close(y, np.maximum(z64, 0.0) if relu else z64, relative=2e-6)
    dx, dw, dbias = back(g)
    close((dx, dw), (g64 @ w64.T, x64.T @ g64), relative=2e-6)
    if biased:
        close(dbias, g64.sum(0), relative=2e-6)


def test_relu_of_what_is_not_a_number():
    x, w, bias = normal(64, 40).at[3, 1].set(np.nan), normal(40, 60, seed=1), normal(60, seed=2)
    y = kernels.product(x, w, bias, True)
    np.testing.assert_array_equal(np.isnan(y).all(1), np.arange(64) == 3)
    assert (y[jnp.arange(64) != 3] >= 0).all()


def test_within_a_loop_that_computes_again():
    x, w = normal(65, 130), 0.1 * normal(130, 130, seed=1)

    def loss(w, times):
        step = jax.checkpoint(lambda x, _: (jnp.tanh(kernels.product(x, w)), None))
        return times(step, x).sum()

    def by_loop(step, x):
        return jax.lax.scan(step, x, length=3)[0]

    def by_hand(step, x):
        for _ in range(3):
            x, _ = step(x, None)
        return x

    found = jax.jit(jax.value_and_grad(lambda w: loss(w, by_loop)))(w)
    with plain():
        wanted = jax.value_and_grad(lambda w: loss(w, by_hand))(w)
    close(found, wanted, relative=2e-5)


def test_what_is_not_finite_stays_where_it_is():
    a, b = normal(30, 40).at[7, 3].set(np.nan).at[9, 4].set(np.inf), normal(40, 20, seed=1)
    np.testing.assert_allclose(multiplied(a, b), a @ b, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(multiplied(a.T, b.T, True, True), a @ b, rtol=1e-4, atol=1e-4)
