"""Native convolutions against plain XLA: values and all gradients, wherever JAX may call them."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liuli.kernels import conv_block, conv_transpose, separable_conv
from liuli.kernels.native import usable
from tests.kernels.sides import plain
from tests.numeric import close

pytestmark = pytest.mark.skipif(not usable(jnp.ones(1)), reason="no native kernels here")

ONE, TWO = (1, 1), (2, 2)
CLOSE = 2e-5
COUNTS = {"convolution_forward": 2, "convolution_input": 1, "convolution_kernel": 2}  # the first layer needs no dx


def normal(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def arrays(batch, space, window, inside, filters, groups=1):
    return normal(batch, *space, inside * groups), normal(*window, inside, filters * groups), normal(filters * groups)


def compare(f, *at):
    """``f`` and its gradients at ``at``, both ways, from slopes around 0.5: around 0 the sum of many is rounding."""

    def run(*at):
        y, pull = jax.vjp(f, *at)
        return y, pull(0.5 + jnp.cos(jnp.arange(y.size, dtype=y.dtype)).reshape(y.shape))

    mine = jax.jit(run)(*at)
    with plain():
        close(mine, jax.jit(run)(*at), relative=CLOSE)


def pairs(least, most):
    return st.tuples(st.integers(least, most), st.integers(least, most))


@settings(max_examples=12)  # each is two programs to compile
@given(
    batch=st.integers(1, 5),
    axes=st.tuples(pairs(1, 4), pairs(1, 3), pairs(1, 2), pairs(5, 13)),
    channels=pairs(1, 40),
    groups=st.sampled_from([1, 1, 3]),
    padding=st.sampled_from(["valid", "same"]),
    how=st.tuples(st.booleans(), st.booleans(), st.booleans()),
)
def test_images(batch, axes, channels, groups, padding, how):
    window, strides, dilation, extra = axes
    space = [(k - 1) * d + e for k, d, e in zip(window, dilation, extra, strict=True)]
    bias, relu, pool = how
    x, w, b = arrays(batch, space, window, *(-(-n // groups) for n in channels), groups)

    def f(x, w, *b):
        return conv_block(x, w, b[0] if b else None, strides, padding, dilation, groups, relu, pool)

    compare(f, x, w, *[b] * bias)


@settings(max_examples=10)
@given(
    batch=st.sampled_from([1, 2, 9]),
    space=pairs(3, 19),
    channels=pairs(8, 70),
    groups=st.sampled_from([1, 1, 2]),
    padding=st.sampled_from(["valid", "same"]),
    how=st.tuples(st.booleans(), st.booleans()),
)
def test_windows_of_three_by_three(batch, space, channels, groups, padding, how):
    """These are computed at their points, of tiles of 4 x 4 outputs: Winograd's form."""
    relu, pool = how[0], how[1] and min(space) > 3
    x, w, b = arrays(batch, space, (3, 3), *channels, groups)
    compare(lambda *at: conv_block(*at, ONE, padding, ONE, groups, relu, pool), x, w, b)


def test_windows_of_three_by_three_are_as_exact_as_sums():
    """Errors of rounding stay within a few times those of sums in float32, one term after the other."""
    x, w, _ = arrays(2, (16, 15), (3, 3), 64, 48)
    g = np.random.default_rng(1).normal(size=(2, 16, 15, 48)).astype(np.float32)

    def sums(dtype):
        """The convolution and its gradients, by the definition."""
        wide = np.pad(np.asarray(x, dtype), ((0, 0), (1, 1), (1, 1), (0, 0)))
        y, dx, dw = np.zeros(g.shape, dtype), np.zeros_like(wide), np.zeros(w.shape, dtype)
        for a, b in itertools.product(range(3), range(3)):
            seen, back = wide[:, a : a + 16, b : b + 15], dx[:, a : a + 16, b : b + 15]
            for c in range(64):
                y += seen[..., c, None] * np.asarray(w[a, b, c], dtype)
            for f in range(48):
                back += g[..., f, None].astype(dtype) * np.asarray(w[a, b, :, f], dtype)
            for place in itertools.product(range(2), range(16), range(15)):
                dw[a, b] += np.outer(seen[place], g[place].astype(dtype))
        return y, dx[:, 1:-1, 1:-1], dw

    y, back = jax.vjp(lambda x, w: conv_block(x, w, None, ONE, "same", ONE), x, w)
    for mine, rounded, exact in zip((y, *back(g)), sums(np.float32), sums(np.float64), strict=True):
        assert np.linalg.norm(mine - exact) < 3 * np.linalg.norm(rounded - exact)


