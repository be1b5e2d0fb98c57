"""Graphs: drawing, names, sharing, several inputs and outputs, keys by name, errors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liuli as ll
from liuli import layers
from liuli.core.specs import from_json, to_json
from liuli.layers.base import Context
from liuli.networks import Graph, Node, edit


def shape(*axes, dtype="float32"):
    return jax.ShapeDtypeStruct(axes, dtype)


def call(net, params, *xs, **context):
    return net.apply(params, {}, xs if len(xs) > 1 else xs[0], Context(**context))[0]


def diamond():
    x = ll.Input((3,))
    h = layers.Dense(4, "relu", name="hidden")(x)
    return ll.Graph(x, layers.Add()([h, layers.Dense(4)(h)]))


def test_names_are_types_and_counters_or_given():
    assert list(diamond().names) == ["input_1", "hidden", "dense_1", "add_1"]
    assert list(ll.Sequential([layers.Dense(2), layers.Dense(2)]).names) == ["input_1", "dense_1", "dense_2"]


def test_a_graph_computes_what_its_drawing_says():
    net, x = diamond(), jnp.arange(6.0).reshape(2, 3)
    params, _ = net.init(jax.random.key(0), shape(2, 3))
    h = jax.nn.relu(x @ params["hidden"]["kernel"])
    expected = h + h @ params["dense_1"]["kernel"]
    np.testing.assert_allclose(call(net, params, x), expected, rtol=1e-6)


def test_one_layer_called_twice_shares_its_weights():
    shared, x = layers.Dense(3, "tanh"), ll.Input((3,))
    net = ll.Graph(x, shared(shared(x)))
    params, _ = net.init(jax.random.key(0), shape(2, 3))
    assert list(params) == ["dense_1"]
    assert [value for value, _ in net.calls()] == ["input_1", "dense_1", "dense_1@2"]
    kernel = params["dense_1"]["kernel"]
    values = jnp.ones((2, 3))
    np.testing.assert_allclose(call(net, params, values), jnp.tanh(jnp.tanh(values @ kernel) @ kernel), rtol=1e-6)


def test_equal_layers_that_are_two_objects_do_not_share():
    x = ll.Input((3,))
    net = ll.Graph(x, layers.Dense(3)(layers.Dense(3)(x)))
    assert set(net.init(jax.random.key(0), shape(1, 3))[0]) == {"dense_1", "dense_2"}


def test_several_inputs_and_outputs_keep_their_order():
    a, b = ll.Input((2,), name="a"), ll.Input((2,), name="b")
    both = layers.Concatenate()([a, b])
    net = ll.Graph([b, a], [both, layers.Flatten(name="flat")(a)])
    assert net.inputs == ("b", "a") and net.outputs == ("concatenate_1", "flat")
    first, second = call(net, {}, jnp.zeros((1, 2)), jnp.ones((1, 2)))
    assert first.tolist() == [[1, 1, 0, 0]] and second.tolist() == [[1, 1]]


def test_inserting_a_layer_leaves_the_other_initial_weights_as_they_were():
    short = ll.Sequential([layers.Dense(4, name="a"), layers.Dense(2, name="b")])
    long = ll.Sequential([layers.Dense(4, name="a"), layers.Dense(4, name="new"), layers.Dense(2, name="b")])
    one, two = (net.init(jax.random.key(0), shape(1, 3))[0] for net in (short, long))
    for name in ("a", "b"):
        assert (one[name]["kernel"] == two[name]["kernel"]).all()


def test_a_graph_is_a_layer():
    inner = ll.Sequential([layers.Dense(4, "tanh"), layers.Dense(4)])
    x = ll.Input((3,))
    net = ll.Graph(x, layers.Dense(1)(inner(x)))
    params, _ = net.init(jax.random.key(0), shape(2, 3))
    assert set(params["graph_1"]) == {"dense_1", "dense_2"}
    assert call(net, params, jnp.ones((2, 3))).shape == (2, 1)


@pytest.mark.parametrize("make", [diamond, lambda: ll.Sequential([layers.Dense(2, "relu")])])
def test_json_round_trip(make):
    net = make()
    assert from_json(to_json(net)) == net
    assert hash(from_json(to_json(net))) == hash(net)


def test_a_very_deep_line_is_drawn_without_recursion():
    net = ll.Sequential([layers.Activation("tanh")] * 1)
    value = start = ll.Input((1,))
    for _ in range(3000):
        value = layers.Activation("tanh")(value)
    assert len(Graph(start, value).nodes) == 3001 and len(net.nodes) == 2


def test_integers_become_floats_unless_a_layer_takes_them():
    net = ll.Sequential([layers.Embedding(5, 2), layers.Flatten(), layers.Dense(1)])
    params, _ = net.init(jax.random.key(0), shape(1, 3, dtype="int32"))
    assert call(net, params, jnp.array([[0, 1, 4]])).dtype == jnp.float32
    dense = ll.Sequential([layers.Dense(1)])
    params, _ = dense.init(jax.random.key(0), shape(1, 3, dtype="uint8"))
    assert call(dense, params, jnp.ones((1, 3), jnp.uint8)).dtype == jnp.float32


def test_masks_travel_from_the_layer_that_makes_them_to_the_one_that_uses_them():
    net = ll.Sequential([layers.Embedding(5, 3, mask_zero=True), layers.LSTM(2)])
    params, _ = net.init(jax.random.key(0), shape(1, 4, dtype="int32"))
    short, padded = jnp.array([[1, 2]]), jnp.array([[1, 2, 0, 0]])
    np.testing.assert_allclose(call(net, params, padded), call(net, params, short), rtol=1e-6)


def test_a_mask_crosses_a_nested_graph():
    inner = ll.Sequential([layers.Embedding(5, 3, mask_zero=True)])
    x = ll.Input((4,), "int32")
    net = ll.Graph(x, layers.LSTM(2)(inner(x)))
    params, _ = net.init(jax.random.key(0), shape(1, 4, dtype="int32"))
    once = call(net, params, jnp.array([[1, 2, 0, 0]]))
    np.testing.assert_allclose(once, call(net, params, jnp.array([[1, 2, 0, 0]])[:, :2]), rtol=1e-6)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: ll.Sequential([]), "no layers"),
        (lambda: ll.Sequential(["relu"]), "Activation('relu')"),
        (lambda: ll.Graph(ll.Input((2,)), layers.Dense(2)(ll.Input((2,)))), "every input to be listed"),
        (lambda: layers.Dense(2)(jnp.ones((2, 2))), "values of a graph"),
        (lambda: ll.Sequential([layers.Dense(2, name="a"), layers.Dense(3, name="a")]), "two different layers"),
        (lambda: ll.Sequential([layers.Dense(2, name="a/b")]), "letters, digits"),
        (lambda: Graph(("x",), ("y",), (Node("y", layers.Dense(1), ("x",)),)), "a value made before it"),
    ],
)
def test_a_graph_that_makes_no_sense_is_refused(build, words):
    with pytest.raises(ll.LiuliError) as caught:
        build()
    assert words in str(caught.value)


def test_a_shape_error_names_the_layer():
    net = ll.Sequential([layers.Dense(4), layers.Conv2D(3, 3, name="looks")])
    with pytest.raises(ll.LiuliError) as caught:
        net.init(jax.random.key(0), shape(1, 5))
    assert str(caught.value).startswith("looks: got")


def test_the_last_activation_can_be_taken_off():
    net = ll.Sequential([layers.Dense(3, "relu"), layers.Dense(2, "softmax")])
    bare = edit.without_activation(net, "dense_2")
    assert repr(bare) == "Sequential([Dense(3, activation=ReLU()), Dense(2)])"
    assert repr(edit.last_activation(net, "dense_2")) == "Softmax()"


def test_frozen_layers_are_not_trained():
    net = edit.frozen(ll.Sequential([layers.Dense(3), layers.Dense(2)]), {"dense_1"})
    params, _ = net.init(jax.random.key(0), shape(1, 2))
    mask = edit.trainable(net, params)
    assert not any(jax.tree.leaves(mask["dense_1"])) and all(jax.tree.leaves(mask["dense_2"]))


def test_summary_counts_parameters_and_operations():
    model = ll.Model(ll.Sequential([ll.Input((5,)), layers.Dense(4, use_bias=False), layers.Dense(3)]), "mse")
    summary = model.summary()
    assert summary.parameters == 5 * 4 + 4 * 3 + 3
    assert summary.flops == 2 * 5 * 4 + 2 * 4 * 3 + 3
    assert "dense_2" in str(summary) and "(batch, 3)" in str(summary)


def test_a_recurrent_layers_activation_is_not_its_end():
    net = ll.Sequential([layers.LSTM(1, activation="sigmoid")])
    assert edit.last_activation(net, "lstm_1") is None


def test_a_value_listed_twice_is_used_elsewhere():
    x = ll.Input((2,))
    y = layers.Dense(2, "softmax")(x)
    assert edit.is_used_elsewhere(ll.Graph(x, [y, y]), "dense_1")
    assert not edit.is_used_elsewhere(ll.Graph(x, y), "dense_1")
