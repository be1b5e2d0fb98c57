"""Tiny programs: the product in both forms, and training loops that are one compiled function."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import liuli as ll
from liuli import kernels, layers
from liuli.kernels.tiny import LIMIT
from tests.kernels.sides import plain
from tests.numeric import close

MARK = "xla_cpu_small_call"


def normal(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), jnp.float32)


@settings(max_examples=15)
@given(before=st.lists(st.integers(0, 5), max_size=3), n=st.integers(1, 40), m=st.integers(1, 12))
def test_product_is_the_product_of_matrices(before, n, m):
    x, w = normal(*before, n), normal(n, m, seed=1)
    found = with_slopes(x, w)
    with plain():
        close(found, with_slopes(x, w), relative=1e-5, absolute=1e-6)
    np.testing.assert_allclose(found[0], np.asarray(x) @ np.asarray(w), rtol=1e-4, atol=1e-5)


def with_slopes(x, w):
    """The product, and the gradients of the sum of its sines."""

    def summed(x, w):
        y = kernels.product(x, w)
        return jnp.sin(y).sum(), y

    slopes, y = jax.jit(jax.grad(summed, argnums=(0, 1), has_aux=True))(x, w)
    return y, slopes


@pytest.mark.parametrize("size", [LIMIT, LIMIT + 1])
def test_what_is_tiny_is_compiled_whole(size):
    def loop(x, steps):
        return jax.lax.fori_loop(0, steps, lambda _, x: jnp.tanh(x) * x.sum(), x)

    tiny, x = kernels.compiled_whole(loop), jnp.linspace(-1.0, 1.0, size)
    assert kernels.fits_whole(loop, x, 3) == (size == LIMIT)
    assert (MARK in jax.jit(tiny).lower(x, 3).compile().as_text()) == (size == LIMIT)
    close(jax.jit(tiny)(x, 3), jax.jit(loop)(x, 3), relative=1e-6)
    with plain():
        assert not kernels.fits_whole(loop, x, 3)


def test_matrix_products_of_a_library_stay_calls():
    assert not kernels.fits_whole(lambda x: x @ x, jnp.ones((4, 4)))


# No bias is there only to be taken away by the mean of the batch: rounding alone would move it.
NETWORKS = {
    "dropout": lambda: [layers.Dense(5, "tanh"), layers.Dropout(0.3), layers.Dense(2, "softmax")],
    "normalized": lambda: [
        layers.Dense(4, use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.Dense(2, "softmax"),
    ],
    "penalized": lambda: [layers.Dense(4, "gelu", kernel_regularizer="l2"), layers.Dense(2, "softmax")],
}


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop"])
@pytest.mark.parametrize("name", NETWORKS)
def test_training_in_one_function_is_training(name, optimizer):
    """The same losses and weights as with plain operations: rounding apart, over twenty steps."""
    x, y = normal(12, 3), np.arange(12) % 2

    def trained():
        model = ll.Model(ll.Sequential(NETWORKS[name]()), "categorical_crossentropy", optimizer, ["accuracy"], seed=3)
        history = model.fit(x, y, epochs=10, batch_size=6, verbose=0)
        return history["loss"], history["accuracy"], model.params

    whole = trained()
    with plain():
        apart = trained()
    close(jax.tree.map(jnp.asarray, whole), jax.tree.map(jnp.asarray, apart), relative=2e-4, absolute=2e-5)
