"""Overlap: its ends, and what its targets are."""

import jax.numpy as jnp
import numpy as np
import pytest

from liuli import losses
from liuli.core.errors import DataError


@pytest.mark.parametrize("loss", [losses.Dice(), losses.Tversky(0.3, 0.7)])
def test_all_and_nothing(loss):
    mask = jnp.array([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    np.testing.assert_allclose(loss.per_sample(mask, mask), [0, 0], atol=1e-6)
    np.testing.assert_allclose(loss.per_sample(mask, 1 - mask), [1, 1], atol=1e-6)
    assert (loss.space, loss.matched) == ("probabilities", None)
    with pytest.raises(DataError, match="between 0 and 1"):
        loss.validate_targets(np.array([[2.0]]), (1, 1))
