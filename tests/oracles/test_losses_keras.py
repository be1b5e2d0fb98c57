"""Losses against Keras: those that PyTorch does not have."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liuli import losses
from liuli.core.dials import with_dials
from tests.oracles.keras_oracle import keras, relaxed

pytestmark = [pytest.mark.oracle, pytest.mark.parametrize("dtype", ["float32", "float64"])]

TOLERANCE = {"float32": 1e-5, "float64": 1e-10}


@functools.cache
def summed(each):
    """The loss of each sample, and the gradient of their sum, compiled once for all examples."""

    def total(p, y, dials):
        found = each(p, y, **dials)
        return found.sum(), found

    return jax.jit(jax.grad(total, has_aux=True))


@functools.cache
def of(loss):
    """Our loss as a function of predictions, targets and dials."""
    return lambda p, y, **dials: with_dials(loss, dials).per_sample(y, p)


def agrees(loss, theirs, p, y, dtype, **dials):
    """``loss`` with these dials and another one, (batch,) each, and the gradients of their sums."""
    tolerance = TOLERANCE[dtype]
    with jax.enable_x64(dtype == "float64"):
        given = p.astype(dtype), y, dials
        found, each = summed(of(loss))(*given)
        with relaxed():
            want, wanted = summed(theirs)(*given)
    np.testing.assert_allclose(each, wanted, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(found, want, rtol=0, atol=tolerance * max(1e-3, np.abs(want).max()))


@settings(max_examples=15)
@given(
    seed=st.integers(0, 2**32 - 1),
    gamma=st.sampled_from([1.0, 10.0, 80.0]),
    margin=st.sampled_from([0.1, 0.4]),
    diagonal=st.booleans(),
)
def test_circle(dtype, seed, gamma, margin, diagonal):
    rng = np.random.default_rng(seed)
    y, x = np.array([0, 1, 2, 0, 1, 2, 0]), rng.normal(size=(7, 3))
    agrees(losses.Circle(remove_diagonal=diagonal), circle(diagonal), x, y, dtype, gamma=gamma, margin=margin)


@functools.cache
def circle(diagonal):
    """Keras's, of directions."""

    def theirs(x, y, gamma, margin):
        unit = x / jnp.linalg.norm(x, axis=1, keepdims=True)
        return keras.losses.circle(y, unit, gamma=gamma, margin=margin, remove_diagonal=diagonal)

    return theirs


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32 - 1), q=st.sampled_from([0.01, 0.3, 0.5, 1.0]))
def test_generalized_cross_entropy(dtype, seed, q):
    rng = np.random.default_rng(seed)
    y, z = rng.integers(0, 4, 6), rng.normal(size=(6, 4))
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    loss = losses.CategoricalGeneralizedCrossEntropy()
    agrees(loss, generalized, p, y, dtype, q=q)
    agrees(loss.replace(from_logits=True), generalized_from_logits, z, y, dtype, q=q)


def generalized(p, y, q):
    return keras.losses.categorical_generalized_cross_entropy(y, p, q)


def generalized_from_logits(z, y, q):
    return generalized(jax.nn.softmax(z), y, q)


def test_ctc(dtype):
    rng = np.random.default_rng(0)
    y, z = np.array([[1, 2, 2], [3, 1, 0]]), rng.normal(size=(2, 6, 4)).astype(dtype)
    with jax.enable_x64(dtype == "float64"):
        found = jax.jit(losses.CTC().per_sample)(y, z)
        with relaxed():
            np.testing.assert_allclose(found, jax.jit(keras.losses.ctc)(y, z), rtol=1e-5)
