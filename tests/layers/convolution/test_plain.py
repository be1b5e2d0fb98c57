"""Conv1D, Conv2D and Conv3D as layers; their numbers are compared in tests/kernels and tests/oracles."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from liuli.core.errors import LiuliError, ShapeError, SpecError
from liuli.core.specs import named
from liuli.layers import Context, Conv1D, Conv2D, Conv3D
from liuli.regularizers import L2
from tests.layers.calling import KEY, call, init, shape, taps
from tests.numeric import close


def test_a_number_stands_for_both():
    assert Conv1D(4, 3, strides=2) == Conv1D(4, (3,), strides=(2,))
    assert Conv2D(4, 3, strides=2) == Conv2D(4, (3, 3), strides=(2, 2))
    assert Conv3D(4, 3, strides=2) == Conv3D(4, (3, 3, 3), strides=(2, 2, 2))


def test_shapes():
    params, state = Conv2D(6, (3, 2), groups=2).init(KEY, shape(5, 8, 9, 4))
    assert {name: p.shape for name, p in params.items()} == {"kernel": (3, 2, 2, 6), "bias": (6,)}
    assert state == {}
    assert set(Conv2D(6, 3, use_bias=False).init(KEY, shape(5, 8, 9, 4))[0]) == {"kernel"}


def test_a_one_by_one_kernel_is_dense():
    x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 3, 4, 5)), float)
    layer = Conv2D(2, 1, activation="tanh")
    kernel = init(layer, x)[0]["kernel"]
    close(call(layer, x), np.tanh(np.asarray(x) @ np.asarray(kernel[0, 0])), relative=1e-5)


def test_tap_gradient_is_that_of_the_plain_version():
    with jax.enable_x64(True):
        x = jnp.asarray(np.random.default_rng(1).normal(size=(2, 4, 4, 3)))
        layer = Conv2D(2, 3, padding="same", activation="tanh")
        params, state = init(layer, x)
        params["bias"] = jnp.array([0.5, -0.5])
        values, gradients = taps(layer, params, state, x, lambda y: jnp.square(y).sum())
        close(gradients["z"], jax.grad(lambda z: jnp.square(jnp.tanh(z)).sum())(values["z"]), relative=1e-12)
        y, _ = layer.replace(activation="linear").apply(params, state, x, Context())
        close(values["z"], y, relative=1e-12)


def test_regularizer_speaks_of_the_kernel():
    params = {"kernel": jnp.full((1, 1, 2, 3), 2.0), "bias": jnp.full(3, 100.0)}
    assert float(Conv2D(3, 1, kernel_regularizer=L2(0.5)).penalty(params)) == 0.5 * 6 * 4


def test_kernel_larger_than_the_image():
    with pytest.raises(ShapeError, match=r"got images of 4 x 9.*expected at least 5 x 5"):
        Conv2D(2, 3, dilation_rate=2).init(KEY, shape(1, 4, 9, 3))
    Conv2D(2, 3, dilation_rate=2, padding="same").init(KEY, shape(1, 4, 9, 3))


def test_groups_divide_channels_and_filters():
    with pytest.raises(ShapeError, match=r"got 3 channels.*expected a multiple of groups=2"):
        Conv2D(2, 3, groups=2).init(KEY, shape(1, 9, 9, 3))
    with pytest.raises(SpecError, match="a multiple of groups=2"):
        Conv2D(3, 3, groups=2)


@pytest.mark.parametrize("sizes", [(2, 8, 8), (2, 8), (2, 8, 8, 8, 1)])
def test_only_images(sizes):
    with pytest.raises(ShapeError, match=r"expected \(batch, height, width, channels\)"):
        Conv2D(2, 3).init(KEY, shape(*sizes))


def test_only_sequences_or_volumes():
    with pytest.raises(ShapeError, match=r"expected \(batch, steps, channels\)"):
        Conv1D(2, 3).init(KEY, shape(2, 8, 8, 1))
    with pytest.raises(ShapeError, match=r"expected \(batch, depth, height, width, channels\)"):
        Conv3D(2, 3).init(KEY, shape(2, 8, 8, 1))
    with pytest.raises(ShapeError, match=r"got sequences of 4.*expected at least 5"):
        Conv1D(2, 3, dilation_rate=2).init(KEY, shape(1, 4, 3))


def test_images_without_pixels():
    with pytest.raises(ShapeError, match="images that are not empty"):
        Conv2D(2, 3, padding="same").init(KEY, shape(2, 0, 8, 1))


def test_refuses_a_mask():
    with pytest.raises(LiuliError, match="masked sequence"):
        Conv2D(2, 3).output_mask(shape(2, 8, 8, 1), jnp.ones((2, 8), bool))


@pytest.mark.parametrize("fields", [{"padding": "same"}, {"padding": "causal", "dilation_rate": 2}])
def test_a_mask_passes_where_steps_keep_their_place(fields):
    mask = jnp.ones((2, 8), bool)
    assert Conv1D(2, 3, **fields).output_mask(shape(2, 8, 1), mask) is mask
    assert call(Conv1D(2, 3, **fields), jnp.ones((2, 8, 1))).shape == (2, 8, 2)


@pytest.mark.parametrize("fields", [{}, {"padding": "same", "strides": 2}])
def test_a_mask_is_refused_where_steps_move(fields):
    assert Conv1D(2, 3, **fields).output_mask(shape(2, 8, 1), None) is None
    with pytest.raises(LiuliError, match=r'cannot pass Conv1D.*padding="same"'):
        Conv1D(2, 3, **fields).output_mask(shape(2, 8, 1), jnp.ones((2, 8), bool))


def test_causal_sees_nothing_that_comes_later():
    x = jnp.asarray(np.random.default_rng(2).normal(size=(1, 9, 2)), float)
    layer = Conv1D(3, 3, padding="causal", dilation_rate=2)
    y, changed = call(layer, x), call(layer, x.at[:, 5:].add(1.0))
    close(changed[:, :5], y[:, :5], relative=0)
    assert (changed[:, 5] != y[:, 5]).all()


def test_padding_is_named():
    with pytest.raises(SpecError, match="write 'same'"):
        Conv2D(2, 3, padding="samee")
    with pytest.raises(SpecError, match="expected one of 'valid', 'same'"):
        Conv2D(2, 3, padding="causal")


def test_keras_long_names():
    with pytest.raises(SpecError, match="expected a value for filters, kernel_size"):
        named("layers", "Convolution2D")
