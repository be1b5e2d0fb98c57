"""Dropout and its relatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from liuli.core.dials import with_dials
from liuli.core.errors import LiuliError, ShapeError, SpecError
from liuli.layers import (
    AlphaDropout,
    Context,
    Dropout,
    GaussianDropout,
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
)
from tests.layers.calling import shape

ONES = jnp.ones((64, 65))  # an odd number of elements in each row


def drawn(layer, x, key=0):
    return layer.apply({}, {}, x, Context(training=True, key=jax.random.key(key)))[0]


def dropped(rate, x=ONES, key=0):
    return drawn(Dropout(rate), x, key)


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


@pytest.mark.parametrize("noise_shape", [(None, 1), (64, 1), (1, None)])
def test_units_are_left_out_together(noise_shape):
    layer, ctx = Dropout(0.5, noise_shape), Context(training=True, key=jax.random.key(0))
    layer.init(jax.random.key(0), shape(64, 65))
    y = np.asarray(layer.apply({}, {}, ONES, ctx)[0])
    axis = noise_shape.index(1)
    assert (y == np.take(y, [0], axis)).all()
    assert 0.2 < (np.take(y, 0, axis) > 0).mean() < 0.8


@pytest.mark.parametrize("layer", [Dropout, AlphaDropout])
@pytest.mark.parametrize("noise_shape", [(1,), (None, 3), (1, None, 1)])
def test_noise_shape_goes_with_the_input(layer, noise_shape):
    with pytest.raises(ShapeError, match=r"got noise_shape=.* for an input of shape \(batch, 65\)"):
        layer(0.5, noise_shape).init(jax.random.key(0), shape(64, 65))


@pytest.mark.parametrize(
    ("layer", "sizes"), [(SpatialDropout1D, (7,)), (SpatialDropout2D, (3, 4)), (SpatialDropout3D, (2, 3, 2))]
)
def test_whole_channels_are_left_out(layer, sizes):
    y = np.asarray(drawn(layer(0.3), jnp.ones((50, *sizes, 40)))).reshape(50, -1, 40)
    assert (y == y[:, :1]).all()
    np.testing.assert_allclose(np.unique(y), [0.0, 1 / 0.7], rtol=1e-6)
    assert stats.binomtest(int((y[:, 0] > 0).sum()), 2000, 0.7).pvalue > 1e-3


@pytest.mark.parametrize(("layer", "axes"), [(SpatialDropout1D, 3), (SpatialDropout2D, 4), (SpatialDropout3D, 5)])
def test_channels_need_space(layer, axes):
    with pytest.raises(ShapeError, match="channels"):
        layer(0.5).init(jax.random.key(0), shape(*(2,) * (axes - 1)))


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_gaussian_factors(rate):
    deviation = np.sqrt(rate / (1 - rate))
    y = np.asarray(drawn(GaussianDropout(rate), jnp.full((100, 100), 3.0)))
    assert stats.kstest(y.ravel() / 3.0, stats.norm(1.0, deviation).cdf).pvalue > 1e-3
    assert abs(y.mean() / 3.0 - 1.0) < 4 * deviation / 100
    assert abs(y.std() / 3.0 - deviation) < 4 * deviation / np.sqrt(2e4)


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.6])
def test_alpha_dropout_keeps_mean_and_variance(rate):
    x = jax.random.normal(jax.random.key(3), (300, 300))
    y = np.asarray(drawn(AlphaDropout(rate), x), float)
    assert abs(y.mean()) < 0.015 and abs(y.var() - 1.0) < 0.03
    dropped = np.isclose(y, stats.mode(y, axis=None).mode, rtol=0, atol=1e-7)
    kept = 1 - dropped.mean()
    assert abs(kept - (1 - rate)) < 0.01
    slope = np.polyfit(np.asarray(x, float)[~dropped], y[~dropped], 1)[0]
    assert slope == pytest.approx(1 / np.sqrt((1 - rate) * (1 + rate * 1.7580993408473766**2)), rel=1e-5)


@pytest.mark.parametrize("layer", [AlphaDropout, GaussianDropout])
def test_no_rate_is_the_identity(layer):
    x = jax.random.normal(jax.random.key(3), (3, 4))
    np.testing.assert_allclose(drawn(layer(0.0), x), x, rtol=1e-6)


@pytest.mark.parametrize(
    "layer", [AlphaDropout(0.5), GaussianDropout(0.5), SpatialDropout1D(0.5), Dropout(0.5, (None, 1, None))]
)
def test_others_learn_with_a_key_only(layer):
    x = jnp.ones((2, 3, 4))
    assert layer.apply({}, {}, x, Context())[0] is x
    with pytest.raises(LiuliError, match="without a random key"):
        layer.apply({}, {}, x, Context(training=True))


@pytest.mark.parametrize("layer", [AlphaDropout(0.5), GaussianDropout(0.5), Dropout(0.5)])
def test_every_precision_draws_the_same(layer):
    x = jax.random.normal(jax.random.key(3), (20, 20))
    half = drawn(layer, x.astype(jnp.bfloat16))
    assert half.dtype == jnp.bfloat16
    np.testing.assert_allclose(np.asarray(half, float), drawn(layer, x), atol=0.1)
