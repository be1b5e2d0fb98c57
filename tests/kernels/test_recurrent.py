"""LSTM, GRU and SimpleRNN in one native call, against the same layers step by step in plain XLA."""

import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liuli import kernels, layers
from liuli.layers import Context
from tests.numeric import close

KINDS = [layers.LSTM, layers.GRU, layers.SimpleRNN]

pytestmark = pytest.mark.skipif(not kernels.usable(jnp.ones(1)), reason="the native kernels were not built")


def normal(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), jnp.float32)


def problem(layer, batch, steps, n, seed, given_states=False):
    """Parameters, inputs, and a function of both whose value and gradients say everything."""
    x = normal(batch, steps, n, seed=seed)
    params, _ = layer.init(jax.random.key(seed), x)
    params = jax.tree.map(lambda p: p + 0.1 * normal(*p.shape, seed=seed + 1), params)
    states = tuple(normal(batch, layer.units, seed=seed + i) for i in range(2, 2 + len(layer.state_names)))
    return params, (x, *states) if given_states else x


def everything(layer, params, x, mask=None):
    def run(params, x):
        y, _ = layer.apply(params, {}, x, Context(training=True, mask=mask))
        return jnp.stack([jnp.sin(3.0 * leaf).sum() for leaf in jax.tree.leaves(y)]).sum(), y

    (_, y), gradients = jax.jit(jax.value_and_grad(run, argnums=(0, 1), has_aux=True))(params, x)
    return y, gradients


def is_native(layer, params, x):
    return "liuli_" in jax.jit(lambda p, x: layer.apply(p, {}, x, Context())[0]).lower(params, x).as_text()


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
    with kernels.plain():
        close(found, everything(layer, params, x, mask), relative=2e-5, absolute=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_sizes_of_whole_panels_and_many_rows(kind):
    layer = kind(32, return_sequences=True)
    params, x = problem(layer, 70, 3, 16, 0)
    assert is_native(layer, params, x)
    found = everything(layer, params, x)
    with kernels.plain():
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
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_stays_where_it_is(kind, bad):
    layer = kind(5, return_sequences=True)
    params, x = problem(layer, 3, 4, 2, 0)
    x = x.at[1, 2, 0].set(bad)
    y = layer.apply(params, {}, x, Context())[0]
    with kernels.plain():
        np.testing.assert_allclose(y, layer.apply(params, {}, x, Context())[0], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("run", [jax.jit, lambda f: f])
def test_the_way_back_can_be_walked_twice(kind, run):
    """What was saved is still there, although the gradients of the gates take its place."""
    layer = kind(5, return_sequences=True)
    params, x = problem(layer, 3, 4, 2, 0)

    def twice(params, x):
        y, back = jax.vjp(lambda p, x: layer.apply(p, {}, x, Context())[0], params, x)
        return back(jnp.sin(y)), back(jnp.cos(y))

    found = run(twice)(params, x)
    with kernels.plain():
        close(found, twice(params, x), relative=2e-5, absolute=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_under_transformations(kind):
    """vmap over weights, inside scan, recomputed on the way back."""
    layer = kind(5)
    params, x = problem(layer, 3, 4, 2, 0)
    several = jax.tree.map(lambda p: jnp.stack([p, 2.0 * p]), params)

    def run(params, x):
        return layer.apply(params, {}, x, Context())[0]

    def transformed():
        slope = jax.grad(lambda p: jnp.sin(jax.checkpoint(run)(p, x)).sum())
        scanned = jax.lax.scan(lambda total, _: (total + run(params, x + total.mean()), None), run(params, x), length=3)
        return jax.vmap(run, (0, None))(several, x), jax.vmap(slope)(several), scanned[0]

    found = transformed()
    with kernels.plain():
        close(found, transformed(), relative=2e-5)


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


SHARDED = """
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec as P
from liuli import kernels, layers
from liuli.layers import Context
assert len(jax.devices()) == 2 and kernels.usable(jnp.ones(1))
layer = layers.LSTM(6)
x = jnp.asarray(np.random.default_rng(0).standard_normal((8, 4, 3)), jnp.float32)
params, _ = layer.init(jax.random.key(0), x)
run = jax.jit(jax.grad(lambda p, x: layer.apply(p, {}, x, Context())[0].sum()))
alone = run(params, x)
split = jax.device_put(x, NamedSharding(Mesh(jax.devices(), "rows"), P("rows")))
for a, b in zip(jax.tree.leaves(alone), jax.tree.leaves(run(params, split)), strict=True):
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
"""


def test_several_devices():
    env = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    done = subprocess.run([sys.executable, "-c", SHARDED], check=False, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
