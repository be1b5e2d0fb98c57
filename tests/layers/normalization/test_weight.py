"""Weight and spectral normalization."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from liuli import layers
from liuli.constraints import UnitNorm
from liuli.core.errors import ShapeError, SpecError
from liuli.layers import Context, SpectralNormalization, WeightNormalization
from liuli.regularizers import L2
from tests.layers.calling import KEY, call, init, shape, taps
from tests.numeric import close

X = jnp.asarray(np.random.default_rng(0).normal(3.0, 2.0, size=(64, 5)), float)
TRAINING = Context(training=True)


def weight_normalized(**fields):
    return WeightNormalization(layers.Dense(3, "tanh", **fields))


def test_starts_as_the_layer_itself():
    layer = weight_normalized()
    params, _ = init(layer, X)
    assert set(params) == {"g", "layer"} and set(params["layer"]) == {"kernel", "bias"}
    close(call(layer, X), layers.Dense(3, "tanh").apply(params["layer"], {}, X, Context())[0], relative=1e-6)


def test_length_and_direction_are_apart():
    layer = WeightNormalization(layers.Dense(3, use_bias=False))
    params, _ = init(layer, X)
    v, g = np.asarray(params["layer"]["kernel"]), np.array([1.0, 2.0, 0.0])
    y, _ = layer.apply({"layer": {"kernel": 5.0 * jnp.asarray(v)}, "g": jnp.asarray(g, float)}, {}, X, Context())
    close(y, np.asarray(X) @ (g * v / np.linalg.norm(v, axis=0)), relative=1e-6)


@pytest.mark.parametrize("make", [lambda: layers.Dense(3, "relu"), lambda: layers.Conv2D(3, 2, activation="relu")])
def test_first_batch_sets_length_and_bias(make):
    x = X if isinstance(make(), layers.Dense) else jnp.asarray(np.random.default_rng(1).normal(4.0, 3.0, (6, 7, 8, 2)))
    layer = WeightNormalization(make())
    assert layer.adjusts
    params, state = init(layer, x)
    params, after = layer.adjust(params, state, x, TRAINING)
    assert after == state
    values, _ = taps(layer, params, state, x, jnp.sum)
    z = np.asarray(values["layer/z"], float)
    axes = tuple(range(z.ndim - 1))
    close((z.mean(axes), z.var(axes)), (np.zeros(3), np.ones(3)), relative=1e-4, absolute=1e-5)


def test_first_batch_counts_the_steps_that_count():
    x, mask = X.reshape(8, 8, 5), jnp.arange(8)[None] < jnp.arange(1, 9)[:, None]
    layer = weight_normalized()
    params, _ = layer.adjust(*init(layer, x), x, Context(training=True, mask=mask))
    z = taps(layer, params, {}, x, jnp.sum)[0]["layer/z"][mask]
    close((z.mean(0), z.var(0)), (np.zeros(3), np.ones(3)), relative=1e-4, absolute=1e-5)


def test_a_constant_unit_keeps_its_length():
    layer = weight_normalized()
    params, state = init(layer, X)
    adjusted, _ = layer.adjust(params, state, jnp.ones_like(X), TRAINING)
    close(adjusted["g"], params["g"], relative=1e-6)


def test_without_bias_only_the_length_is_set():
    layer = weight_normalized(use_bias=False)
    params, _ = layer.adjust(*init(layer, X), X, TRAINING)
    assert set(params["layer"]) == {"kernel"}
    close(taps(layer, params, {}, X, jnp.sum)[0]["layer/z"].var(0), np.ones(3), relative=1e-4)


def test_adjusting_keeps_dtypes():
    layer = weight_normalized()
    params, state = init(layer, X)
    adjusted, _ = layer.adjust(params, state, X.astype(jnp.bfloat16), TRAINING)
    assert {leaf.dtype for leaf in jax.tree.leaves(adjusted)} == {jnp.dtype("float32")}


def test_without_data_nothing_is_adjusted():
    assert not WeightNormalization(layers.Dense(3), data_init=False).adjusts


def test_regularizer_sees_the_weights_and_constraint_the_direction():
    layer = weight_normalized(kernel_regularizer=L2(1.0), kernel_constraint=UnitNorm())
    params, _ = init(layer, X)
    params["g"] = jnp.array([1.0, 2.0, 3.0])
    assert float(layer.penalty(params)) == pytest.approx(1.0 + 4.0 + 9.0)
    kernel = layer.constrained(params)["layer"]["kernel"]
    close(jnp.linalg.norm(kernel, axis=0), np.ones(3), relative=1e-6)


def test_zero_weights_have_a_finite_gradient():
    for layer in (weight_normalized(), SpectralNormalization(layers.Dense(3))):
        params, state = init(layer, X)
        zero = jax.tree.map(jnp.zeros_like, params)
        gradient = jax.jit(jax.grad(lambda p: layer.apply(p, state, X, TRAINING)[0].sum()))(zero)  # noqa: B023
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))


@pytest.mark.parametrize("layer", [layers.Embedding(7, 3), layers.LSTM(3)])
def test_other_layers_need_data_init_off(layer):
    with pytest.raises(SpecError, match="no pre-activation of its own"):
        WeightNormalization(layer)
    x = jnp.ones((2, 4, 3)) if isinstance(layer, layers.LSTM) else jnp.ones((2, 4), "int32")
    wrapped = WeightNormalization(layer, data_init=False)
    params, _ = init(wrapped, x)
    close(call(wrapped, x), layer.apply(params["layer"], {}, x, Context())[0], relative=1e-6)


@pytest.mark.parametrize("wrapper", [WeightNormalization, SpectralNormalization])
def test_needs_a_kernel(wrapper):
    with pytest.raises(SpecError, match="which has no kernel"):
        wrapper(layers.Activation("relu")).init(KEY, shape(4, 5))


def test_outputs_lie_along_the_last_axis_of_the_kernel():
    with pytest.raises(ShapeError, match=r"got a kernel of shape \(5, 2, 3\) for 2 outputs"):
        WeightNormalization(layers.EinsumDense("ab,bcd->adc", (3, 2))).init(KEY, shape(4, 5))


@pytest.mark.parametrize("wrapper", [WeightNormalization, SpectralNormalization])
def test_mask_is_that_of_the_layer(wrapper):
    mask = jnp.ones((2, 3), bool)
    assert wrapper(layers.Dense(2)).output_mask(shape(2, 3, 4), mask) is mask
    sequences = wrapper(layers.LSTM(2), **({"data_init": False} if wrapper is WeightNormalization else {}))
    assert sequences.output_mask(shape(2, 3, 4), mask) is None


def test_sigma_comes_to_the_largest_singular_value():
    layer = SpectralNormalization(layers.Conv2D(4, 3))
    x = jnp.zeros((1, 5, 5, 2))
    params, state = init(layer, x)
    step = jax.jit(lambda state: layer.apply(params, state, x, TRAINING)[1])
    for _ in range(60):
        state = step(state)
    values, _ = taps(layer, params, state, x, jnp.sum)
    largest = np.linalg.svd(np.asarray(params["layer"]["kernel"], float).reshape(18, 4), compute_uv=False)[0]
    close(values["sigma"], largest, relative=1e-5)


def test_distances_grow_by_no_more_than_one():
    layer = SpectralNormalization(layers.Dense(4, kernel_initializer="orthogonal"))
    params, state = init(layer, X)
    params["layer"]["kernel"] *= 30.0
    y, _ = layer.apply(params, state, X, Context())
    assert float(jnp.linalg.norm(y[0] - y[1])) <= 1.0001 * float(jnp.linalg.norm(X[0] - X[1]))


def test_u_moves_in_training_only():
    layer = SpectralNormalization(layers.Dense(4), power_iterations=2)
    params, state = init(layer, X)
    params["layer"]["kernel"] = jnp.flip(params["layer"]["kernel"], 0) ** 3
    assert (layer.apply(params, state, X, Context())[1]["u"] == state["u"]).all()
    frozen = layer.replace(trainable=False)
    assert (frozen.apply(params, state, X, TRAINING)[1]["u"] == state["u"]).all()
    kernel, u = np.asarray(params["layer"]["kernel"], float), np.asarray(state["u"], float)
    for _ in range(2):
        u = kernel.T @ kernel @ u
        u /= np.linalg.norm(u)
    close(layer.apply(params, state, X, TRAINING)[1]["u"], u, relative=1e-5)


def test_u_survives_a_kernel_of_zeros():
    layer = SpectralNormalization(layers.Dense(4, kernel_initializer="zeros"))
    params, state = init(layer, X)
    _, after = layer.apply(params, state, X, TRAINING)
    close(jnp.linalg.norm(after["u"]), 1.0, relative=1e-6)
