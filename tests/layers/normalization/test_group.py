"""Normalization over the places and some of the channels."""

import jax.numpy as jnp
import numpy as np
import pytest

from liuli.core.errors import ShapeError, SpecError
from liuli.layers import GroupNormalization, InstanceNormalization, LayerNormalization
from tests.layers.calling import KEY, call, shape
from tests.numeric import close

X = np.random.default_rng(0).normal(3.0, 2.0, size=(8, 5, 4)).astype(np.float32)
MASK = np.arange(5) < np.array([5, 4, 3, 2, 1, 0, 5, 5])[:, None]


def by_hand(x, groups, counts):
    """One sample (time, channels), its statistics over the steps that count."""
    y = np.empty_like(x)
    for channels in np.split(np.arange(x.shape[-1]), groups):
        seen = x[counts][:, channels] if counts.any() else np.zeros((1, 1))
        y[:, channels] = (x[:, channels] - seen.mean()) / np.sqrt(seen.var() + 0.5)
    return y


@pytest.mark.parametrize(("groups", "parts"), [(1, 1), (2, 2), (4, 4), (-1, 4)])
@pytest.mark.parametrize("mask", [None, MASK])
def test_groups(groups, parts, mask):
    y = call(GroupNormalization(groups, epsilon=0.5), jnp.asarray(X), mask=None if mask is None else jnp.asarray(mask))
    counts = np.ones_like(MASK) if mask is None else mask
    close(y, np.stack([by_hand(x, parts, c) for x, c in zip(X, counts, strict=True)]), relative=1e-5)


@pytest.mark.parametrize("mask", [None, MASK])
def test_an_instance_is_a_group_of_one_channel(mask):
    ctx = {} if mask is None else {"mask": jnp.asarray(mask)}
    alone, grouped = (call(layer, jnp.asarray(X), **ctx) for layer in (InstanceNormalization(), GroupNormalization(-1)))
    close(alone, grouped, relative=1e-6)


def test_one_group_of_a_vector_is_layer_normalization():
    x = jnp.asarray(X[:, 0])
    close(call(GroupNormalization(1), x), call(LayerNormalization(), x), relative=1e-6)


def test_channels_divide_into_groups():
    with pytest.raises(ShapeError, match=r"got 4 channels.*a multiple of groups=3"):
        GroupNormalization(3).init(KEY, shape(8, 5, 4))
    with pytest.raises(SpecError, match="groups: got 0"):
        GroupNormalization(0)


def test_an_instance_needs_places():
    with pytest.raises(ShapeError, match="places"):
        InstanceNormalization().init(KEY, shape(8, 4))
