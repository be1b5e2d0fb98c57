"""GELU in one native pass against JAX's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from liuli import kernels
from tests.numeric import close


@pytest.mark.parametrize("shape", [(), (1,), (7,), (8,), (3, 5), (2, 4099), (0, 3)])
def test_values_and_slopes(shape):
    x = jnp.asarray(4.0 * np.random.default_rng(0).standard_normal(shape), jnp.float32)
    y, slope = kernels.gelu(x), jax.jit(jax.grad(lambda x: kernels.gelu(x).sum()))(x)
    z = np.asarray(x, np.float64)
    close(y, z * stats.norm.cdf(z), relative=2e-7, absolute=4e-7)
    close(slope, stats.norm.cdf(z) + z * stats.norm.pdf(z), relative=1e-6, absolute=4e-7)


def test_at_the_ends():
    x = jnp.asarray([-np.inf, -1e30, -14.0, -3.0, 0.0, 14.0, 1e30, np.inf, np.nan])
    np.testing.assert_allclose(
        kernels.gelu(x)[1:], [0, 0, -3 * stats.norm.cdf(-3), 0, 14, 1e30, np.inf, np.nan], rtol=1e-4
    )
    slopes = jax.vmap(jax.grad(kernels.gelu))(x)
    np.testing.assert_allclose(
        slopes, [0, 0, 0, stats.norm.cdf(-3) - 3 * stats.norm.pdf(3), 0.5, 1, 1, 1, np.nan], rtol=1e-4
    )


def test_other_dtypes_are_plain():
    with jax.enable_x64(True):
        x = jnp.linspace(-3.0, 3.0, 13)
        np.testing.assert_allclose(kernels.gelu(x), x * stats.norm.cdf(x), rtol=1e-12, atol=1e-15)
