"""Noise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from liuli.core.errors import LiuliError, SpecError
from liuli.layers import Context, GaussianNoise

X = jnp.full((100, 100), 3.0)


def drawn(stddev, x=X, key=0):
    return GaussianNoise(stddev).apply({}, {}, x, Context(training=True, key=jax.random.key(key)))[0]


@pytest.mark.parametrize("stddev", [0.01, 2.0])
def test_distribution(stddev):
    noise = np.asarray(drawn(stddev, jnp.zeros((100, 100))))
    assert stats.kstest(noise.ravel(), stats.norm(0.0, stddev).cdf).pvalue > 1e-3
    assert abs(noise.mean()) < 4 * stddev / 100
    assert abs(noise.std() - stddev) < 4 * stddev / np.sqrt(2e4)


def test_is_added():
    np.testing.assert_allclose(drawn(0.5), 3.0 + drawn(0.5, jnp.zeros_like(X)), rtol=1e-6)
    assert (drawn(0.0) == X).all()
    assert (jax.grad(lambda x: drawn(0.5, x).sum())(X) == 1.0).all()


def test_the_key_decides():
    assert (drawn(0.5, key=1) == drawn(0.5, key=1)).all()
    assert (drawn(0.5, key=1) != drawn(0.5, key=2)).any()


def test_learns_with_a_key_only():
    assert GaussianNoise(0.5).apply({}, {}, X, Context())[0] is X
    with pytest.raises(LiuliError, match="without a random key"):
        GaussianNoise(0.5).apply({}, {}, X, Context(training=True))


def test_a_deviation_is_not_negative():
    with pytest.raises(SpecError, match="at least 0"):
        GaussianNoise(-0.1)
