"""Preprocessing against Keras: outputs, and where they have any the gradients, in float32 and in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liuli import layers
from liuli.layers import Context
from tests.numeric import close
from tests.oracles.keras_oracle import keras

pytestmark = pytest.mark.oracle

PRECISIONS = {"float32": 1e-5, "float64": 1e-10}  # the largest error, as a share of the largest value
precisions = pytest.mark.parametrize("precision", PRECISIONS)
MODES = ["int", "one_hot", "multi_hot", "count"]


@pytest.fixture(autouse=True)
def keras_as_it_is_used():
    """Keras promotes dtypes and ranks as it likes."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def ours(layer, x):
    """The output for ``x``, by a strict JAX."""
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        params, state = layer.init(jax.random.key(0), jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), x))
        return jax.jit(lambda x: layer.apply(params, state, x, Context())[0])(x)


def compare(mine, theirs, x, precision):
    """Outputs, and the gradients of sum(w y), of ``mine(x)`` and ``theirs(x)`` in the precision named."""
    with jax.enable_x64(precision == "float64"):
        x = jnp.asarray(x, precision)

        def both(run):
            @jax.jit
            def of(x):
                y, pull = jax.vjp(run, x)
                (dx,) = pull(jnp.asarray(normal(*y.shape, seed=1), y.dtype))
                return {"y": y, "x": dx}

            return of(x)

        share = PRECISIONS[precision]
        close(both(mine), both(theirs), relative=share, absolute=share / 10)


@precisions
@settings(max_examples=6)
@given(
    mode=st.sampled_from(MODES),
    shape=st.sampled_from([(5, 1), (5, 4)]),
    boundaries=st.lists(st.floats(-2, 2, width=32), min_size=1),
)
def test_discretization(precision, mode, shape, boundaries):
    boundaries = sorted(boundaries)
    x = np.concatenate([normal(*shape).ravel()[: np.prod(shape) - 1], boundaries[:1]]).reshape(shape).astype(precision)
    with jax.enable_x64(precision == "float64"):
        mine = ours(layers.Discretization(tuple(boundaries), output_mode=mode), jnp.asarray(x))
        theirs = keras.layers.Discretization(boundaries, output_mode=mode)(x)
    assert jnp.issubdtype(mine.dtype, jnp.integer) == (mode == "int")
    close(mine, theirs, relative=0)


@settings(max_examples=6)
@given(num_bins=st.integers(1, 9), n=st.integers(10, 100), ties=st.booleans())
def test_discretization_adapts_to_few_values(num_bins, n, ties):
    x = normal(n, 2)[:, :1].astype(np.float32)
    x = np.round(x, 1) if ties else x
    theirs = keras.layers.Discretization(num_bins=num_bins)
    theirs.update_state(x)  # what adapt calls, which needs TensorFlow
    theirs.finalize_state()
    mine = layers.Discretization(num_bins=num_bins).adapt(x)
    rounding = 8 * np.finfo(np.float32).eps * np.abs(x).max()  # of the values between which is interpolated
    np.testing.assert_allclose(mine.bin_boundaries, theirs.bin_boundaries, rtol=0, atol=rounding)


@settings(max_examples=6)
@given(
    mode=st.sampled_from(MODES[1:]),
    tokens=st.integers(1, 7),
    shape=st.sampled_from([(4, 1), (4, 3)]),
    weigh=st.booleans(),
)
def test_category_encoding(mode, tokens, shape, weigh):
    x = np.random.default_rng(0).integers(0, tokens, shape).astype(np.int32)
    theirs = keras.layers.CategoryEncoding(tokens, mode)
    layer = layers.CategoryEncoding(tokens, mode)
    if weigh and mode == "count":
        weights = normal(*shape).astype(np.float32)
        mine, theirs = ours(layer, (jnp.asarray(x), jnp.asarray(weights))), theirs(x, count_weights=weights)
    else:
        mine, theirs = ours(layer, jnp.asarray(x)), theirs(x)
    close(mine, theirs, relative=1e-6)


AXES = [-1, 1, (1, 3), (2,), (1, 2, 3), None]


@pytest.mark.parametrize("axis", AXES, ids=str)
@pytest.mark.parametrize("invert", [False, True])
def test_normalization_adapts(axis, invert):
    data = (3.0 + 2.0 * normal(9, 4, 3, 2)).astype(np.float32)
    theirs = keras.layers.Normalization(axis, invert=invert)
    theirs.adapt(data)
    layer = layers.Normalization(axis, invert=invert)
    state = layer.adapt(data)
    compare(lambda x: layer.apply({}, state, x, Context())[0], theirs, normal(4, 4, 3, 2), "float32")


