"""Pooling, padding and resampling against PyTorch: outputs and gradients, in float32 and in float64."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liuli import layers
from tests.oracles.test_layers_torch import PRECISIONS, channels_first, channels_last, compare, normal

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.oracle

F = torch.nn.functional
LONGEST = {1: 12, 2: 9, 3: 6}
ranks = pytest.mark.parametrize("rank", [1, 2, 3])
precisions = pytest.mark.parametrize("name", PRECISIONS)


def layer_of(kind, rank):
    return getattr(layers, f"{kind}{rank}D")


def as_field(sizes):
    """Sizes as our field: a number for sequences, else a tuple."""
    return sizes[0] if sizes is not None and len(sizes) == 1 else sizes


def sizes(rank, least, most):
    return st.tuples(*[st.integers(least, most)] * rank)


def check(layer, run, x, name):
    with jax.enable_x64(name == "float64"):
        compare(layer, lambda p, x: channels_last(run(channels_first(x))), jnp.asarray(x, float), name)


def padded_same(x, window, strides, value):
    """``x`` (batch, channels, *space), padded as TensorFlow and Keras do for ``"same"``."""
    sides = []
    for size, k, s in reversed(list(zip(x.shape[2:], window, strides, strict=True))):
        total = max((-(-size // s) - 1) * s + k - size, 0)
        sides += [total // 2, total - total // 2]
    return F.pad(x, sides, value=value)


windows = st.integers(1, 3).flatmap(
    lambda rank: st.tuples(
        sizes(rank, 1, 3),
        st.none() | sizes(rank, 1, 3),
        st.sampled_from(["valid", "same"]),
        sizes(rank, 3, LONGEST[rank]),
    )
)


@precisions
@settings(max_examples=15)
@given(case=windows, ties=st.booleans())
def test_max_pooling(name, case, ties):
    (window, strides, padding, space), rank = case, len(case[0])
    steps = strides or window

    def run(x):
        x = padded_same(x, window, steps, -np.inf) if padding == "same" else x
        return getattr(F, f"max_pool{rank}d")(x, window, steps)

    x = normal(2, *space, 3)
    layer = layer_of("MaxPooling", rank)(as_field(window), as_field(strides), padding)
    check(layer, run, jnp.round(x) if ties else x, name)


@precisions
@settings(max_examples=15)
@given(case=windows)
def test_average_pooling(name, case):
    (window, strides, padding, space), rank = case, len(case[0])
    steps = strides or window

    def sums(x):
        x = padded_same(x, window, steps, 0.0) if padding == "same" else x
        return getattr(F, f"avg_pool{rank}d")(x, window, steps)

    layer = layer_of("AveragePooling", rank)(as_field(window), as_field(strides), padding)
    check(layer, lambda x: sums(x) / sums(torch.ones_like(x)), normal(2, *space, 3), name)


binned = st.integers(1, 3).flatmap(lambda rank: st.tuples(sizes(rank, 1, 5), sizes(rank, 1, LONGEST[rank])))


@precisions
@settings(max_examples=15)
@given(case=binned, ties=st.booleans())
def test_adaptive_max_pooling(name, case, ties):
    (bins, space), rank = case, len(case[0])
    x = normal(2, *space, 3)
    layer = layer_of("AdaptiveMaxPooling", rank)(as_field(bins))
    check(layer, lambda x: getattr(F, f"adaptive_max_pool{rank}d")(x, bins), jnp.round(x) if ties else x, name)


@precisions
@settings(max_examples=15)
@given(case=binned)
def test_adaptive_average_pooling(name, case):
    (bins, space), rank = case, len(case[0])
    layer = layer_of("AdaptiveAveragePooling", rank)(as_field(bins))
    check(layer, lambda x: getattr(F, f"adaptive_avg_pool{rank}d")(x, bins), normal(2, *space, 3), name)


@precisions
@ranks
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("kind", ["Max", "Average"])
def test_global_pooling(name, rank, keepdims, kind):
    x, space = normal(2, 4, 5, 3, 2)[(slice(None),) * (rank + 1) + (0,) * (3 - rank)], tuple(range(1, rank + 1))

    def run(p, x):
        return x.amax(space, keepdims) if kind == "Max" else x.mean(space, keepdims)

    with jax.enable_x64(name == "float64"):
        layer = layer_of(f"Global{kind}Pooling", rank)(keepdims)
        compare(layer, run, jnp.asarray(jnp.round(2 * x) if kind == "Max" else x, float), name)


borders = st.integers(1, 3).flatmap(lambda rank: st.tuples(*[sizes(2, 0, 2)] * rank))


def flat(border):
    """PyTorch's order: the last axis first."""
    return list(itertools.chain(*reversed(border)))


@precisions
@settings(max_examples=10)
@given(border=borders)
def test_zero_padding(name, border):
    layer = layer_of("ZeroPadding", len(border))(as_field(border))
    check(layer, lambda x: F.pad(x, flat(border)), normal(2, *(3, 4, 2)[: len(border)], 3), name)


@precisions
@settings(max_examples=10)
@given(border=borders)
def test_cropping(name, border):
    layer = layer_of("Cropping", len(border))(as_field(border))
    check(layer, lambda x: F.pad(x, [-n for n in flat(border)]), normal(2, *(5, 6, 7)[: len(border)], 3), name)


@precisions
@settings(max_examples=10)
@given(size=st.integers(1, 3).flatmap(lambda rank: sizes(rank, 1, 3)))
def test_up_sampling(name, size):
    layer = layer_of("UpSampling", len(size))(as_field(size))
    x = normal(2, *(3, 4, 2)[: len(size)], 3)
    check(layer, lambda x: F.interpolate(x, scale_factor=tuple(map(float, size)), mode="nearest"), x, name)


@precisions
@settings(max_examples=10)
@given(size=sizes(2, 1, 4), space=sizes(2, 1, 5))
def test_bilinear(name, size, space):
    layer = layers.UpSampling2D(size, interpolation="bilinear")
    larger = [s * n for s, n in zip(size, space, strict=True)]
    check(layer, lambda x: F.interpolate(x, larger, mode="bilinear", align_corners=False), normal(2, *space, 3), name)


@precisions
@settings(max_examples=10)
@given(r=st.integers(1, 3), n=st.integers(1, 3), space=sizes(2, 1, 4))
def test_pixel_shuffle(name, r, n, space):
    check(layers.PixelShuffle(r), lambda x: F.pixel_shuffle(x, r), normal(2, *space, n * r * r), name)
    x = normal(2, r * space[0], r * space[1], n)
    check(layers.PixelUnshuffle(r), lambda x: F.pixel_unshuffle(x, r), x, name)
