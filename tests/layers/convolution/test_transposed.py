"""Transposed convolutions as layers; their numbers are compared in tests/kernels and tests/oracles."""

import jax.numpy as jnp
import numpy as np
import pytest

from liuli.core.errors import LiuliError, ShapeError, SpecError
from liuli.layers import Conv1DTranspose, Conv2DTranspose, Conv3DTranspose
from tests.layers.calling import KEY, call, init, shape
from tests.numeric import close


def test_shapes():
    params, state = Conv2DTranspose(6, (3, 2)).init(KEY, shape(5, 8, 9, 4))
    assert {name: p.shape for name, p in params.items()} == {"kernel": (3, 2, 6, 4), "bias": (6,)}
    assert state == {}
    assert set(Conv2DTranspose(6, 3, use_bias=False).init(KEY, shape(5, 8, 9, 4))[0]) == {"kernel"}


@pytest.mark.parametrize(
    ("fields", "steps"),
    [
        ({}, 6),
        ({"strides": 2}, 9),
        ({"strides": 4}, 16),  # as wide as the stride where the kernel leaves gaps
        ({"strides": 2, "output_padding": 1}, 10),
        ({"strides": 2, "padding": "same"}, 8),
        ({"strides": 2, "padding": "same", "output_padding": 0}, 7),
        ({"dilation_rate": 2}, 8),
        ({"padding": "same"}, 4),
    ],
)
def test_sizes(fields, steps):
    assert call(Conv1DTranspose(2, 3, **fields), jnp.ones((1, 4, 1))).shape == (1, steps, 2)


def test_every_step_is_a_copy_of_the_kernel():
    layer, x = Conv1DTranspose(2, 3, strides=3, activation="tanh"), jnp.asarray([[[2.0], [-1.0]]])
    kernel = np.asarray(init(layer, x)[0]["kernel"])[:, :, 0]
    close(call(layer, x), np.tanh(np.concatenate([2.0 * kernel, -kernel]))[None], relative=1e-5)


def test_output_padding_is_less_than_the_stride():
    with pytest.raises(SpecError, match=r"output_padding: got \(2, 0\); expected less than strides=\(2, 2\)"):
        Conv2DTranspose(2, 3, strides=2, output_padding=(2, 0))


@pytest.mark.parametrize(
    ("layer", "axes"),
    [
        (Conv1DTranspose(2, 3), "batch, steps, channels"),
        (Conv2DTranspose(2, 3), "batch, height, width, channels"),
        (Conv3DTranspose(2, 3), "batch, depth, height, width, channels"),
    ],
)
def test_only_its_own_space(layer, axes):
    with pytest.raises(ShapeError, match=rf"expected \({axes}\)"):
        layer.init(KEY, shape(2, 8))


def test_refuses_a_mask():
    with pytest.raises(LiuliError, match="cannot pass Conv1DTranspose"):
        Conv1DTranspose(2, 3, padding="same").output_mask(shape(2, 8, 1), jnp.ones((2, 8), bool))
