"""The zoo: shapes, last layers, and what the convolutional network reaches on real images."""

import jax
import jax.numpy as jnp
import pytest

import liuli as ll
from liuli.core.errors import LiuliError
from liuli.layers import Context
from liuli.networks import zoo


def _output(net, *shape):
    x = jnp.ones((2, *shape))
    params, state = net.init(jax.random.key(0), x)
    return net.apply(params, state, x, Context())[0]


@pytest.mark.parametrize(("classes", "width"), [(None, 1), (2, 1), (7, 7)])
def test_last_layer_follows_from_the_question(classes, width):
    assert _output(zoo.mlp(classes, hidden=(4,), dropout=0.1), 3).shape == (2, width)
    y = _output(zoo.cnn((6, 6, 1), classes, filters=2, dense=4), 36)
    assert y.shape == (2, width)
    if classes == 7:
        assert jnp.allclose(y.sum(1), 1.0, atol=1e-5)
    if classes == 2:
        assert ((y > 0) & (y < 1)).all()


@pytest.mark.parametrize(("shape", "blocks"), [((1, 1, 1), 1), ((2, 9, 3), 1), ((8, 8, 1), 2), ((28, 28, 1), 3), ((33, 40, 3), 4)])
def test_blocks_leave_a_few_pixels(shape, blocks):
    net = zoo.cnn(shape, 3, filters=2, dense=4)
    assert sum(name.startswith("max_pooling") for name in net.names) == blocks
    assert _output(net, *shape).shape == (2, 3)


def test_pixels_are_scaled():
    net = zoo.cnn((4, 4, 1), 3, scale=0.5, offset=-1.0)
    assert net.names["rescaling_1"] == ll.layers.Rescaling(0.5, -1.0)


@pytest.mark.parametrize("make", [lambda: zoo.cnn((8, 8), 3), lambda: zoo.cnn((0, 8, 1), 3), lambda: zoo.head(1), lambda: zoo.mlp(3, hidden=(0,))])
def test_what_makes_no_sense_is_refused(make):
    with pytest.raises(LiuliError):
        make()
