"""The native product of large matrices, and that layers take it where it is worth it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liuli import kernels
from liuli.kernels.product import multiplied
from tests.numeric import close

pytestmark = pytest.mark.skipif(not kernels.usable(jnp.ones(1)), reason="the native kernels were not built")


def normal(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), jnp.float32)


@settings(max_examples=40)
@given(
    m=st.integers(1, 120), n=st.integers(1, 70), k=st.integers(1, 600), turned=st.tuples(st.booleans(), st.booleans())
)
def test_all_sizes(m, n, k, turned):
    a, b = normal(m, k), normal(k, n, seed=1)
    wanted = np.asarray(a, np.float64) @ np.asarray(b, np.float64)
    got = multiplied(a.T if turned[0] else a, b.T if turned[1] else b, *turned)
    close(got, wanted, relative=2e-6)


@pytest.mark.parametrize("shape", [(64, 300, 256), (2, 40, 257, 256)])
def test_narrowing_layers_of_a_size_take_it(shape):
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
    with kernels.plain():
        *wanted, native = everything()
    assert not native
    close(found, wanted, relative=2e-5)


def test_what_is_not_finite_stays_where_it_is():
    a, b = normal(30, 40).at[7, 3].set(np.nan).at[9, 4].set(np.inf), normal(40, 20, seed=1)
    np.testing.assert_allclose(multiplied(a, b), a @ b, rtol=1e-4, atol=1e-4)
