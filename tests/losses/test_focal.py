"""Focal cross entropies: what they keep of the cross entropies they come from."""

import jax.numpy as jnp
import numpy as np
import pytest

from liuli import losses
from liuli.core.errors import DataError
from liuli.core.specs import named


def test_without_focus_they_are_cross_entropies():
    z, y = jnp.array([[0.3, -2.0], [1.0, 4.0]]), jnp.array([[1.0, 0.0], [0.0, 1.0]])
    binary = losses.BinaryFocalCrossentropy(0.1, gamma=0.0, from_logits=True)
    np.testing.assert_allclose(binary(y, z), losses.BinaryCrossentropy(0.1, from_logits=True)(y, z), rtol=1e-6)
    several = losses.CategoricalFocalCrossentropy(0.1, alpha=1.0, gamma=0.0, from_logits=True)
    np.testing.assert_allclose(several(y, z), losses.CategoricalCrossentropy(0.1, from_logits=True)(y, z), rtol=1e-6)


def test_they_are_matched_and_named_like_cross_entropies():
    assert losses.BinaryFocalCrossentropy.matched is losses.BinaryCrossentropy.matched
    assert losses.CategoricalFocalCrossentropy().space == "probabilities"
    assert type(named("losses", "bce")) is losses.BinaryCrossentropy
    with pytest.raises(DataError):
        losses.BinaryFocalCrossentropy().validate_targets(np.array([2.0]), (1,))


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_certain_probabilities_stay_finite(dtype):
    p = jnp.asarray([[0.0, 1.0], [1.0, 0.0]], dtype)
    several = losses.CategoricalFocalCrossentropy(alpha=1.0).per_sample(jnp.array([1, 1]), p)
    binary = losses.BinaryFocalCrossentropy().per_sample(jnp.array([[0, 1], [0, 1]]), p)
    for right, wrong in (several, binary):
        assert right.dtype == dtype
        assert abs(right) < 1e-3
        np.testing.assert_allclose(wrong.astype(float), -np.log(1e-7), rtol=0.02)
