"""Normalizations, dense layers, merges and activation layers against Keras: outputs, new state and gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liuli import layers
from liuli.layers import Context
from tests.numeric import close
from tests.oracles.keras_oracle import keras, relaxed
from tests.oracles.test_layers_torch import PRECISIONS, normal, random_params, weights

pytestmark = pytest.mark.oracle

precisions = pytest.mark.parametrize("name", PRECISIONS)
single = pytest.mark.parametrize("name", ["float32"])  # in which Keras computes these, whatever their dtype
sizes = st.lists(st.integers(1, 4), min_size=1, max_size=3)
MASK = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [0, 1, 0, 1], [0, 0, 0, 0]], bool)


def pulled(run, params, x):
    """The output, the gradients of sum(w y) in parameters and inputs, and the new state."""
    y, pull, after = jax.vjp(run, params, x, has_aux=True)
    dp, dx = pull(jnp.asarray(weights(y.shape), y.dtype))
    return {"y": y, "params": dp, "x": dx}, after


def theirs(layer, params, x, **call):
    """The same of a layer of Keras; its new state by name."""
    with relaxed():
        layer.build(jax.tree.map(lambda one: one.shape, x, is_leaf=lambda one: hasattr(one, "shape")))
        names, held = ([v.name for v in group] for group in (layer.trainable_variables, layer.non_trainable_variables))
        state = [v.value for v in layer.non_trainable_variables]

        def run(params, x):
            several = list(x) if isinstance(x, tuple) else x
            return layer.stateless_call([params[n] for n in names], state, several, **call)

        want, after = jax.jit(lambda params, x: pulled(run, params, x))(params, x)
    return want, dict(zip(held, after, strict=True))


def compare(layer, other, x, name, ctx=None, **call):
    """``layer`` against ``other``; both new states."""
    params, state = random_params(layer, x)
    mine, after = jax.jit(lambda p, x: pulled(lambda p, x: layer.apply(p, state, x, Context(**(ctx or {}))), p, x))(
        params, x
    )
    want, later = theirs(other, params, x, **call)
    close(mine, want, relative=PRECISIONS[name], absolute=PRECISIONS[name] / 10)
    return after, later


@single
@pytest.mark.parametrize("axis", [-1, 1])
@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_batch_normalization(name, axis, masked, training):
    with jax.enable_x64(name == "float64"):
        fields = {"axis": axis, "momentum": 0.7, "epsilon": 0.01}
        other, mask = keras.layers.BatchNormalization(**fields, dtype=name), jnp.asarray(MASK) if masked else None
        ctx = {"training": training, "mask": mask}
        x = normal(4, 4, 3) + 2.0
        if masked and axis == 1:  # Keras's mask has the axes of x but the last, whatever the axis
            mask = jnp.asarray(MASK.any(1, keepdims=True) & np.ones_like(MASK))
            ctx = {"training": training, "mask": mask}
        after, later = compare(layers.BatchNormalization(**fields), other, x, name, ctx, training=training, mask=mask)
        close(after, later, relative=PRECISIONS[name])


@single
@settings(max_examples=10)
@given(axis=st.sampled_from([1, 2, 3, -1, -2, (1, 2), (3, 1), (1, 2, 3)]), center=st.booleans(), scale=st.booleans())
def test_layer_normalization(name, axis, center, scale):
    with jax.enable_x64(name == "float64"):
        fields = {"axis": axis, "center": center, "scale": scale}
        compare(
            layers.LayerNormalization(**fields),
            keras.layers.LayerNormalization(**fields, dtype=name),
            normal(2, 3, 4, 5),
            name,
        )


@single
@pytest.mark.parametrize("groups", [1, 3, -1])
def test_group_normalization(name, groups):
    with jax.enable_x64(name == "float64"):
        other = keras.layers.GroupNormalization(groups, dtype=name)
        compare(layers.GroupNormalization(groups), other, normal(2, 3, 4, 6), name)


@single
@pytest.mark.parametrize("axis", [-1, (1, 2)])
def test_rms_normalization(name, axis):
    compare(layers.RMSNormalization(axis), keras.layers.RMSNormalization(axis, dtype=name), normal(3, 4, 5), name)


@precisions
@pytest.mark.parametrize("axis", [-1, 1, (1, 2)])
def test_unit_normalization(name, axis):
    with jax.enable_x64(name == "float64"):
        compare(layers.UnitNormalization(axis), keras.layers.UnitNormalization(axis, dtype=name), normal(3, 4, 5), name)


@single
@pytest.mark.parametrize("dense", [True, False])
def test_spectral_normalization(name, dense):
    """Where u has come to rest: half an iteration lies between the two before."""
    with jax.enable_x64(name == "float64"):
        layer = layers.Dense(3, "tanh") if dense else layers.Conv2D(3, 2)
        other = keras.layers.Dense(3, "tanh", dtype=name) if dense else keras.layers.Conv2D(3, 2, dtype=name)
        x = normal(4, 5) if dense else normal(2, 4, 5, 2)
        wrapped, params = layers.SpectralNormalization(layer, 15), random_params(layer, x)[0]
        params["kernel"] = params["kernel"] + 5.0  # one singular value far above the others
        _, state = wrapped.init(jax.random.key(0), x)

        def run(params, x):
            return wrapped.apply({"layer": params}, state, x, Context(training=True))

        mine, _ = jax.jit(lambda p, x: pulled(run, p, x))(params, x)
        want, _ = theirs(keras.layers.SpectralNormalization(other, 15, dtype=name), params, x, training=True)
        close(mine, want, relative=PRECISIONS[name], absolute=PRECISIONS[name] / 10)


@precisions
@pytest.mark.parametrize("kind", ["Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"])
@pytest.mark.parametrize("count", [2, 3])
def test_merges(name, kind, count):
    if kind == "Subtract" and count == 3:
        pytest.skip("takes two")
    with jax.enable_x64(name == "float64"):
        x = tuple(normal(3, 4, 2, seed=i) for i in range(count))
        compare(getattr(layers, kind)(), getattr(keras.layers, kind)(dtype=name), x, name)


@precisions
@settings(max_examples=12)
@given(first=sizes, second=sizes, draw=st.data(), normalize=st.booleans())
def test_dot(name, first, second, draw, normalize):
    axes = draw.draw(st.integers(1, len(first))), draw.draw(st.integers(1, len(second)))
    second[axes[1] - 1] = first[axes[0] - 1]
    normalize = normalize and first[axes[0] - 1] > 1  # of length 1 the gradient is 0, and Keras's is rounding
    with jax.enable_x64(name == "float64"):
        x = normal(3, *first, seed=0), normal(3, *second, seed=1)
        compare(layers.Dot(axes, normalize), keras.layers.Dot(list(axes), normalize, dtype=name), x, name)


@precisions
@pytest.mark.parametrize("axes", [1, 2, -1, -2])
@pytest.mark.parametrize("normalize", [True, False])
def test_dot_along_one_axis(name, axes, normalize):
    with jax.enable_x64(name == "float64"):
        x = normal(3, 4, 4, seed=0), normal(3, 4, 4, seed=1)
        compare(layers.Dot(axes, normalize), keras.layers.Dot(axes, normalize, dtype=name), x, name)


@single
@pytest.mark.parametrize(
    ("equation", "output_shape", "bias_axes", "x"),
    [
        ("ab,bc->ac", 7, "c", (2, 5)),
        ("abc,cd->abd", (3, 7), "bd", (2, 3, 5)),
        ("abc,cde->abde", (None, 7, 2), "d", (2, 3, 5)),
        ("abcd,cde->abe", (None, 7), None, (2, 3, 5, 4)),
        ("abc,bd->acd", (5, 7), "d", (2, 3, 5)),
        ("...x,xy->...y", 7, "y", (2, 3, 4, 5)),
        ("ab...,bc->ac...", 7, "c", (2, 5, 3, 4)),
    ],
)
def test_einsum_dense(name, equation, output_shape, bias_axes, x):
    with jax.enable_x64(name == "float64"):
        mine = layers.EinsumDense(equation, output_shape, "tanh", bias_axes)
        other = keras.layers.EinsumDense(equation, output_shape, "tanh", bias_axes, dtype=name)
        compare(mine, other, normal(*x), name)


@precisions
@settings(max_examples=12)
@given(max_value=st.none() | st.floats(0.5, 3.0), negative_slope=st.floats(0.0, 0.9), threshold=st.floats(0.0, 1.0))
def test_relu(name, **fields):
    with jax.enable_x64(name == "float64"):
        compare(layers.ReLU(**fields), keras.layers.ReLU(**fields, dtype=name), 2.0 * normal(8, 9), name)


@precisions
@pytest.mark.parametrize("shared_axes", [None, (1,), (1, 2)])
def test_prelu(name, shared_axes):
    with jax.enable_x64(name == "float64"):
        other = keras.layers.PReLU(shared_axes=shared_axes, dtype=name)
        compare(layers.PReLU(shared_axes=shared_axes), other, normal(3, 4, 5), name)


@precisions
@pytest.mark.parametrize("axis", [-1, 1, (1, 2)])
def test_softmax(name, axis):
    with jax.enable_x64(name == "float64"):
        compare(layers.Softmax(axis), keras.layers.Softmax(axis, dtype=name), normal(4, 4, 3), name)


@precisions
def test_softmax_of_masked_steps(name):
    with jax.enable_x64(name == "float64"):
        mask = jnp.asarray(MASK)
        compare(layers.Softmax(), keras.layers.Softmax(dtype=name), normal(4, 4), name, {"mask": mask}, mask=mask)


@precisions
def test_rectifiers(name):
    with jax.enable_x64(name == "float64"):
        compare(layers.LeakyReLU(), keras.layers.LeakyReLU(dtype=name), normal(4, 4), name)
        compare(layers.ELU(0.5), keras.layers.ELU(0.5, dtype=name), normal(4, 4), name)
