"""Attention, against one written as loops in Python."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from liuli.kernels import attention
from liuli.kernels.attention import masked_softmax, within
from tests.numeric import central_differences, close

RNG = np.random.default_rng(0)
Q, K, V = RNG.normal(size=(2, 3, 4, 5)), RNG.normal(size=(2, 6, 2, 5)), RNG.normal(size=(2, 6, 2, 3))
MASK = np.array([[1, 0, 1, 1, 0, 0], [0, 0, 0, 0, 0, 0]], bool)  # nothing is left of the second sample


def by_hand(allowed, scale=5**-0.5):
    """y, with ``allowed(sample, query, key)`` to say what a query may take from."""
    y = np.zeros((2, 3, 4, 3))
    for b, t, h in np.ndindex(2, 3, 4):
        keys = [s for s in range(6) if allowed(b, t, s)]
        weights = np.exp([scale * Q[b, t, h] @ K[b, s, h // 2] for s in keys])
        for s, weight in zip(keys, weights, strict=True):
            y[b, t, h] += weight / weights.sum() * V[b, s, h // 2]
    return y


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("window", [None, 1, 2])
@pytest.mark.parametrize("masked", [False, True])
def test_each_query_takes_from_what_it_may(causal, window, masked):
    def allowed(b, t, s):
        return (not causal or s <= t) and (window is None or abs(s - t) < window) and (not masked or MASK[b, s])

    with jax.enable_x64(True):
        mask = jnp.asarray(MASK)[:, None, None] if masked else None
        close(attention(*map(jnp.asarray, (Q, K, V)), mask, causal=causal, window=window), by_hand(allowed), 1e-12)


def test_scale():
    with jax.enable_x64(True):
        close(attention(*map(jnp.asarray, (Q, K, V)), scale=0.3), by_hand(lambda b, t, s: True, 0.3), 1e-12)


def test_gradient_where_nothing_is_left():
    with jax.enable_x64(True):

        def f(qkv):
            return (attention(*qkv, jnp.asarray(MASK)[:, None, None]) ** 2).sum()

        at = tuple(map(jnp.asarray, (Q, K, V)))
        gradient = jax.grad(f)(at)
        close(gradient, central_differences(f, at), relative=1e-6, absolute=1e-7)
        assert not any(each[1].any() for each in gradient)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_large_scores_overflow_nowhere(dtype):
    """In float16 the product of 200 and 200 is infinite already."""
    q, k, v = (jnp.full((1, 2, 1, 4), x, dtype) for x in (200.0, 200.0, 3.0))
    y, gradient = jax.value_and_grad(lambda q: attention(q, k, v, causal=True).astype(float).sum())(q)
    assert y == 2 * 4 * 3
    assert not gradient.any()
    assert attention(q, k, v).dtype == dtype


def test_see_is_shown_scores_and_weights_and_may_change_them():
    seen = {}

    def see(name, value):
        seen[name] = value
        return value

    attention(*map(jnp.asarray, (Q, K, V)), mask=jnp.asarray(MASK)[:, None, None], see=see)
    assert {name: value.shape for name, value in seen.items()} == {"scores": (2, 4, 3, 6), "weights": (2, 4, 3, 6)}
    close(seen["weights"].sum(-1), np.broadcast_to([[[1.0]], [[0.0]]], (2, 4, 3)), relative=1e-6)
    assert (seen["scores"] != 0).all()  # before the mask
    assert not attention(*map(jnp.asarray, (Q, K, V)), see=lambda name, value: 0.0 * value).any()


def test_masked_softmax_is_the_softmax_of_what_is_left():
    scores = jnp.asarray(RNG.normal(size=(3, 4)))
    mask = jnp.array([[True] * 4, [False, True, False, True], [False] * 4])
    weights = masked_softmax(scores, mask)
    close(weights[0], jax.nn.softmax(scores[0]), relative=1e-6)
    close(weights[1, 1::2], jax.nn.softmax(scores[1, 1::2]), relative=1e-6)
    assert weights[1, ::2].tolist() == [0, 0]
    assert weights[2].tolist() == [0] * 4


def test_within():
    assert within(3, 3) is None
    assert within(2, 3, causal=True).tolist() == [[True, False, False], [True, True, False]]
    assert within(3, 3, window=2).tolist() == [[True, True, False], [True, True, True], [False, True, True]]
    assert within(3, 3, True, 2).tolist() == [[True, False, False], [True, True, False], [False, True, True]]
