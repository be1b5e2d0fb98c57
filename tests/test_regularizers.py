"""Regularizers against their formulas in NumPy, and their gradients against central differences."""

from itertools import combinations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from liuli import regularizers
from liuli.core.errors import ShapeError
from tests.numeric import central_differences, close

W = np.random.default_rng(0).normal(size=(4, 3))


def mean_cosine(vectors):
    pairs = combinations(vectors, 2)
    return np.mean([abs(a @ b) / (np.linalg.norm(a) * np.linalg.norm(b)) for a, b in pairs])


RULES = {
    regularizers.L1(0.3): 0.3 * np.abs(W).sum(),
    regularizers.L2(0.3): 0.3 * (W**2).sum(),
    regularizers.L1L2(0.3, 0.2): 0.3 * np.abs(W).sum() + 0.2 * (W**2).sum(),
    regularizers.OrthogonalRegularizer(0.3): 0.3 * mean_cosine(W),
    regularizers.OrthogonalRegularizer(0.3, "columns"): 0.3 * mean_cosine(W.T),
}


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_value_and_gradient(rule):
    with jax.enable_x64(True):
        w = jnp.asarray(W)
        assert rule(w).dtype == "float64"
        np.testing.assert_allclose(rule(w), RULES[rule], rtol=1e-12)
        close(jax.grad(rule)(w), central_differences(rule, w), 1e-7)


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_bfloat16_is_kept(rule):
    penalty = rule(jnp.asarray(W, jnp.bfloat16))
    assert penalty.dtype == jnp.bfloat16
    np.testing.assert_allclose(float(penalty), RULES[rule], rtol=0.03)


@pytest.mark.parametrize("mode", ["rows", "columns"])
def test_orthogonal_vectors_of_any_length_cost_nothing(mode):
    q = np.linalg.qr(np.random.default_rng(1).normal(size=(5, 5)))[0] * np.arange(1.0, 6.0)[:, None]
    rule = regularizers.OrthogonalRegularizer(1.0, mode)
    np.testing.assert_allclose(rule(jnp.asarray(q if mode == "rows" else q.T, "float32")), 0.0, atol=1e-6)


@pytest.mark.parametrize("w", [np.ones((1, 3)), np.zeros((3, 3))], ids=["one row", "zeros"])
def test_what_has_no_angles_costs_nothing_and_has_no_gradient(w):
    rule, w = regularizers.OrthogonalRegularizer(), jnp.asarray(w, "float32")
    assert float(rule(w)) == 0.0
    np.testing.assert_array_equal(jax.grad(rule)(w), np.zeros(w.shape))


def test_a_convolution_kernel_is_no_matrix():
    with pytest.raises(ShapeError, match=r"got weights of shape \(3, 3, 2, 4\); expected a matrix"):
        regularizers.OrthogonalRegularizer()(jnp.ones((3, 3, 2, 4)))
