"""Convolutions against PyTorch: outputs and gradients, in float32 and in float64."""

import jax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liuli import layers
from tests.oracles.test_layers_torch import PRECISIONS, channels_first, channels_last, compare, normal

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.oracle

F = torch.nn.functional
MOST = {1: 4, 2: 3, 3: 2}  # elements of a window along each axis, by rank
EXTRA = {1: 6, 2: 4, 3: 2}  # what the input has more of them
precisions = pytest.mark.parametrize("name", PRECISIONS)
paddings = st.sampled_from(["valid", "same"])


def layer_of(kind, rank):
    return getattr(layers, kind.format(rank))


def each(rank, least, most):
    return st.tuples(*[st.integers(least, most)] * rank)


def geometry(ranks):
    """A window, strides, dilation, and the size of an input that has room for it."""
    return ranks.flatmap(
        lambda rank: st.tuples(
            each(rank, 1, MOST[rank]), each(rank, 1, 3), each(rank, 1, 2), each(rank, 0, EXTRA[rank])
        )
    )


def reaches(kernel, dilation):
    return [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]


def space(axes):
    kernel, _, dilation, extra = axes
    return [r + e for r, e in zip(reaches(kernel, dilation), extra, strict=True)]


def convolved(x, w, axes, padding, groups=1):
    """``x`` (batch, channels, *space) with the kernel (filters, channels / groups, *window)."""
    kernel, strides, dilation, _ = axes
    if padding == "same":
        sides = []
        for size, r, s in reversed(list(zip(x.shape[2:], reaches(kernel, dilation), strides, strict=True))):
            total = max((-(-size // s) - 1) * s + r - size, 0)
            sides += [total // 2, total - total // 2]
        x = F.pad(x, sides)
    run = getattr(
        F, f"conv{len(kernel)}d"
    )  # in float64: in float32 oneDNN leaves some outputs of dilated windows unwritten
    return run(x.double(), w.double(), None, strides, 0, dilation, groups).to(x.dtype)


def filters_first(w):
    """A kernel (*window, inputs, filters) as (filters, inputs, *window)."""
    return w.movedim((-1, -2), (0, 1))


def check(layer, run, x, name):
    """``run``, of parameters and x with channels first, and a bias added to it."""

    def whole(p, x):
        y = channels_last(run(p, channels_first(x)))
        return y + p["bias"] if "bias" in p else y

    compare(layer, whole, x, name)


@precisions
@settings(max_examples=15)
@given(axes=geometry(st.integers(1, 3)), groups=st.integers(1, 3), inside=st.integers(1, 2), padding=paddings,
       use_bias=st.booleans())  # fmt: skip
def test_conv(name, axes, groups, inside, padding, use_bias):
    kernel, strides, dilation, _ = axes
    fields = {"strides": strides, "padding": padding, "dilation_rate": dilation, "groups": groups, "use_bias": use_bias}
    layer = layer_of("Conv{}D", len(kernel))(2 * groups, kernel, **fields)

    def run(p, x):
        return convolved(x, filters_first(p["kernel"]), axes, padding, groups)

    with jax.enable_x64(name == "float64"):
        check(layer, run, normal(2, *space(axes), inside * groups), name)


@precisions
@settings(max_examples=15)
@given(axes=geometry(st.integers(1, 3)), more=st.integers(0, 2))
def test_transpose(name, axes, more):
    kernel, strides, dilation, _ = axes
    more = tuple(min(more, s - 1) for s in strides)
    fields = {"strides": strides, "dilation_rate": dilation, "output_padding": more}
    layer = layer_of("Conv{}DTranspose", len(kernel))(3, kernel, **fields)

    def run(p, x):
        w = p["kernel"].movedim((-1, -2), (0, 1))  # (inputs, filters, *window)
        return getattr(F, f"conv_transpose{len(kernel)}d")(x, w, None, strides, 0, more, 1, dilation)

    with jax.enable_x64(name == "float64"):
        check(layer, run, normal(2, *(extra + 1 for extra in axes[3]), 2), name)


@precisions
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_transpose_cut_evenly_on_both_sides(name, rank):
    """Where PyTorch's ``padding`` can say what Keras's "same" does: an odd window, and stride 1."""
    layer = layer_of("Conv{}DTranspose", rank)(3, 3, padding="same", dilation_rate=2)

    def run(p, x):
        w = p["kernel"].movedim((-1, -2), (0, 1))
        return getattr(F, f"conv_transpose{rank}d")(x, w, None, 1, 2, 0, 1, 2)

    with jax.enable_x64(name == "float64"):
        check(layer, run, normal(2, *(4, 3, 5)[:rank], 2), name)


@precisions
@settings(max_examples=15)
@given(axes=geometry(st.integers(1, 2)), padding=paddings, multiplier=st.integers(1, 3), use_bias=st.booleans())
def test_depthwise(name, axes, padding, multiplier, use_bias):
    kernel, strides, dilation, _ = axes
    fields = {"strides": strides, "padding": padding, "dilation_rate": dilation, "use_bias": use_bias}
    layer = layer_of("DepthwiseConv{}D", len(kernel))(kernel, depth_multiplier=multiplier, **fields)

    def run(p, x):
        return convolved(x, each_alone(p["depthwise_kernel"]), axes, padding, groups=3)

    with jax.enable_x64(name == "float64"):
        check(layer, run, normal(2, *space(axes), 3), name)


@precisions
@settings(max_examples=15)
@given(axes=geometry(st.integers(1, 2)), padding=paddings, multiplier=st.integers(1, 3), use_bias=st.booleans())
def test_separable(name, axes, padding, multiplier, use_bias):
    kernel, strides, dilation, _ = axes
    fields = {"strides": strides, "padding": padding, "dilation_rate": dilation, "use_bias": use_bias}
    layer = layer_of("SeparableConv{}D", len(kernel))(4, kernel, depth_multiplier=multiplier, **fields)

    def run(p, x):
        y = convolved(x, each_alone(p["depthwise_kernel"]), axes, padding, groups=3)
        return getattr(F, f"conv{len(kernel)}d")(y, filters_first(p["pointwise_kernel"]))

    with jax.enable_x64(name == "float64"):
        check(layer, run, normal(2, *space(axes), 3), name)


def each_alone(w):
    """A kernel (*window, channels, multiplier) as (channels multiplier, 1, *window)."""
    return w.flatten(-2).movedim(-1, 0).unsqueeze(1)
