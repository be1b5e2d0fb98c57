"""Activations as layers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liuli as ll
from liuli import activations, layers
from liuli.core.errors import ShapeError
from liuli.layers import ELU, Activation, Context, LeakyReLU, Maxout, PReLU, ReLU, Softmax
from liuli.networks import edit
from liuli.regularizers import L2
from tests.layers.calling import KEY, call, init, shape, taps
from tests.numeric import close


def test_applies_the_function():
    x = jnp.array([[-1.0, 2.0]])
    assert call(Activation("relu"), x).tolist() == [[0.0, 2.0]]
    assert Activation(activations.LeakyReLU(0.5)).activation.negative_slope == 0.5


def test_tap_is_what_comes_in():
    x = jnp.array([[-1.0, 2.0]])
    values, gradients = taps(Activation("tanh"), {}, {}, x, jnp.sum)
    close((values, gradients), ({"z": x}, {"z": jax.grad(lambda z: jnp.tanh(z).sum())(x)}), relative=1e-6)


X = jnp.array([[-2.0, -0.5, 0.0, 0.5, 1.0, 4.0]])


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (ReLU(), [0.0, 0.0, 0.0, 0.5, 1.0, 4.0]),
        (ReLU(max_value=1.0), [0.0, 0.0, 0.0, 0.5, 1.0, 1.0]),
        (ReLU(negative_slope=0.5), [-1.0, -0.25, 0.0, 0.5, 1.0, 4.0]),
        (ReLU(threshold=0.5), [0.0, 0.0, 0.0, 0.0, 1.0, 4.0]),
        (ReLU(2.0, 0.5, 1.0), [-1.5, -0.75, -0.5, -0.25, 0.0, 2.0]),
        (LeakyReLU(), [-0.6, -0.15, 0.0, 0.5, 1.0, 4.0]),
        (LeakyReLU(0.5), [-1.0, -0.25, 0.0, 0.5, 1.0, 4.0]),
        (ELU(2.0), [2 * np.expm1(-2.0), 2 * np.expm1(-0.5), 0.0, 0.5, 1.0, 4.0]),
    ],
)
def test_rectifiers(layer, expected):
    np.testing.assert_allclose(call(layer, X), [expected], rtol=1e-6, atol=1e-7)
    values, _ = taps(layer, {}, {}, X, jnp.sum)
    assert values["z"].tolist() == X.tolist()


@pytest.mark.parametrize("axis", [-1, 1, (1, 2), (-1, -2)])
def test_softmax_over_axes(axis):
    z = np.random.default_rng(0).normal(size=(2, 3, 4))
    e = np.exp(z)
    close(call(Softmax(axis), jnp.asarray(z, float)), e / e.sum(axis, keepdims=True), relative=1e-6)


def test_softmax_leaves_out_masked_steps():
    z = np.random.default_rng(0).normal(size=(3, 4)) * 50
    mask = np.array([[True, True, False, False], [True, False, True, True], [False] * 4])
    expected = np.zeros((3, 4))
    for i in range(2):
        e = np.exp(z[i, mask[i]] - z[i, mask[i]].max())
        expected[i, mask[i]] = e / e.sum()
    for axis, x in ((-1, z), (1, z[..., None]), (-2, z[..., None])):
        got, pull = jax.vjp(lambda x: call(Softmax(axis), x, mask=jnp.asarray(mask)), jnp.asarray(x, float))  # noqa: B023
        close(got.reshape(3, 4), expected, relative=1e-5)
        (gradient,) = pull(jnp.ones_like(got) * got)
        assert np.isfinite(gradient).all() and not np.asarray(gradient).reshape(3, 4)[~mask].any()
    over_features = jnp.asarray(z, float)[:, :, None] * jnp.ones((1, 1, 2))
    close(call(Softmax(), over_features, mask=jnp.asarray(mask)), np.full((3, 4, 2), 0.5), relative=1e-6)


@pytest.mark.parametrize("axis", [0, 2, (1, 1)])
def test_softmax_needs_the_axis(axis):
    with pytest.raises(ShapeError, match="expected axes from 1 to 1"):
        Softmax(axis).init(KEY, shape(2, 3))


def test_a_network_may_end_in_a_softmax_layer():
    """Its cross entropy then takes the stable form, as with Dense(3, "softmax")."""
    alone = ll.Sequential([ll.Input((2,)), layers.Dense(3, name="z"), Softmax()])
    within = ll.Sequential([ll.Input((2,)), layers.Dense(3, "softmax", name="z")])
    assert edit.last_activation(alone, "softmax_1") == activations.Softmax()
    assert edit.last_activation(ll.Sequential([LeakyReLU(0.2)]), "leaky_relu_1") == activations.LeakyReLU(0.2)
    assert edit.last_activation(ll.Sequential([Softmax(1)]), "softmax_1") is None
    x, y = np.full((4, 2), 300.0, np.float32), np.eye(3, dtype=np.float32)[[0, 1, 2, 0]]
    models = [ll.Model(net, "categorical_crossentropy") for net in (alone, within)]
    losses = [model.evaluate(x, y)["loss"] for model in models]
    assert losses[0] == losses[1] > 20  # of clipped probabilities it would be at most 16
    np.testing.assert_allclose(*(model.predict(x) for model in models))


@pytest.mark.parametrize(
    ("shared", "alpha"), [(None, (3, 4, 2)), ((1, 2), (1, 1, 2)), ((3,), (3, 4, 1)), ((1, 2, 3), (1, 1, 1))]
)
def test_learned_slopes(shared, alpha):
    x = jnp.asarray(np.random.default_rng(0).normal(size=(5, 3, 4, 2)), float)
    layer = PReLU(shared_axes=shared, alpha_regularizer=L2(0.5))
    params, _ = init(layer, x)
    assert params["alpha"].shape == alpha and not params["alpha"].any()
    slopes = np.random.default_rng(1).normal(size=alpha)
    params = {"alpha": jnp.asarray(slopes, float)}
    y, _ = layer.apply(params, {}, x, Context())
    close(y, np.maximum(x, 0) + slopes * np.minimum(x, 0), relative=1e-6)
    assert float(layer.penalty(params)) == pytest.approx(0.5 * (slopes**2).sum(), rel=1e-5)


def test_shared_axes_are_axes():
    with pytest.raises(ShapeError, match=r"got shared_axes=\(1, 2\)"):
        PReLU(shared_axes=(1, 2)).init(KEY, shape(2, 3))


@pytest.mark.parametrize("use_bias", [True, False])
def test_maxout_is_the_largest_piece(use_bias):
    x = np.random.default_rng(0).normal(size=(3, 5, 4))
    layer = Maxout(2, 3, use_bias)
    params, _ = init(layer, jnp.asarray(x, float))
    if use_bias:
        params["bias"] = jnp.arange(6.0)
    y, _ = layer.apply(params, {}, jnp.asarray(x, float), Context())
    kernel, bias = np.asarray(params["kernel"], float), np.arange(6.0) * use_bias
    expected = np.empty((3, 5, 2))
    for i, j, unit in np.ndindex(3, 5, 2):
        pieces = range(3 * unit, 3 * unit + 3)
        expected[i, j, unit] = max(x[i, j] @ kernel[:, piece] + bias[piece] for piece in pieces)
    close(y, expected, relative=1e-5)
    assert set(params) == {"kernel", "bias"} if use_bias else {"kernel"}


def test_maxout_gradient_goes_to_the_largest_piece():
    x = jnp.array([[2.0]])
    params = {"kernel": jnp.array([[1.0, -3.0, 0.5]]), "bias": jnp.array([0.0, 0.0, 4.0])}
    gradient = jax.grad(lambda p: Maxout(1, 3).apply(p, {}, x, Context())[0].sum())(params)
    assert gradient["kernel"].tolist() == [[0.0, 0.0, 2.0]] and gradient["bias"].tolist() == [0.0, 0.0, 1.0]
