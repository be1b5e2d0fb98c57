"""Layers that make several values, and what layers add to the loss."""

import jax
import jax.numpy as jnp
import numpy as np

import liuli as ll
from liuli import layers
from liuli.core.specs import from_json, spec, to_json
from liuli.inspect import trace
from liuli.layers import Context, Layer


@spec
class Halves(Layer):
    """The first and the second half of the features, with a mask for the first."""

    @property
    def output_count(self):
        return 2

    def apply(self, params, state, x, ctx):
        half = x.shape[-1] // 2
        return (x[..., :half], x[..., half:]), state

    def output_mask(self, x, mask):
        return (jnp.ones(x.shape[:2], bool), None) if x.ndim > 2 else (None, None)


def test_each_value_is_wired_on_its_own():
    x = ll.Input((4,))
    left, right = Halves()(x)
    net = ll.Graph(x, layers.Concatenate()([right, left]))
    values = jnp.arange(8.0).reshape(2, 4)
    y, _ = net.apply(*net.init(jax.random.key(0), values), values, Context())
    np.testing.assert_array_equal(y, values[:, [2, 3, 0, 1]])
    assert from_json(to_json(net), registry=[Halves]) == net
    assert list(net.names) == ["input_1", "halves_1", "part_1", "part_2", "concatenate_1"]


def test_each_value_has_its_own_mask():
    x = ll.Input((2, 4))
    left, right = Halves()(x)
    net = ll.Graph(x, [left, right])
    values = jnp.ones((3, 2, 4))
    _, masks, _ = net.run(*net.init(jax.random.key(0), values), values, Context())
    assert masks[0].shape == (3, 2)
    assert masks[1] is None


def test_a_network_of_several_outputs_within_another():
    x = ll.Input((4,))
    pair = ll.Graph(x, [layers.Dense(2)(x), layers.Dense(3)(x)])
    z = ll.Input((4,))
    first, second = pair(z)
    net = ll.Graph(z, layers.Concatenate()([first, second]))
    model = ll.Model(net, loss="mse")
    assert model.predict(np.ones((5, 4))).shape == (5, 5)
    assert model.summary().parameters == 4 * 2 + 2 + 4 * 3 + 3


def test_every_value_is_traced():
    x = ll.Input((4,))
    left, right = Halves()(x)
    model = ll.Model(ll.Graph(x, layers.Add()([left, right])), loss="mse")
    seen = trace(model, np.ones((3, 4)), np.zeros((3, 2)))
    assert seen["halves_1/y_0"].value.shape == seen["halves_1/y_1"].gradient.shape == (3, 2)


def test_activity_is_penalized():
    net = ll.Sequential([layers.Dense(3, activity_regularizer=ll.regularizers.L2(0.5))])
    values = jnp.asarray(np.random.default_rng(0).normal(size=(6, 4)), jnp.float32)
    params, state = net.init(jax.random.key(0), values)
    penalties: list = []
    y, _ = net.apply(params, state, values, Context(penalties=penalties))
    np.testing.assert_allclose(sum(penalties), 0.5 * jnp.square(y).sum() / 6, rtol=1e-6)
