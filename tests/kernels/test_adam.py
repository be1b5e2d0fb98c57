"""Adam's step in one native pass against Optax in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liuli import kernels
from tests.kernels.sides import plain
from tests.numeric import close

RATE, BETAS, EPSILON = 0.02, (0.9, 0.98), 1e-6
LARGE, MORE = 1 << 13, 40  # from the first on it is native


def parameters(shape, seed=0):
    """A gradient, a parameter, and memories as they are after some steps."""
    random = np.random.default_rng(seed)
    g, w, m, v = (jnp.asarray(random.standard_normal(shape), jnp.float32) for _ in range(4))
    return g, w, m, v**2


def stepped(given, decay, step):
    return jax.jit(lambda given, step: kernels.adam(*given, RATE, BETAS, EPSILON, decay, step))(given, step)


def by_optax(given, decay, step):
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
        g, w, m, v = (jnp.asarray(np.asarray(a, np.float64)) for a in given)
        rule = optax.adamw(RATE, *BETAS, EPSILON, weight_decay=decay or 0.0)
        before = optax.ScaleByAdamState(jnp.asarray(step - 1, jnp.int32), m, v)
        updates, (after, *_) = rule.update(g, (before, *rule.init(w)[1:]), w)
        return tuple(np.asarray(a) for a in (optax.apply_updates(w, updates), after.mu, after.nu))


@settings(max_examples=12)
@given(
    more=st.integers(0, MORE), step=st.integers(1, 2000), decay=st.sampled_from([None, 0.1]), seed=st.integers(0, 99)
)
def test_step(more, step, decay, seed):
    """Each element alone, so that Optax is asked for all, of one size, and the kernel for the first of them."""
    whole, size = parameters(LARGE + MORE, seed), LARGE + more
    given = [np.asarray(a)[:size] for a in whole]
    for got, want in zip(stepped(given, decay, step), by_optax(whole, decay, step), strict=True):
        close(got, want[:size], relative=2e-6, absolute=2e-6)


@pytest.mark.parametrize("shape", [(3, 1 << 15), (LARGE - 1,), (5,), (0, 4)])
def test_any_shape(shape):
    given = parameters(shape)
    for got, want in zip(stepped(given, 0.1, 3), by_optax(given, 0.1, 3), strict=True):
        assert got.shape == shape
        close(got, want, relative=2e-6, absolute=2e-6)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
def test_non_finite_gradients(value):
    g, *others = parameters(LARGE)
    given = (g.at[7].set(value), *others)
    with plain():
        want = stepped(given, None, 1)
    for got, expected in zip(stepped(given, None, 1), want, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def test_many_at_once():
    """Each with a learning rate of its own."""
    given, rates = parameters((3, LARGE)), jnp.asarray([0.1, 0.2, 0.3])

    def step(given, rate):
        return kernels.adam(*given, rate, BETAS, EPSILON, None, 4)

    together = jax.jit(jax.vmap(step))(given, rates)
    for i, rate in enumerate(rates):
        for got, want in zip(together, step([a[i] for a in given], rate), strict=True):
            close(got[i], want, relative=1e-6, absolute=1e-6)


def test_what_was_stays():
    """Arrays that somebody still holds are not written over."""
    given = parameters(LARGE)
    before = [np.array(a) for a in given]
    stepped(given, None, 1)
    for now, then in zip(given, before, strict=True):
        np.testing.assert_array_equal(now, then)
