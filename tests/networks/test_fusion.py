"""Layers that are one operation with those after them: the same numbers, and only where nobody else reads."""

from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liuli as ll
from liuli import layers
from liuli.inspect import trace
from liuli.layers.base import Context
from liuli.layers.normalization import batch
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


def branched(end="relu", turned=False, between=None, more=0, shown=False, penalty=None):
    """relu(BatchNormalization(Conv2D(x)) + BatchNormalization(x)), and what is different from it."""
    x = ll.Input((9, 8, 2))
    short = layers.BatchNormalization(momentum=0.8, name="short")(x)
    long = layers.BatchNormalization(momentum=0.7, name="long")(layers.Conv2D(2, 3, padding="same", use_bias=False)(x))
    read = between(long) if between else long
    both = [read, short] if turned else [short, read]
    summed = layers.Add(activity_regularizer=penalty)([*both, *[x] * more])
    y = layers.Activation(end)(summed) if end else summed
    return ll.Graph(x, [y, long] if shown else y)


def normalized(*after):
    return ll.Sequential([layers.BatchNormalization(name="long"), *after])


JOINED = {  # with what the normalization called "long" then does: whether it adds, whether it ends in relu
    "addition and relu": (branched(), (True, True)),
    "turned": (branched(turned=True), (True, True)),
    "addition": (branched(end=None), (True, False)),
    "addition and tanh": (branched(end="tanh"), (True, False)),
    "a penalty on the sum": (branched(penalty="l2"), (True, False)),
    "relu": (normalized(layers.Activation("relu"), layers.Flatten()), (False, True)),
    "relu before the sum": (branched(between=layers.Activation("relu")), (False, True)),
    "three in the sum": (branched(more=1), None),
    "an output": (branched(shown=True), None),
    "tanh": (normalized(layers.Activation("tanh")), None),
    "relu by another layer": (normalized(layers.ReLU(0.5)), None),
    "another axis": (ll.Sequential([layers.BatchNormalization(axis=1), layers.Activation("relu")]), (False, True)),
}


def trained(net, params, state, x, merged=True, **context):
    """The outputs and the new state of one step."""
    penalties = []
    ctx = Context(training=True, penalties=penalties, **context)
    with mock.patch.object(layers.BatchNormalization, "merged", layers.BatchNormalization.merged if merged else apart):
        y, state = net.apply(params, state, x, ctx)
    return y, state, sum(penalties)


def apart(self, *after):
    return None


@pytest.mark.parametrize("name", JOINED)
def test_normalization_with_what_follows(name):
    """Outputs, moving statistics, penalties and gradients are those of layers that are called one by one."""
    net = JOINED[name][0]
    params, state = started(net)
    params = jax.tree.map(lambda p: p + 0.3 * jnp.cos(jnp.arange(p.size, dtype=p.dtype)).reshape(p.shape), params)
    x = jnp.tile(X, (3, 1, 1, 1)) + jnp.arange(9.0).reshape(9, 1, 1, 1)

    def loss(merged):
        def run(params, x):
            y, after, penalty = trained(net, params, state, x, merged)
            return sum(jnp.sin(v).sum() for v in jax.tree.leaves(y)) + penalty, (y, after)

        return run

    got, want = (jax.jit(jax.value_and_grad(loss(merged), (0, 1), has_aux=True))(params, x) for merged in (True, False))
    close(got, want, relative=2e-5, absolute=2e-5)


@pytest.mark.parametrize("name", JOINED)
def test_what_a_normalization_does_at_once(name):
    net, expected = JOINED[name]
    params, state = started(net)
    calls, whole = {}, batch.BatchNormalization._finished

    def seen(self, params, state, x, ctx, added, relu):
        calls[self.name] = (added, relu)
        return whole(self, params, state, x, ctx, added=added, relu=relu)

    with mock.patch.object(layers.BatchNormalization, "_finished", seen):
        trained(net, params, state, X)
    alone = None if name == "another axis" else "long"
    if name == "turned":
        alone = "short"  # the one that is made last
    assert calls.get(alone) == expected
    assert len(calls) == (expected is not None)


def test_moving_statistics_and_masks_with_what_follows():
    """Where the layer does not learn, and where steps do not count."""
    net = normalized(layers.Activation("relu"))
    params, state = started(net)
    state = jax.tree.map(lambda s: s + 0.5, state)
    steps, mask = X[:, :, 0], jnp.arange(9)[None] < jnp.array([[9], [4], [1]])
    for context in (Context(), Context(training=True, mask=mask)):
        got = net.apply(params, state, steps, context)
        with mock.patch.object(layers.BatchNormalization, "merged", apart):
            close(got, net.apply(params, state, steps, context), relative=1e-6)


def test_a_trace_shows_normalization_and_what_follows():
    model = ll.Model(branched(), loss="mse")
    seen = trace(model, np.asarray(X), np.zeros(X.shape, np.float32))
    np.testing.assert_allclose(seen["add_1/y"].value, seen["short/y"].value + seen["long/y"].value, rtol=1e-6)
    np.testing.assert_allclose(seen.predictions, np.maximum(seen["add_1/y"].value, 0), rtol=1e-6)


def test_probes_change_nothing():
    net, x = branched(), np.tile(X, (4, 1, 1, 1))
    fits = []
    for probes in (None, ll.Probes(every=1)):
        model = ll.Model(net, loss="mse", seed=3)
        fits.append(model.fit(x, np.cos(x), epochs=2, batch_size=4, verbose=0, probes=probes))
    np.testing.assert_allclose(fits[0]["loss"], fits[1]["loss"], rtol=1e-5)
