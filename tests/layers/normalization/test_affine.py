"""What batch, layer, group and instance normalization have in common."""

import jax.numpy as jnp
import numpy as np
import pytest

from liuli.core.errors import ShapeError
from liuli.layers import (
    BatchNormalization,
    Context,
    GroupNormalization,
    InstanceNormalization,
    LayerNormalization,
    RMSNormalization,
    UnitNormalization,
)
from liuli.regularizers import L2
from tests.layers.calling import KEY, shape
from tests.numeric import close

X = np.random.default_rng(0).normal(3.0, 2.0, size=(8, 5, 4)).astype(np.float32)


@pytest.mark.parametrize(
    ("layer", "fields"),
    [
        (BatchNormalization, {}),
        (LayerNormalization, {}),
        (GroupNormalization, {"groups": 2}),
        (InstanceNormalization, {}),
    ],
)
def test_gamma_and_beta(layer, fields):
    params = {"gamma": jnp.full(4, 3.0), "beta": jnp.arange(4.0)}
    made = layer(gamma_regularizer=L2(0.5), **fields)
    state = made.init(KEY, shape(8, 5, 4))[1]
    plain, _ = layer(center=False, scale=False, **fields).apply({}, state, jnp.asarray(X), Context())
    scaled, _ = made.apply(params, state, jnp.asarray(X), Context())
    close(scaled, 3.0 * np.asarray(plain) + np.arange(4.0), relative=1e-6)
    assert float(made.penalty(params)) == 0.5 * 4 * 9
    assert set(layer(center=False, **fields).init(KEY, shape(8, 5, 4))[0]) == {"gamma"}
    assert set(layer(scale=False, **fields).init(KEY, shape(8, 5, 4))[0]) == {"beta"}


@pytest.mark.parametrize(
    "layer",
    [BatchNormalization(), LayerNormalization(), RMSNormalization(), UnitNormalization(), GroupNormalization(1)],
)
def test_needs_features(layer):
    with pytest.raises(ShapeError, match="features"):
        layer.init(KEY, shape(8))