@settings(max_examples=8)
@given(
    axes=st.tuples(pairs(1, 4), pairs(1, 3), pairs(1, 2), pairs(1, 9)),
    channels=st.integers(2, 40),
    filters=st.integers(1, 2),
    padding=st.sampled_from(["valid", "same"]),
    relu=st.booleans(),
)
def test_each_channel_alone(axes, channels, filters, padding, relu):
    window, strides, dilation, extra = axes
    space = [(k - 1) * d + e for k, d, e in zip(window, dilation, extra, strict=True)]
    x, w, b = arrays(3, space, window, 1, filters, channels)
    compare(lambda *at: conv_block(*at, strides, padding, dilation, channels, relu), x, w, b)


@settings(max_examples=10)
@given(
    axes=st.tuples(pairs(2, 4), pairs(1, 3), pairs(1, 2), pairs(1, 9)),
    channels=pairs(8, 40),
    padding=st.sampled_from(["valid", "same"]),
    how=st.tuples(st.booleans(), st.booleans()),
)
def test_each_channel_then_a_mixture(axes, channels, padding, how):
    window, strides, dilation, extra = axes
    space = [(k - 1) * d + e for k, d, e in zip(window, dilation, extra, strict=True)]
    n, filters = channels
    given = normal(3, *space, n), normal(*window, 1, n), normal(1, 1, n, filters), normal(filters)
    bias, relu = how

    def f(x, d, p, *b):
        return separable_conv(x, d, p, b[0] if b else None, strides, padding, dilation, relu)

    compare(f, *given[: 3 + bias])


@pytest.mark.parametrize("strides", [ONE, TWO])
def test_mixtures_of_images_larger_than_the_cache(strides):
    given = normal(2, 96, 95, 24), normal(3, 3, 1, 24), normal(1, 1, 24, 70), normal(70)
    compare(lambda *at: separable_conv(*at, strides, "same", ONE, True), *given)


@pytest.mark.parametrize("padding", ["same", "causal"])
def test_mixtures_of_sequences(padding):
    given = normal(3, 11, 9), normal(3, 1, 9), normal(1, 9, 20), normal(20)
    compare(lambda *at: separable_conv(*at, (1,), padding, (2,), True), *given)


@settings(max_examples=6)
@given(
    numbers=st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(1, 2)),
    steps=st.integers(7, 20),
    groups=st.sampled_from([1, 5]),
    padding=st.sampled_from(["valid", "same", "causal"]),
)
def test_sequences(numbers, steps, groups, padding):
    size, stride, dilation = numbers
    x, w, b = arrays(3, (steps,), (size,), 1 if groups == 5 else 4, 3, groups)
    compare(lambda *at: conv_block(*at, (stride,), padding, (dilation,), groups, True), x, w, b)


@settings(max_examples=6)
@given(axes=st.tuples(pairs(1, 4), pairs(1, 3), pairs(1, 2), pairs(2, 7)), padding=st.sampled_from(["valid", "same"]))
def test_transposes(axes, padding):
    window, strides, dilation, space = axes
    x, w = normal(2, *space, 17), normal(*window, 5, 17)
    compare(lambda x, w: conv_transpose(x, w, strides, padding, dilation), x, w)


