"""Constraints against their formulas in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from liuli import constraints
from liuli.core.dials import dials, with_dials

W = np.random.default_rng(0).normal(size=(4, 3)) * np.array([0.1, 1.0, 3.0])
NORM, NORM_OF_ROWS = np.linalg.norm(W, axis=0, keepdims=True), np.linalg.norm(W, axis=1, keepdims=True)

CASES = {
    constraints.MaxNorm(1.5): W / NORM * np.minimum(NORM, 1.5),
    constraints.MaxNorm(1.5, axis=1): W / NORM_OF_ROWS * np.minimum(NORM_OF_ROWS, 1.5),
    constraints.MinMaxNorm(): W / NORM * np.minimum(NORM, 1.0),
    constraints.MinMaxNorm(1.0, 2.0): W / NORM * np.clip(NORM, 1.0, 2.0),
    constraints.MinMaxNorm(1.0, 2.0, rate=0.3): W / NORM * (0.3 * np.clip(NORM, 1.0, 2.0) + 0.7 * NORM),
    constraints.MinMaxNorm(3.0, 4.0, axis=1): W / NORM_OF_ROWS * np.clip(NORM_OF_ROWS, 3.0, 4.0),
    constraints.NonNeg(): np.where(W < 0, 0, W),
    constraints.UnitNorm(): W / NORM,
    constraints.UnitNorm(axis=1): W / NORM_OF_ROWS,
}


@pytest.mark.parametrize("rule", CASES, ids=repr)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_value(rule, dtype):
    with jax.enable_x64(dtype == "float64"):
        w = jax.jit(lambda values, w: with_dials(rule, values)(w))(dials(rule), jnp.asarray(W, dtype))
        assert w.dtype == dtype
    np.testing.assert_allclose(w, CASES[rule], rtol={"float32": 1e-6, "float64": 1e-14}[dtype])


@pytest.mark.parametrize("rule", CASES, ids=repr)
def test_zeros_and_bfloat16_are_kept(rule):
    w = rule(jnp.zeros((4, 3), jnp.bfloat16))
    assert w.dtype == jnp.bfloat16
    np.testing.assert_array_equal(w.astype(jnp.float32), np.zeros((4, 3)))


def test_every_constraint_is_compared():
    public = {getattr(constraints, name) for name in constraints.__all__} - {constraints.Constraint}
    assert {type(rule) for rule in CASES} == public
