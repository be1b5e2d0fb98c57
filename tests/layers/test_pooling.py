"""Pooling layers; the numbers of windows are compared in tests/kernels and tests/oracles."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liuli as ll
from liuli import layers
from liuli.core.errors import LiuliError, ShapeError
from liuli.core.specs import named
from liuli.layers import AveragePooling2D, Context, GlobalAveragePooling2D, MaxPooling2D
from tests.layers.calling import KEY, call, shape
from tests.numeric import close

IMAGE = jnp.arange(15.0).reshape(1, 3, 5, 1)
WINDOWED = [MaxPooling2D, AveragePooling2D]
KINDS = ["Max", "Average", "GlobalMax", "GlobalAverage", "AdaptiveMax", "AdaptiveAverage"]
AXES = {1: "(batch, steps, channels)", 2: "height, width, channels", 3: "depth, height, width, channels"}

STEPS = jnp.array([3.0, -2.0, 9.0, -4.0, -6.0]).reshape(1, 5, 1)
MASK = jnp.array([[True, True, False, True, False]])


def layer_of(kind, rank):
    return getattr(layers, f"{kind}Pooling{rank}D")(*[2] * kind.startswith("Adaptive"))


def masked(layer, x, mask):
    """The output and its mask."""
    layer.init(KEY, shape(*x.shape))
    return layer.apply({}, {}, x, Context(mask=mask))[0], layer.output_mask(x, mask)


def test_windows_move_by_their_size():
    assert call(MaxPooling2D(), IMAGE)[0, :, :, 0].tolist() == [[6.0, 8.0]]
    assert call(AveragePooling2D(), IMAGE)[0, :, :, 0].tolist() == [[3.0, 5.0]]


def test_or_by_strides():
    assert call(MaxPooling2D(2, strides=1), IMAGE)[0, :, :, 0].tolist() == [
        [6.0, 7.0, 8.0, 9.0],
        [11.0, 12.0, 13.0, 14.0],
    ]


def test_padding_is_no_element():
    assert call(MaxPooling2D(2, padding="same"), -1 - IMAGE).max() == -1.0
    assert call(AveragePooling2D(2, padding="same"), jnp.ones((1, 3, 5, 1))).tolist() == np.ones((1, 2, 3, 1)).tolist()


def test_global_average():
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32)
    close(call(GlobalAveragePooling2D(), jnp.asarray(x)), x.mean((1, 2)), relative=1e-6)
    close(call(GlobalAveragePooling2D(keepdims=True), jnp.asarray(x)), x.mean((1, 2), keepdims=True), relative=1e-6)


def test_global_maximum_shares_its_gradient():
    x = jnp.array([1.0, 4.0, 4.0]).reshape(1, 3, 1)
    gradient = jax.grad(lambda x: call(layers.GlobalMaxPooling1D(), x).sum())(x)
    assert gradient.ravel().tolist() == [0.0, 0.5, 0.5]


def test_adaptive_bins_cover_the_axis():
    """Five steps in three bins: [0, 1], [1, 2, 3], [3, 4]."""
    x = jnp.array([1.0, 5.0, 3.0, 7.0, 9.0]).reshape(1, 5, 1)
    assert call(layers.AdaptiveMaxPooling1D(3), x).ravel().tolist() == [5.0, 7.0, 9.0]
    assert call(layers.AdaptiveAveragePooling1D(3), x).ravel().tolist() == [3.0, 5.0, 8.0]
    assert call(layers.AdaptiveAveragePooling1D(5), x).tolist() == x.tolist()


@pytest.mark.parametrize("kind", KINDS[:4])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_short_names(kind, rank):
    short = kind.replace("Average", "Avg")
    assert named("layers", f"{short}Pool{rank}D") == layer_of(kind, rank)


@pytest.mark.parametrize("layer", WINDOWED)
def test_window_larger_than_the_image(layer):
    with pytest.raises(ShapeError, match=r"got images of 3 x 5.*expected at least 4 x 4"):
        layer(4).init(KEY, shape(1, 3, 5, 1))
    layer(4, padding="same").init(KEY, shape(1, 3, 5, 1))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_only_space_of_its_rank(kind, rank):
    layer = layer_of(kind, rank)
    for axes in {1, 2, 3} - {rank}:
        with pytest.raises(ShapeError, match=AXES[rank].replace("(", r"\(").replace(")", r"\)")):
            layer.init(KEY, shape(2, *[8] * axes, 3))
    with pytest.raises(ShapeError, match="not empty"):
        layer.init(KEY, shape(2, *[0] * rank, 3))


@pytest.mark.parametrize(
    ("kind", "rank"), [(kind, rank) for kind in KINDS for rank in (1, 2, 3) if rank > 1 or kind.startswith("Adaptive")]
)
def test_masks_are_refused_where_they_cannot_pass(kind, rank):
    layer = layer_of(kind, rank)
    with pytest.raises(LiuliError, match=f"cannot pass {type(layer).__name__}"):
        layer.output_mask(shape(2, *[8] * rank, 1), jnp.ones((2, 8), bool))
    assert layer.output_mask(shape(2, *[8] * rank, 1), None) is None


@pytest.mark.parametrize(
    ("layer", "want"),
    [
        (layers.MaxPooling1D(2), [3.0, -4.0]),
        (layers.MaxPooling1D(2, padding="same"), [3.0, -4.0, 0.0]),
        (layers.AveragePooling1D(2), [0.5, -4.0]),
        (layers.AveragePooling1D(2, padding="same"), [0.5, -4.0, 0.0]),
        (layers.AveragePooling1D(3, strides=1), [0.5, -3.0, -4.0]),
    ],
)
def test_windows_leave_masked_steps_out(layer, want):
    y, mask = masked(layer, STEPS, MASK)
    assert y.ravel().tolist() == want
    assert mask.tolist() == [[value != 0.0 for value in want]]
    assert masked(layer, STEPS, None)[1] is None


@pytest.mark.parametrize(("kind", "want"), [("GlobalMax", 3.0), ("GlobalAverage", -1.0)])
def test_global_pooling_leaves_masked_steps_out(kind, want):
    x, mask = jnp.concatenate([STEPS, STEPS.at[0, 2].set(jnp.nan)]), jnp.concatenate([MASK, MASK])
    y, after = masked(layer_of(kind, 1), x, mask)
    assert y.ravel().tolist() == [want, want]
    assert after is None


@pytest.mark.parametrize("kind", ["GlobalMax", "GlobalAverage"])
def test_global_pooling_of_masked_steps_alone(kind):
    """Gives zero, with a gradient of zero."""
    layer, nothing = layer_of(kind, 1), jnp.zeros((1, 5), bool)
    y, pull = jax.vjp(lambda x: masked(layer, x, nothing)[0], STEPS)
    assert y.tolist() == [[0.0]]
    assert not pull(jnp.ones_like(y))[0].any()
    y, mask = masked(layer.replace(keepdims=True), jnp.concatenate([STEPS, STEPS]), jnp.concatenate([MASK, nothing]))
    assert y.shape == (2, 1, 1)
    assert mask.tolist() == [[True], [False]]


@pytest.mark.parametrize("kind", ["Max", "Average"])
def test_a_mask_goes_through_a_network(kind):
    """Padding changes nothing: windows of a short sequence, then the mean of those that count."""
    net = ll.Sequential([layers.Masking(), layer_of(kind, 1), layers.GlobalAveragePooling1D()])
    short = np.random.default_rng(0).normal(size=(2, 4, 3)).astype(np.float32)
    long = np.pad(short, [(0, 0), (0, 3), (0, 0)])
    close(call(net, jnp.asarray(long)), call(net, jnp.asarray(short)), relative=1e-6)