@pytest.mark.parametrize(("strides", "groups", "pool"), [(ONE, 1, True), (TWO, 1, False), (ONE, 24, False)])
def test_images_larger_than_the_cache(strides, groups, pool):
    x, w, b = arrays(2, (96, 95), (3, 3), 24 // groups, 70 if groups == 1 else 1, groups)
    compare(lambda *at: conv_block(*at, strides, "same", ONE, groups, True, pool), x, w, b)


def test_an_image_of_one_row_and_blocks_of_many_channels():
    x, w, b = arrays(1, (1, 9), (1, 3), 83, 130)
    compare(lambda *at: conv_block(*at, ONE, "same", ONE, 1, True), x, w, b)


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("channels", [3, 16])
def test_not_a_number_stays(relu, channels):
    x, w, b = arrays(2, (8, 9), (3, 3), channels, 20)
    bad = x.at[0, 2, 3, 1].set(jnp.nan).at[1, 0, 0, 0].set(jnp.inf)
    for pool in (False, True):

        @jax.jit
        def run(x, pool=pool):
            y, pull = jax.vjp(lambda x, w: conv_block(x, w, b, ONE, "same", ONE, 1, relu, pool), x, w)
            return y, *pull(jnp.ones_like(y).at[0, 0, 0, 0].set(jnp.inf))

        mine = run(bad)
        with plain():
            want = run(bad)
        for a, c in zip(mine, want, strict=True):
            np.testing.assert_allclose(a, c, rtol=1e-4, atol=1e-4)  # not a number in the same places


def test_the_first_of_equal_elements_has_the_gradient():
    w = jnp.ones((1, 2, 1, 1))
    dx = jax.grad(lambda x: conv_block(x, w, None, (1, 2), "valid", ONE, pool=True).sum())(jnp.ones((1, 2, 4, 1)))
    np.testing.assert_array_equal(dx[0, :, :, 0], [[1, 1, 0, 0], [0, 0, 0, 0]])


def test_no_images():
    x, w, b = arrays(0, (6, 6), (3, 3), 2, 4)

    @jax.jit
    def run(*at):
        y, pull = jax.vjp(lambda *at: conv_block(*at, ONE, "valid", ONE, 1, True, True), *at)
        return y, pull(y)

    y, (dx, dw, db) = run(x, w, b)
    assert (y.shape, dx.shape) == ((0, 2, 2, 4), x.shape) and not dw.any() and not db.any()


def test_images_too_small_to_pool_are_refused_either_way():
    x, w, b = arrays(1, (3, 6), (3, 3), 2, 4)
    with pytest.raises((TypeError, ValueError)):
        conv_block(x, w, b, ONE, "valid", ONE, pool=True)
    with plain(), pytest.raises((TypeError, ValueError)):
        conv_block(x, w, b, ONE, "valid", ONE, pool=True)


def block(x, w, b):
    return conv_block(x, w, b, ONE, "same", ONE, 1, True, True)


def mapped(x, w, b):
    return jax.vmap(block, (0, None, 0))(jnp.stack([x, 2 * x]), w, jnp.stack([b, -b]))


def scanned(x, w, b):
    return jax.lax.scan(lambda total, part: (total + block(part, w, b).sum(), block(part, w, b)), 0.0, x[:, None])[1]


def remade(x, w, b):
    return jax.checkpoint(lambda x: jnp.sin(block(x, w, b)))(x)


def compiled(x, w, b):
    return jax.jit(block)(x, w, b)


@pytest.mark.parametrize("way", [mapped, scanned, remade, compiled])
def test_within(way):
    compare(way, *arrays(3, (7, 6), (3, 2), 3, 18))


def test_gradients_that_nobody_asks_for_are_not_computed():
    first, second = arrays(2, (8, 8), (3, 3), 1, 4), arrays(2, (4, 4), (3, 3), 4, 5)

    def loss(kernels):
        return block(block(first[0], kernels[0], first[2]), kernels[1], second[2]).sum()

    text = jax.jit(jax.grad(loss)).lower([first[1], second[1]]).compile().as_text()
    assert {name: text.count(f'custom_call_target="liuli_{name}"') for name in COUNTS} == COUNTS