@precisions
@settings(max_examples=6)
@given(axis=st.sampled_from([-1, 1, 2, (1, 3), None]), invert=st.booleans(), several=st.booleans())
def test_normalization_is_given(precision, axis, invert, several):
    size = {-1: 2, 1: 4, 2: 3, (1, 3): 2, None: 1}[axis]
    mean = tuple(normal(size).tolist()) if several and axis is not None else 0.7
    variance = tuple((normal(size, seed=2) ** 2 + 0.5).tolist()) if several and axis is not None else 2.5
    given_ = [np.array(v, np.float64) for v in (mean, variance)] if several and axis is not None else [mean, variance]
    with jax.enable_x64(precision == "float64"):
        theirs = keras.layers.Normalization(axis, *given_, invert=invert, dtype=precision)
        layer = layers.Normalization(axis, mean, variance, invert)
        compare(lambda x: ours(layer, x), theirs, normal(4, 4, 3, 2), precision)


@settings(max_examples=6)
@given(mode=st.sampled_from(["log", "magnitude", "psd", "real", "imag", "angle", "stft"]),
       frame=st.integers(4, 9), overlap=st.none() | st.integers(1, 4), wider=st.booleans(),
       window=st.sampled_from(["hann", "hamming", "blackman", None]), periodic=st.booleans(),
       scaling=st.sampled_from(["density", "spectrum", None]), padding=st.sampled_from(["valid", "same"]),
       expand=st.booleans(), channels=st.integers(1, 2))  # fmt: skip
def test_stft(mode, frame, overlap, wider, window, periodic, scaling, padding, expand, channels):
    fields = {
        "mode": mode, "frame_length": frame, "frame_step": overlap, "fft_length": 16 if wider else None,
        "window": window, "periodic": periodic, "scaling": scaling, "padding": padding, "expand_dims": expand,
    }  # fmt: skip
    layer, theirs = layers.STFTSpectrogram(**fields), keras.layers.STFTSpectrogram(**fields)
    if mode != "angle":
        back = jnp.exp if mode == "log" else jnp.asarray  # the logarithm of next to nothing is mostly rounding
        return compare(lambda x: back(ours(layer, x)), lambda x: back(theirs(x)), normal(2, 21, channels), "float32")
    x = jnp.asarray(normal(2, 21, channels), "float32")
    turned = ours(layer, x) - theirs(x)  # angles of +pi and -pi are one, where the imaginary side is rounded to 0
    close(jnp.cos(turned), jnp.ones_like(turned), relative=1e-5)


@pytest.mark.optimized
@settings(max_examples=6)
@given(n=st.sampled_from([16, 32]), stride=st.integers(3, 9), shorter=st.booleans(), bins=st.integers(2, 5),
       window=st.sampled_from(["hann", "hamming", None]), high=st.none() | st.just(6000.0), decibels=st.booleans(),
       exponent=st.sampled_from([1.0, 2.0, 1.5]), top=st.sampled_from([10.0, 80.0]))  # fmt: skip
def test_mel(n, stride, shorter, window, bins, high, decibels, exponent, top):
    """One clip, because Keras counts top_db from the loudest of the batch."""
    fields = {
        "fft_length": n, "sequence_stride": stride, "sequence_length": n - 4 if shorter else None, "window": window,
        "num_mel_bins": bins, "max_freq": high, "power_to_db": decibels, "mag_exp": exponent, "top_db": top,
        "ref_power": 0.5,
    }  # fmt: skip
    theirs, layer = keras.layers.MelSpectrogram(**fields), layers.MelSpectrogram(**fields)
    compare(lambda x: ours(layer, x).mT, theirs, normal(1, 70), "float32")


INTERPOLATIONS = ["bilinear", "nearest", "bicubic", "lanczos3", "lanczos5"]
sizes = st.tuples(st.integers(2, 7), st.integers(2, 7))


@precisions
@settings(max_examples=6)
@given(size=sizes, interpolation=st.sampled_from(INTERPOLATIONS), ratio=st.sampled_from(["", "crop", "pad"]),
       fill=st.sampled_from([0.0, 1.5]), antialias=st.booleans())  # fmt: skip
def test_resizing(precision, size, interpolation, ratio, fill, antialias):
    fields = {
        "interpolation": interpolation, "crop_to_aspect_ratio": ratio == "crop", "pad_to_aspect_ratio": ratio == "pad",
        "fill_value": fill, "antialias": antialias,
    }  # fmt: skip
    with jax.enable_x64(precision == "float64"):
        theirs = keras.layers.Resizing(*size, **fields, dtype=precision)
        compare(lambda x: ours(layers.Resizing(*size, **fields), x), theirs, normal(2, 5, 4, 2), precision)


@precisions
@settings(max_examples=6)
@given(size=sizes)
def test_center_crop(precision, size):
    with jax.enable_x64(precision == "float64"):
        theirs = keras.layers.CenterCrop(*size, dtype=precision)
        compare(lambda x: ours(layers.CenterCrop(*size), x), theirs, normal(2, 5, 4, 2), precision)


@precisions
def test_rescaling(precision):
    with jax.enable_x64(precision == "float64"):
        theirs = keras.layers.Rescaling(0.3, -1.5, dtype=precision)
        compare(lambda x: ours(layers.Rescaling(0.3, -1.5), x), theirs, normal(3, 4), precision)
