"""Positions, against loops in Python."""

import cmath
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from liuli.core.errors import ShapeError
from liuli.layers import PositionEmbedding, RotaryEmbedding, SinusoidalPositionalEncoding
from tests.layers.calling import KEY, call, init, shape
from tests.numeric import close

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("n", [6, 5, 1])
@pytest.mark.parametrize("longest", [10_000.0, 50.0])
def test_sinusoidal(n, longest):
    x = RNG.normal(size=(2, 7, n))
    expected = x.copy()
    for t in range(7):
        for i in range(n):
            angle = t / longest ** (2 * (i // 2) / n)
            expected[:, t, i] += math.cos(angle) if i % 2 else math.sin(angle)
    with jax.enable_x64(True):
        close(call(SinusoidalPositionalEncoding(longest), jnp.asarray(x)), expected, relative=1e-12)


@pytest.mark.parametrize("size", [(2, 7, 6), (2, 7, 3, 4), (1, 4, 2, 3, 2)])
@pytest.mark.parametrize(("longest", "slower"), [(10_000.0, 1.0), (50.0, 4.0)])
def test_rotary(size, longest, slower):
    x, half = RNG.normal(size=size), size[-1] // 2
    expected = np.empty_like(x)
    for place in np.ndindex(*size[:-1]):
        for i in range(half):
            turn = cmath.exp(1j * place[1] / slower * longest ** (-i / half))
            turned = turn * complex(x[(*place, i)], x[(*place, i + half)])
            expected[(*place, i)], expected[(*place, i + half)] = turned.real, turned.imag
    with jax.enable_x64(True):
        close(call(RotaryEmbedding(longest, slower), jnp.asarray(x)), expected, relative=1e-12)


def test_rotary_scores_depend_on_the_distance_alone():
    with jax.enable_x64(True):
        q, k = (jnp.broadcast_to(jnp.asarray(RNG.normal(size=8)), (1, 20, 8)) for _ in range(2))
        scores = np.asarray(call(RotaryEmbedding(), q)[0] @ call(RotaryEmbedding(), k)[0].T)
        for distance in range(-19, 20):
            along = np.diagonal(scores, distance)
            close(along, np.full_like(along, along[0]), relative=1e-12)
        assert np.unique(scores.round(9)).size == 39


def test_rotary_keeps_lengths():
    x = jnp.asarray(RNG.normal(size=(2, 9, 6)))
    close(jnp.linalg.norm(call(RotaryEmbedding(), x), axis=-1), jnp.linalg.norm(x, axis=-1), relative=1e-5)


@pytest.mark.parametrize("layer", [RotaryEmbedding(), SinusoidalPositionalEncoding()])
def test_late_steps_in_half_precision(layer):
    """bfloat16 knows no whole numbers between 256 and 258: the angles are not made in it."""
    x = jnp.zeros((1, 300, 4)).at[..., 0].set(1.0)
    close(call(layer, x.astype(jnp.bfloat16)).astype(float), call(layer, x), relative=0, absolute=2**-7)


def test_learned():
    x = RNG.normal(size=(2, 3, 4))
    params, state = init(PositionEmbedding(5), jnp.asarray(x))
    assert params["embeddings"].shape == (5, 4)
    assert state == {}
    y = call(PositionEmbedding(5), jnp.asarray(x))
    close(y, x + np.asarray(params["embeddings"])[:3], relative=1e-6)


def test_learned_has_an_end():
    layer = PositionEmbedding(5)
    for attempt in (lambda: layer.init(KEY, shape(2, 6, 4)), lambda: call(layer.replace(), jnp.zeros((2, 6, 4)))):
        with pytest.raises(ShapeError, match="got a sequence of 6 steps; expected at most sequence_length=5"):
            attempt()


@pytest.mark.parametrize("layer", [RotaryEmbedding(), SinusoidalPositionalEncoding(), PositionEmbedding(5)])
def test_masks_pass(layer):
    mask = jnp.ones((2, 3), bool)
    assert layer.output_mask(jnp.zeros((2, 3, 4)), mask) is mask


@pytest.mark.parametrize("layer", [RotaryEmbedding(), SinusoidalPositionalEncoding(), PositionEmbedding(5)])
def test_needs_time(layer):
    with pytest.raises(ShapeError, match="batch, time"):
        layer.init(KEY, shape(2, 4))


def test_rotary_needs_pairs():
    with pytest.raises(ShapeError, match=r"got 5 features.*an even number"):
        RotaryEmbedding().init(KEY, shape(2, 3, 5))
