"""The statistics of probes: one native pass against NumPy in float64, and against the plain form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liuli import kernels
from tests.kernels.sides import plain


def array(*shape, seed=0):
    """Many zeros, some columns of nothing else, far from centred."""
    rng = np.random.default_rng(seed)
    x = rng.normal(3.0, 1.0, size=shape) * (rng.random(shape) < 0.7)
    x[..., :: max(2, shape[-1] // 3)] = 0.0
    return jnp.asarray(x, jnp.float32)


def in_both_forms(check):
    check()
    with plain():
        check()


@settings(max_examples=12)
@given(st.integers(1, 300), st.integers(1, 70))
def test_summary(rows, units):
    x = array(rows, units, seed=rows)
    z = np.asarray(x, np.float64)

    def check():
        found = jax.jit(lambda x: kernels.summary(x, 0.0, 3.5))(x)
        expected = [z.mean(), z.var(), (z == 0).mean(), ((z <= 0) | (z >= 3.5)).mean()]
        np.testing.assert_allclose([float(v) for v in found[:4]], expected, rtol=2e-5, atol=1e-6)
        np.testing.assert_array_equal(found.active, (z != 0).any(0))

    in_both_forms(check)


@pytest.mark.parametrize("shape", [(1,), (7, 5), (300, 70), (2, 100, 333)])
def test_squares(shape):
    x = array(*shape)
    in_both_forms(
        lambda: np.testing.assert_allclose(kernels.squares(x), np.square(np.asarray(x, np.float64)).sum(), rtol=2e-6)
    )


def test_lengths():
    shapes = [(5,), (64, 33), (300, 200)]
    four = [[array(*shape, seed=10 * i + j) for j in range(4)] for i, shape in enumerate(shapes)]
    w, moved, g, before = ([np.asarray(p[k], np.float64) for p in four] for k in range(4))
    expected = [
        [(a * a).sum(), np.square(b - a).sum(), (c * c).sum(), (c * d).sum()]
        for a, b, c, d in zip(w, moved, g, before, strict=True)
    ]

    def check():
        found, after, kept = kernels.lengths([tuple(p) for p in four])
        np.testing.assert_allclose(found, expected, rtol=2e-6)
        for p, new, gradient in zip(four, after, kept, strict=True):
            np.testing.assert_array_equal(new, p[1])
            np.testing.assert_array_equal(gradient, p[2])

    in_both_forms(check)
    np.testing.assert_array_equal(four[2][0], w[2])  # what was handed over is as it was


def test_what_is_not_finite_shows():
    x = array(50, 40).at[3, 4].set(jnp.nan).at[7, 9].set(jnp.inf)
    in_both_forms(lambda: np.testing.assert_array_equal(np.isfinite(kernels.summary(x)[:2]), [False, False]))
    assert not np.isfinite(kernels.squares(x))
