"""Convolution and the pooling after it in one operation: the same numbers, and only where nobody else reads."""

from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liuli as ll
from liuli import layers
from liuli.inspect import trace
from liuli.layers.base import Context
from tests.numeric import close

X = jnp.asarray(np.random.default_rng(0).normal(size=(3, 9, 8, 2)), jnp.float32)


def line(*middle):
    return ll.Sequential([*middle, layers.Flatten(), layers.Dense(3)])


def conv(activation="relu", **kwargs):
    return layers.Conv2D(5, 3, padding="same", activation=activation, **kwargs)


def twice_read():
    x = ll.Input((9, 8, 2))
    h = conv()(x)
    return ll.Graph(x, layers.Concatenate()([layers.MaxPooling2D(2)(h), layers.AveragePooling2D(2)(h)]))


def shown():
    x = ll.Input((9, 8, 2))
    h = conv()(x)
    return ll.Graph(x, [layers.MaxPooling2D(2)(h), h])


FUSED = {
    "relu": line(conv(), layers.MaxPooling2D(2)),
    "identity, no bias": line(conv("linear", use_bias=False), layers.MaxPooling2D(2)),
    "two": line(conv(), layers.MaxPooling2D(2), conv(), layers.MaxPooling2D(2)),
    "groups": line(conv(), layers.MaxPooling2D(2, activity_regularizer="l2"), layers.Conv2D(4, 1, activation="relu")),
}
APART = {
    "another activation": line(conv("tanh"), layers.MaxPooling2D(2)),
    "another window": line(conv(), layers.MaxPooling2D(3)),
    "other strides": line(conv(), layers.MaxPooling2D(2, strides=1)),
    "padding": line(conv(), layers.MaxPooling2D(2, padding="same")),
    "a penalty on what is between": line(conv(activity_regularizer="l2"), layers.MaxPooling2D(2)),
    "two readers": twice_read(),
    "an output": shown(),
}


def started(net):
    return net.init(jax.random.key(1), jax.ShapeDtypeStruct(X.shape, X.dtype))


def one_by_one(net, params, x):
    """Every layer called on its own."""
    return net.walk(x, lambda _, node, xs: node.layer.apply(params.get(node.name, {}), {}, xs, Context())[0])


@pytest.mark.parametrize("name", FUSED | APART)
def test_the_same_numbers(name):
    net = (FUSED | APART)[name]
    params, state = started(net)

    def whole(params, x):
        return net.apply(params, state, x, Context())[0]

    def loss(run):
        return lambda *at: sum(jnp.sin(y).sum() for y in jax.tree.leaves(run(*at)))

    close(jax.jit(whole)(params, X), one_by_one(net, params, X), relative=1e-5)
    run = jax.jit(jax.grad(loss(whole), (0, 1)))
    close(run(params, X), jax.grad(loss(lambda p, x: one_by_one(net, p, x)), (0, 1))(params, X), relative=2e-5)


@pytest.mark.parametrize("name", FUSED | APART)
def test_the_layer_that_pools_is_called_only_where_it_stays(name):
    net = (FUSED | APART)[name]
    params, state = started(net)
    with mock.patch.object(layers.MaxPooling2D, "apply", side_effect=InterruptedError):
        if name in FUSED:
            net.apply(params, state, X, Context())
        else:
            with pytest.raises(InterruptedError):
                net.apply(params, state, X, Context())


def test_penalties_on_what_leaves_still_count():
    net = FUSED["groups"]
    params, state = started(net)
    ctx = Context(penalties=[])
    net.apply(params, state, X, ctx)
    pooled = one_by_one(ll.Graph(net.inputs, ("max_pooling2d_1",), net.nodes), params, X)
    np.testing.assert_allclose(ctx.penalties, [0.01 * jnp.square(pooled).sum() / len(X)], rtol=1e-5)


def test_a_trace_shows_both():
    model = ll.Model(FUSED["relu"], loss="mse")
    seen = trace(model, np.asarray(X), np.zeros((3, 3), np.float32))
    assert seen["conv2d_1/z"].shape == seen["conv2d_1/y"].shape == (3, 9, 8, 5)
    assert seen["max_pooling2d_1/y"].shape == (3, 4, 4, 5)
    np.testing.assert_allclose(seen.predictions, model.predict(np.asarray(X)), rtol=1e-4, atol=1e-6)
