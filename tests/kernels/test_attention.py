"""Attention, against one written as loops in Python; the native kernel against plain XLA."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liuli.kernels import attention, usable
from liuli.kernels.attention import _by_jax, masked_softmax, within
from tests.kernels.sides import plain
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
        gradient = jax.jit(jax.grad(f))(at)
        close(gradient, central_differences(f, at), relative=1e-6, absolute=1e-7)
        assert not any(each[1].any() for each in gradient)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_large_scores_overflow_nowhere(dtype):
    """In float16 the product of 200 and 200 is infinite already."""
    q, k, v = (jnp.full((1, 2, 1, 4), x, dtype) for x in (200.0, 200.0, 3.0))
    y, gradient = jax.jit(jax.value_and_grad(lambda q: attention(q, k, v, causal=True).astype(float).sum()))(q)
    assert y == 2 * 4 * 3
    assert not gradient.any()
    assert jax.eval_shape(attention, q, k, v).dtype == dtype


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


native = pytest.mark.skipif(not usable(jnp.ones(1)), reason="there is no native library")


def arrays(batch, queries, keys, heads, groups, d, m, seed=0):
    """q, k, v, and a gradient of y."""
    rng = np.random.default_rng(seed)
    shapes = (batch, queries, heads, d), (batch, keys, groups, d), (batch, keys, groups, m), (batch, queries, heads, m)
    return [jnp.asarray(rng.normal(size=shape), "float32") for shape in shapes]


def alike(f, *args, relative=2e-5):
    """That ``f`` gives the same natively as in plain XLA."""
    with plain():
        want = jax.jit(f)(*args)
    close(jax.jit(f)(*args), want, relative, absolute=1e-5)


@functools.partial(jax.jit, static_argnames=("causal", "window"))
def with_gradients(q, k, v, dy, scale, mask=None, **how):
    """y and the gradients of q, k, v and the scale: a sum over all queries, whose rounding adds up, taken as a mean."""
    y, back = jax.vjp(lambda q, k, v, scale: attention(q, k, v, mask, scale, **how), q, k, v, scale)
    *others, of_scale = back(dy)
    return y, (*others, of_scale / np.float32(max(q.size // q.shape[-1], 1)))


@st.composite
def problems(draw):
    """Sizes, which keys a query may take from, and a seed; few of each, and some larger than a block of the kernel."""
    batch, groups, shared = draw(st.integers(1, 3)), draw(st.integers(1, 2)), draw(st.integers(1, 2))
    queries, keys = (draw(st.sampled_from([1, 2, 7, 16, 33, 50, 97, 150])) for _ in range(2))
    keys = draw(st.sampled_from([keys, queries, 300]))
    d, m = (draw(st.sampled_from([1, 3, 8, 16, 20, 32])) for _ in range(2))
    heads = groups * shared
    masks = [None, *((b, h, t, keys) for b in (1, batch) for h in (1, heads) for t in (1, queries))]
    how = {"causal": draw(st.booleans()), "window": draw(st.sampled_from([None, 1, 5, 40, 10**9]))}
    return (batch, queries, keys, heads, groups, d, m), draw(st.sampled_from(masks)), how, draw(st.integers(0, 9))


@native
@settings(max_examples=12)
@given(problems())
def test_native_is_plain(problem):
    sizes, shape, how, seed = problem
    mask = None if shape is None else jnp.asarray(np.random.default_rng(seed).random(shape) < 0.5)
    scale = jnp.float32(1.5 / np.sqrt(sizes[5]))
    alike(lambda *args: with_gradients(*args, mask=mask, **how), *arrays(*sizes, seed), scale)


@native
@pytest.mark.parametrize("scale", [0.0, -0.7])
def test_native_gradient_of_any_scale(scale):
    alike(with_gradients, *arrays(2, 5, 6, 2, 1, 4, 3), jnp.float32(scale))


@native
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("which", range(4))
@pytest.mark.parametrize("how", [{}, {"causal": True}, {"window": 2}])
def test_native_is_not_a_number_where_plain_is(bad, which, how):
    """Whether the place is one that some query takes from or not: 0 times what is not finite is not a number either."""
    args = arrays(1, 40, 40, 2, 1, 4, 4)
    args[which] = args[which].at[0, 30, 0, 1].set(bad)
    mask = jnp.arange(40).reshape(1, 1, 1, 40) != 30
    for given_mask in (None, mask):
        with plain():
            want = with_gradients(*args, jnp.float32(1), given_mask, **how)
        got = with_gradients(*args, jnp.float32(1), given_mask, **how)
        np.testing.assert_array_equal(np.isfinite(got[0]), np.isfinite(want[0]))
        for mine, yours in zip(got[1][:3], want[1][:3], strict=True):
            assert (np.isfinite(mine) <= np.isfinite(yours)).all()


@native
def test_native_of_no_samples():
    empty = arrays(0, 5, 6, 2, 1, 4, 3)
    assert attention(*empty[:3]).shape == (0, 5, 2, 3)


@native
def test_native_score_of_other_dtypes_and_shapes_is_plain():
    """A mask that is broadcast along the keys, a scale for each head: neither is the kernel's."""
    q, k, v, _ = arrays(2, 5, 6, 2, 1, 4, 3)
    mask, scale = jnp.array([True, False]).reshape(2, 1, 1, 1), jnp.array([1.0, 0.5]).reshape(1, 2, 1, 1)
    assert not attention(q, k, v, mask)[1].any()
    close(attention(q, k, v, scale=scale)[:, :, 1], attention(q, k, v, scale=0.5)[:, :, 1], relative=1e-5)


@native
def test_native_within_other_transformations():
    """vmap, scan, checkpoint, and the gradient of a compiled function."""
    args = arrays(6, 9, 9, 2, 1, 4, 3)
    pairs = [a.reshape(3, 2, *a.shape[1:]) for a in args]

    def loss(q, k, v, dy):
        return (attention(q, k, v, causal=True) * dy).sum()

    def scanned(q, *rest):
        return jax.lax.scan(lambda total, each: (total + loss(q, *each), None), jnp.float32(0), tuple(rest))[0]

    alike(jax.vmap(with_gradients, (0, 0, 0, 0, None)), *pairs, jnp.float32(0.4))
    alike(jax.grad(scanned, (0, 1, 2)), pairs[0][0], *pairs[1:])
    alike(jax.grad(jax.checkpoint(loss), (0, 1, 2)), *args)
    alike(jax.grad(jax.jit(loss), (0, 1, 2)), *args)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_what_gpus_take_is_the_same(causal, masked):
    """JAX's own operation, here in its portable form."""
    rng = np.random.default_rng(0)
    q, k, v = (jnp.asarray(rng.standard_normal((2, 5, heads, 8)), jnp.float32) for heads in (4, 2, 2))
    mask = jnp.asarray(rng.random((2, 1, 5, 5)) < 0.5).at[0, 0, 2].set(False) if masked else None
    with plain():
        wanted = attention(q, k, v, mask, 0.3, causal)
        close(_by_jax(0.3 * q, k, v, mask, causal, "xla"), wanted, relative=1e-5)
