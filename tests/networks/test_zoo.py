"""The zoo: shapes, last layers, blocks."""

import jax
import pytest

import liuli as ll
from liuli.core.errors import LiuliError
from liuli.core.specs import named
from liuli.layers import Context
from liuli.networks import zoo


def output(net, *shape):
    """The shape of what the network makes of two rows."""
    x = jax.ShapeDtypeStruct((2, *shape), "float32")
    return jax.eval_shape(lambda x: net.apply(*net.init(jax.random.key(0), x), x, Context())[0], x).shape


@pytest.mark.parametrize(("classes", "width"), [(None, 1), (2, 1), (7, 7)])
def test_last_layer_follows_from_the_question(classes, width):
    last = {None: "identity", 2: "sigmoid", 7: "softmax"}[classes]
    for net, shape in [(zoo.mlp(classes, hidden=(4,), dropout=0.1), (3,)), (zoo.cnn((6, 6, 1), classes), (36,))]:
        assert output(net, *shape) == (2, width)
        assert net.names[net.outputs[0]].activation == named("activations", last)


def test_several_numbers():
    assert output(zoo.mlp(outputs=3), 5) == (2, 3)


@pytest.mark.parametrize(
    ("shape", "blocks"), [((1, 1, 1), 1), ((2, 9, 3), 1), ((8, 8, 1), 2), ((28, 28, 1), 3), ((33, 40, 3), 4)]
)
def test_blocks_leave_a_few_pixels(shape, blocks):
    net = zoo.cnn(shape, 3, filters=2, dense=4)
    assert sum(name.startswith("max_pooling") for name in net.names) == blocks
    assert output(net, *shape) == (2, 3)


def test_pixels_are_scaled():
    net = zoo.cnn((4, 4, 1), 3, scale=0.5, offset=-1.0)
    assert net.names["rescaling_1"] == ll.layers.Rescaling(0.5, -1.0)


@pytest.mark.parametrize(
    "make",
    [lambda: zoo.cnn((8, 8), 3), lambda: zoo.cnn((0, 8, 1), 3), lambda: zoo.head(1), lambda: zoo.mlp(3, hidden=(0,))],
)
def test_what_makes_no_sense_is_refused(make):
    with pytest.raises(LiuliError):
        make()
