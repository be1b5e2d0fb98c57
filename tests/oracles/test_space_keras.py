"""Layers of space and shape against Keras, and interpolation against Pillow too: outputs and gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import liuli as ll
from liuli import layers
from liuli.layers import Context
from tests.layers.calling import call, init
from tests.numeric import close
from tests.oracles.keras_oracle import keras

pytestmark = pytest.mark.oracle

PRECISIONS = {"float32": 1e-5, "float64": 1e-10}  # the largest error, as a share of the largest value
precisions = pytest.mark.parametrize("name", PRECISIONS)


def normal(*shape):
    return np.random.default_rng(0).normal(size=shape)


def value_and_gradient(run, x):
    """``run(x)``, and the gradient of sum(w y) in x."""

    @jax.jit
    def both(x):
        y, pull = jax.vjp(run, x)
        return y, pull(jnp.asarray(np.random.default_rng(1).normal(size=y.shape), y.dtype))[0]

    return both(x)


def compare(layer, name, x, mask=None):
    """The layer of ours against Keras's of the same name and fields."""
    fields = {f: getattr(layer, f) for f in vars(layer) if f not in ("name", "trainable", "activity_regularizer")}
    with jax.enable_x64(name == "float64"):
        x, params = jnp.asarray(x, name), init(layer, jnp.asarray(x, name))
        mine = value_and_gradient(lambda x: layer.apply(*params, x, Context(mask=mask))[0], x)
        with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
            theirs = getattr(keras.layers, type(layer).__name__)(**fields, dtype=name)
            yours = value_and_gradient(lambda x: theirs(x) if mask is None else theirs(x, mask=mask), x)
        close(mine, yours, relative=PRECISIONS[name])


def sizes(rank, least, most):
    return st.tuples(*[st.integers(least, most)] * rank)


@precisions
@settings(max_examples=10)
@given(
    size=sizes(2, 1, 3),
    interpolation=st.sampled_from(["nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"]),
    space=sizes(2, 1, 6),
)
def test_up_sampling(name, size, interpolation, space):
    compare(layers.UpSampling2D(size, interpolation), name, normal(2, *space, 3))


@pytest.mark.parametrize(
    ("interpolation", "theirs"), [("bilinear", "BILINEAR"), ("bicubic", "BICUBIC"), ("lanczos3", "LANCZOS")]
)
@pytest.mark.parametrize("size", [(2, 2), (3, 2), (1, 4)])
def test_interpolation_by_pillow(interpolation, theirs, size):
    image = pytest.importorskip("PIL.Image")
    x = normal(5, 7).astype(np.float32)
    larger = (7 * size[1], 5 * size[0])
    want = np.asarray(image.fromarray(x).resize(larger, getattr(image.Resampling, theirs)))
    got = call(layers.UpSampling2D(size, interpolation), jnp.asarray(x)[None, :, :, None])
    close(got[0, :, :, 0], want, relative=1e-5)


@precisions
@pytest.mark.parametrize("border", [2, (1, 2), ((0, 1), (2, 3))])
@pytest.mark.parametrize("layer", ["ZeroPadding2D", "Cropping2D"])
def test_borders_of_images(name, border, layer):
    compare(getattr(layers, layer)(border), name, normal(2, 5, 7, 3))


@precisions
@pytest.mark.parametrize("border", [1, (0, 1, 2), ((0, 1), (2, 0), (1, 1))])
@pytest.mark.parametrize("layer", ["ZeroPadding3D", "Cropping3D"])
def test_borders_of_volumes(name, border, layer):
    compare(getattr(layers, layer)(border), name, normal(2, 3, 5, 6, 2))


@precisions
@pytest.mark.parametrize("border", [1, (0, 2)])
@pytest.mark.parametrize("layer", ["ZeroPadding1D", "Cropping1D"])
def test_borders_of_sequences(name, border, layer):
    compare(getattr(layers, layer)(border), name, normal(2, 5, 3))


@precisions
def test_permute_and_repeat_vector(name):
    compare(layers.Permute((3, 1, 2)), name, normal(2, 3, 4, 5))
    compare(layers.RepeatVector(4), name, normal(3, 5))


@precisions
@settings(max_examples=10)
@given(counts=st.lists(st.integers(1, 6), min_size=1, max_size=4), keepdims=st.booleans())
def test_masked_mean(name, counts, keepdims):
    mask = np.arange(6) < np.array(counts)[:, None]
    compare(layers.GlobalAveragePooling1D(keepdims), name, normal(len(counts), 6, 3), mask)


@precisions
@pytest.mark.parametrize("value", [0.0, -1.0])
def test_masking(name, value):
    x = normal(4, 6, 3)
    x[0, 2], x[1, 3:], x[2, :, 1] = value, value, value
    compare(layers.Masking(value), name, x)
    mine = ll.Sequential([layers.Masking(value), layers.GlobalAveragePooling1D()])
    with jax.enable_x64(name == "float64"):
        got = call(mine, jnp.asarray(x, name))
        with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
            masked = keras.layers.Masking(value, dtype=name)(jnp.asarray(x, name))
            want = keras.layers.GlobalAveragePooling1D(dtype=name)(masked)
        close(got, jnp.asarray(want), relative=PRECISIONS[name])


@precisions
def test_activity_regularization(name):
    with jax.enable_x64(name == "float64"):
        x = jnp.asarray(normal(4, 6), name)
        penalties = [layers.ActivityRegularization(0.3, 0.2).activity_penalty(x)]
        with jax.numpy_dtype_promotion("standard"):
            theirs = keras.layers.ActivityRegularization(0.3, 0.2, dtype=name)
            theirs(x)
            want = theirs.losses
        close(penalties, [jnp.asarray(loss) for loss in want], relative=PRECISIONS[name])
