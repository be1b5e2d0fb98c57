"""Losses against Keras: those that PyTorch does not have."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liuli import losses
from tests.oracles.keras_oracle import keras, relaxed

pytestmark = [pytest.mark.oracle, pytest.mark.parametrize("dtype", ["float32", "float64"])]

TOLERANCE = {"float32": 1e-5, "float64": 1e-10}


def agrees(mine, theirs, p, dtype):
    """Two functions of predictions, (batch,) each, and the gradients of their sums."""
    tolerance = TOLERANCE[dtype]

    def summed(each):
        return jax.jit(jax.grad(lambda p: (each(p).sum(), each(p)), has_aux=True))

    with jax.enable_x64(dtype == "float64"):
        p = jnp.asarray(p, dtype)
        found, each = summed(mine)(p)
        with relaxed():
            want, wanted = summed(theirs)(p)
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
    loss = losses.Circle(gamma, margin, remove_diagonal=diagonal)

    def theirs(x):
        unit = x / jnp.linalg.norm(x, axis=1, keepdims=True)
        return keras.losses.circle(y, unit, gamma=gamma, margin=margin, remove_diagonal=diagonal)

    agrees(lambda x: loss.per_sample(jnp.asarray(y), x), theirs, x, dtype)


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32 - 1), q=st.sampled_from([0.01, 0.3, 0.5, 1.0]))
def test_generalized_cross_entropy(dtype, seed, q):
    rng = np.random.default_rng(seed)
    y, z = rng.integers(0, 4, 6), rng.normal(size=(6, 4))
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    loss = losses.CategoricalGeneralizedCrossEntropy(q)
    theirs = lambda p: keras.losses.categorical_generalized_cross_entropy(y, p, q)  # noqa: E731
    agrees(lambda p: loss.per_sample(jnp.asarray(y), p), theirs, p, dtype)
    logits = loss.replace(from_logits=True)
    agrees(lambda z: logits.per_sample(jnp.asarray(y), z), lambda z: theirs(jax.nn.softmax(z)), z, dtype)


def test_ctc(dtype):
    rng = np.random.default_rng(0)
    y, z = np.array([[1, 2, 2], [3, 1, 0]]), rng.normal(size=(2, 6, 4)).astype(dtype)
    with jax.enable_x64(dtype == "float64"):
        found = jax.jit(losses.CTC().per_sample)(y, z)
        with relaxed():
            np.testing.assert_allclose(found, jax.jit(keras.losses.ctc)(y, z), rtol=1e-5)
