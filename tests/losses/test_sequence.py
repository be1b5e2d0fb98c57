"""CTC: what it takes, what it says of targets that do not fit, and its ends."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from liuli import losses
from liuli.core.errors import DataError, ShapeError

LOSS = losses.CTC()


@pytest.mark.parametrize(
    ("y", "shape", "match"),
    [
        ([[1, 4]], (1, 6, 4), "label 4"),
        ([[1, -2]], (1, 6, 4), "label -2"),
        ([[0, 1]], (1, 6, 4), "labels first"),
        ([[1, 2], [2, 2]], (2, 2, 4), "row 1 that needs 3 steps"),
    ],
)
def test_targets_are_looked_at_beforehand(y, shape, match):
    with pytest.raises(DataError, match=match):
        LOSS.validate_targets(np.array(y), shape)


def test_targets_that_fit():
    LOSS.validate_targets(np.array([[1, 2, 3], [2, 2, 0], [0, 0, 0], [3, -1, -1]]), (4, 3, 4))


def test_shapes():
    for y, z in ((jnp.zeros((2, 3)), (2, 5, 4)), (jnp.zeros((2, 3), int), (2, 4)), (jnp.zeros(2, int), (2, 5, 4))):
        with pytest.raises(ShapeError, match="integer labels"):
            LOSS(y, jnp.zeros(z))


def test_what_cannot_be_read_is_inf_without_a_gradient():
    z = jnp.zeros((1, 2, 3))
    value, slope = jax.value_and_grad(lambda z: LOSS(jnp.array([[1, 1]]), z))(z)
    assert float(value) == np.inf
    assert not slope.any()


def test_every_way_is_counted():
    """Over two steps and three classes: y = (1,) is read from 11, 1-, -1."""
    p = np.array([[0.5, 0.3, 0.2], [0.1, 0.6, 0.3]])
    want = -np.log(p[0, 1] * p[1, 1] + p[0, 1] * p[1, 0] + p[0, 0] * p[1, 1])
    np.testing.assert_allclose(LOSS(jnp.array([[1]]), jnp.log(p)[None]), want, rtol=1e-6)
    np.testing.assert_allclose(LOSS(jnp.array([[0]]), jnp.log(p)[None]), -np.log(0.05), rtol=1e-6)
    np.testing.assert_allclose(LOSS(jnp.array([[1, -1]]), jnp.log(p)[None]), want, rtol=1e-6)
