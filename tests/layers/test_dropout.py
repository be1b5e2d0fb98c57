"""Dropout."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from liuli.core.dials import with_dials
from liuli.core.errors import LiuliError, SpecError
from liuli.layers import Context, Dropout

ONES = jnp.ones((64, 65))  # an odd number of elements in each row


def dropped(rate, x=ONES, key=0):
    return Dropout(rate).apply({}, {}, x, Context(training=True, key=jax.random.key(key)))[0]


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_distribution(rate):
    y = np.asarray(dropped(rate))
    np.testing.assert_allclose(np.unique(y), [0.0, 1 / (1 - rate)], rtol=1e-6)
    assert stats.binomtest(int((y > 0).sum()), y.size, 1 - rate).pvalue > 1e-3


@pytest.mark.parametrize(("rate", "expected"), [(0.0, 1.0), (1.0, 0.0)])
def test_ends(rate, expected):
    assert (dropped(rate) == expected).all()
    assert (jax.grad(lambda x: dropped(rate, x).sum())(ONES) == expected).all()


def test_gradient_takes_the_same_mask():
    y, dx = dropped(0.3), jax.grad(lambda x: dropped(0.3, x).sum())(ONES)
    assert (y == dx).all()


def test_neighbours_are_independent():
    """Two of them are cut from one random word."""
    kept = np.asarray(dropped(0.5, jnp.ones(100_000))).reshape(-1, 2) > 0
    counts = np.bincount(kept @ [2, 1], minlength=4)
    assert stats.chisquare(counts).pvalue > 1e-3


def test_the_key_decides():
    assert (dropped(0.5, key=1) == dropped(0.5, key=1)).all()
    assert (dropped(0.5, key=1) != dropped(0.5, key=2)).any()


def test_inference_is_the_identity():
    assert Dropout(0.5).apply({}, {}, ONES, Context())[0] is ONES


def test_training_needs_a_key():
    with pytest.raises(LiuliError, match="without a random key"):
        Dropout(0.5).apply({}, {}, ONES, Context(training=True))


def test_rate_is_a_probability():
    with pytest.raises(SpecError, match="at most 1"):
        Dropout(1.5)


def test_rate_may_be_traced():
    ctx = Context(training=True, key=jax.random.key(0))
    run = jax.jit(lambda rate: with_dials(Dropout(0.0), {"rate": rate}).apply({}, {}, ONES, ctx)[0])
    for rate in (0.25, 0.75):
        assert (run(rate) == dropped(rate)).all()


def test_no_samples_give_no_samples():
    assert dropped(0.5, jnp.ones((0, 3))).shape == (0, 3)
