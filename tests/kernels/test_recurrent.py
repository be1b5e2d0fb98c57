"""LSTM, GRU and SimpleRNN in one native call, against the same layers step by step in plain XLA."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liuli import kernels, layers
from liuli.layers import Context
from tests.kernels.sides import plain
from tests.numeric import close

KINDS = [layers.LSTM, layers.GRU, layers.SimpleRNN]

pytestmark = pytest.mark.skipif(not kernels.usable(jnp.ones(1)), reason="the native kernels were not built")


def normal(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), jnp.float32)


def problem(layer, batch, steps, n, seed, given_states=False):
    """Parameters of the layer's shapes, and inputs."""
    x, rng = normal(batch, steps, n, seed=seed), np.random.default_rng(seed + 1)
    shapes, _ = jax.eval_shape(layer.init, jax.random.key(0), x)
    params = jax.tree.map(lambda p: jnp.asarray(rng.standard_normal(p.shape) / np.sqrt(len(p)), p.dtype), shapes)
    states = tuple(normal(batch, layer.units, seed=seed + i) for i in range(2, 2 + len(layer.state_names)))
    return params, (x, *states) if given_states else x


def everything(layer, params, x, mask=None):
    def run(params, x):
        y, _ = layer.apply(params, {}, x, Context(training=True, mask=mask))
        return jnp.stack([jnp.sin(3.0 * leaf).sum() for leaf in jax.tree.leaves(y)]).sum(), y

    (_, y), gradients = jax.jit(jax.value_and_grad(run, argnums=(0, 1), has_aux=True))(params, x)
    return y, gradients


def is_native(layer, params, x):
    return "liuli_" in jax.jit(lambda *at: applied(layer, *at)).lower(params, x).as_text()


def applied(layer, params, x):
    return layer.apply(params, {}, x, Context())[0]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=5)
@given(
    batch=st.integers(1, 9),
    steps=st.integers(1, 6),
    n=st.integers(1, 20),
    units=st.integers(1, 35),
    masked=st.booleans(),
    given_states=st.booleans(),
    fields=st.fixed_dictionaries(
        {name: st.booleans() for name in ("return_sequences", "return_state", "go_backwards", "use_bias")}
    ),
    seed=st.integers(0, 100),
)
def test_values_and_gradients(kind, batch, steps, n, units, masked, given_states, fields, seed):
    layer = kind(units, zero_output_for_mask=masked, **fields)
    params, x = problem(layer, batch, steps, n, seed, given_states)
    mask = jnp.asarray(np.random.default_rng(seed).random((batch, steps)) < 0.7) if masked else None
    mask = (mask, *(None for _ in layer.state_names)) if given_states and masked else mask
    found = everything(layer, params, x, mask)
    with plain():
        close(found, everything(layer, params, x, mask), relative=2e-5, absolute=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("units", "batch", "steps", "n"), [(32, 70, 3, 16), (16, 300, 7, 16), (730, 3, 2, 5)])
def test_whole_panels_many_rows_and_large_weights(kind, units, batch, steps, n):
    layer = kind(units, return_sequences=True)
    params, x = problem(layer, batch, steps, n, 0)
    assert is_native(layer, params, x)
    found = everything(layer, params, x)
    with plain():
        close(found, everything(layer, params, x), relative=2e-5)


@pytest.mark.parametrize(
    "layer",
    [
        layers.LSTM(3, "relu"),
        layers.LSTM(3, recurrent_activation="hard_sigmoid"),
        layers.GRU(3, reset_after=False),
        layers.SimpleRNN(3, "relu"),
        layers.LSTM(3, num_steps=2),
    ],
)
def test_what_has_no_kernel_goes_step_by_step(layer):
    params, x = problem(layer, 2, 4, 3, 0)
    assert not is_native(layer, params, x)


def test_other_dtypes_and_empty_batches_go_step_by_step():
    layer = layers.LSTM(3)
    params, x = problem(layer, 2, 4, 3, 0)
    half = jax.tree.map(lambda a: a.astype(jnp.bfloat16), (params, x))
    assert not is_native(layer, *half)
    assert layer.apply(params, {}, x[:0], Context())[0].shape == (0, 3)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_finite_stays_where_it_is(kind):
    layer = kind(5, return_sequences=True)
    params, x = problem(layer, 3, 4, 2, 0)
    run = jax.jit(functools.partial(applied, layer))
    for bad in (np.nan, np.inf, -np.inf):
        spoilt = np.array(x)
        spoilt[1, 2, 0] = bad
        y = run(params, spoilt)
        with plain():
            np.testing.assert_allclose(y, run(params, spoilt), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("run", [jax.jit, lambda f: f])
def test_the_way_back_can_be_walked_twice(kind, run):
    """What was saved is still there, although the gradients of the gates take its place."""
    layer = kind(5, return_sequences=True)
    params, x = problem(layer, 3, 4, 2, 0)

    def twice(params, x):
        y, back = jax.vjp(lambda *at: applied(layer, *at), params, x)
        return back(jnp.sin(y)), back(jnp.cos(y))

    found = run(twice)(params, x)
    with plain():
        close(found, jax.jit(twice)(params, x), relative=2e-5, absolute=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_under_transformations(kind):
    """vmap over weights, inside scan, recomputed on the way back."""
    layer = kind(5)
    params, x = problem(layer, 3, 4, 2, 0)
    several = jax.tree.map(lambda p: np.stack([p, 2.0 * p]), params)
    run = functools.partial(applied, layer)

    @jax.jit
    def transformed(params, several, x):
        slope = jax.grad(lambda p: jnp.sin(jax.checkpoint(run)(p, x)).sum())
        scanned = jax.lax.scan(lambda total, _: (total + run(params, x + total.mean()), None), run(params, x), length=3)
        return jax.vmap(run, (0, None))(several, x), jax.vmap(slope)(several), scanned[0]

    found = transformed(params, several, x)
    with plain():
        close(found, transformed(params, several, x), relative=2e-5)


def test_taps_see_the_steps():
    """Who looks inside sees every step, and the same output."""
    import liuli as ll
    from liuli.inspect import trace

    net = ll.Sequential([layers.LSTM(4), layers.Dense(2, "softmax")])
    x, y = normal(3, 5, 2), np.array([0, 1, 0])
    model = ll.Model(net, "categorical_crossentropy", "sgd")
    seen = trace(model, x, y)
    assert seen["lstm_1/gates"].value.shape == (3, 5, 16)
    np.testing.assert_allclose(seen["dense_1/y"].value, model.predict(x), rtol=1e-5, atol=1e-6)
