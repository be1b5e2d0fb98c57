"""Depthwise and separable convolutions as layers; their numbers are compared in tests/oracles."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from liuli.core.errors import LiuliError, ShapeError
from liuli.layers import Context, Conv1D, DepthwiseConv1D, DepthwiseConv2D, SeparableConv1D, SeparableConv2D
from liuli.regularizers import L2
from tests.layers.calling import KEY, call, init, shape, taps
from tests.numeric import close

X = np.random.default_rng(0).normal(size=(2, 6, 3))


def test_shapes():
    params, state = DepthwiseConv2D((3, 2), depth_multiplier=4).init(KEY, shape(5, 8, 9, 3))
    assert {name: p.shape for name, p in params.items()} == {"depthwise_kernel": (3, 2, 3, 4), "bias": (12,)}
    assert state == {}
    params, state = SeparableConv2D(7, (3, 2), depth_multiplier=4).init(KEY, shape(5, 8, 9, 3))
    names = {"depthwise_kernel": (3, 2, 3, 4), "pointwise_kernel": (1, 1, 12, 7), "bias": (7,)}
    assert {name: p.shape for name, p in params.items()} == names
    assert state == {}
    assert "bias" not in SeparableConv1D(7, 3, use_bias=False).init(KEY, shape(5, 8, 3))[0]
    assert "bias" not in DepthwiseConv1D(3, use_bias=False).init(KEY, shape(5, 8, 3))[0]


def test_each_channel_alone():
    """Outputs c m to (c + 1) m - 1 are a Conv1D of channel c."""
    x = jnp.asarray(X, float)
    layer = DepthwiseConv1D(3, padding="causal", depth_multiplier=2, activation="tanh")
    kernel, y = init(layer, x)[0]["depthwise_kernel"], call(layer, x)
    for c in range(3):
        alone = Conv1D(2, 3, padding="causal", activation="tanh", use_bias=False)
        one, _ = alone.apply({"kernel": kernel[:, c : c + 1]}, {}, x[..., c : c + 1], Context())
        close(y[..., 2 * c : 2 * c + 2], one, relative=1e-5)


def test_taps_of_a_separable_convolution():
    with jax.enable_x64(True):
        x = jnp.asarray(X)
        layer = SeparableConv1D(4, 2, depth_multiplier=2, activation="tanh")
        params, state = init(layer, x)
        params["bias"] = jnp.linspace(-0.5, 0.5, 4)
        values, gradients = taps(layer, params, state, x, lambda y: jnp.square(y).sum())

        def rest(depthwise):
            return depthwise @ params["pointwise_kernel"][0] + params["bias"][None, None]

        def loss(z):
            return jnp.square(jnp.tanh(z)).sum()

        close(values["z"], rest(values["depthwise"]), relative=1e-12)
        close(gradients["z"], jax.grad(loss)(values["z"]), relative=1e-12)
        close(gradients["depthwise"], jax.grad(lambda d: loss(rest(d)))(values["depthwise"]), relative=1e-12)


def test_regularizers_and_constraints_speak_of_their_kernels():
    params = {"depthwise_kernel": jnp.full((2, 3, 1), 2.0), "pointwise_kernel": jnp.full((1, 3, 2), -3.0)}
    params["bias"] = jnp.full(2, 100.0)
    assert float(SeparableConv1D(2, 2, depthwise_regularizer=L2(0.5)).penalty(params)) == 0.5 * 6 * 4
    assert float(SeparableConv1D(2, 2, pointwise_regularizer=L2(0.5)).penalty(params)) == 0.5 * 6 * 9
    assert float(DepthwiseConv1D(2, depthwise_regularizer=L2(0.5)).penalty(params)) == 0.5 * 6 * 4
    constrained = SeparableConv1D(2, 2, pointwise_constraint="non_neg").constrained(params)
    assert not constrained["pointwise_kernel"].any()
    assert constrained["depthwise_kernel"].all()


def test_sequences_pass_masks_on_where_steps_keep_their_place():
    mask = jnp.ones((2, 8), bool)
    for layer in (DepthwiseConv1D(3, padding="same"), SeparableConv1D(2, 3, padding="causal")):
        assert layer.output_mask(shape(2, 8, 1), mask) is mask
    for layer in (DepthwiseConv1D(3), SeparableConv1D(2, 3, strides=2, padding="same"), SeparableConv2D(2, 3)):
        with pytest.raises(LiuliError, match=f"cannot pass {type(layer).__name__}"):
            layer.output_mask(shape(2, 8, 1), mask)


@pytest.mark.parametrize("layer", [DepthwiseConv2D(3), SeparableConv2D(2, 3)])
def test_bad_images(layer):
    with pytest.raises(ShapeError, match=r"expected \(batch, height, width, channels\)"):
        layer.init(KEY, shape(2, 8, 8))
    with pytest.raises(ShapeError, match="images of 2 x 8"):
        layer.init(KEY, shape(2, 2, 8, 1))
