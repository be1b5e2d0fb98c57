"""What every registered layer keeps: compiled or not, alone or in a batch, in any precision, it is one function.

And its derivatives are what automatic differentiation says, in its input, its parameters, its dials and its taps.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from liuli.core.dials import dials, with_dials
from liuli.layers import Context, Layer
from tests.contract.examples import LAYERS, STRAIGHT_THROUGH, example, inputs, moved
from tests.numeric import central_differences, close

KEY = 7
WITH_DIALS = [name for name in LAYERS if dials(example(name))]


class Call(NamedTuple):
    """A layer and all that it is applied to."""

    layer: Layer
    x: Any
    params: Any
    state: Any
    dtype: Any = None  # what a network computes in: integers become floats of it

    def __call__(self, x=None, params=None, values=None, training=False, watch=None):
        """Output and new state; what is not given is as it was."""
        layer = self.layer if values is None else with_dials(self.layer, values)
        ctx = Context(training=training, key=jax.random.key(KEY), path="layer", watch=watch, dtype=self.dtype)
        x = self.x if x is None else x
        return layer.apply(self.params if params is None else params, self.state, x, ctx)

    def compiled(self, training=False):
        """The same in one program, which is sooner made than those of its operations."""
        return jax.jit(lambda x, params: self(x, params, training=training))(self.x, self.params)


class Watching:
    """Records the values of taps, and adds to them what it was given."""

    def __init__(self, offsets=None):
        self.offsets, self.values = offsets or {}, {}

    def offset(self, path, like):
        return self.offsets.get(path)

    def record(self, path, value):
        self.values[path] = value


def is_float(leaf):
    return jnp.issubdtype(leaf.dtype, jnp.inexact)


def cast(tree, dtype):
    return jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf).astype(dtype) if is_float(leaf) else leaf), tree)


def call_of(name, dtype=None):
    """The layer called ``name``, with its input and parameters, in the default float dtype or another."""
    return made(name, dtype, jax.config.jax_enable_x64)


@functools.cache
def made(name, dtype, x64):
    layer, x = example(name), cast(inputs(name), dtype or float)
    shapes = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), x)
    params, state = layer.init(jax.random.key(KEY), shapes)
    return Call(layer, x, cast(params, dtype or float), state, dtype)


def outputs_of(name, training=False, dtype=None):
    """What the layer called ``name`` makes of its input, compiled: once for all tests that ask."""
    return outputs(name, training, dtype, jax.config.jax_enable_x64)


@functools.cache
def outputs(name, training, dtype, x64):
    return call_of(name, dtype).compiled(training)


def number(outputs):
    """A scalar in which every float of the outputs counts, each differently."""
    floats = [leaf for leaf in jax.tree.leaves(outputs) if is_float(leaf)]
    rng = np.random.default_rng(1)
    return sum((leaf * rng.normal(size=leaf.shape)).sum() for leaf in floats)


@pytest.fixture(params=LAYERS)
def name(request):
    return request.param


@pytest.fixture(params=[False, True], ids=["inference", "training"])
def training(request, name):
    if request.param and not trains_otherwise(name):
        pytest.skip(f"{name} computes in training what it computes in use")
    return request.param


@functools.cache
def trains_otherwise(name):
    """Whether a layer does something else in training: whether its program is another one."""
    call = call_of(name)
    programs = (jax.make_jaxpr(lambda x, p, t=t: call(x, p, training=t))(call.x, call.params) for t in (False, True))
    return len(set(map(str, programs))) > 1


def test_same_when_compiled(name, training):
    close(outputs_of(name, training), call_of(name)(training=training), relative=2e-6)


def test_initial_parameters_follow_from_the_key(name):
    first, again = (made.__wrapped__(name, None, False) for _ in range(2))
    close(again.params, first.params, relative=0)
    close(again.state, first.state, relative=0)


def test_one_sample_at_a_time(name):
    call = call_of(name)
    run, x = jax.jit(lambda x: call(x)[0]), jax.tree.map(np.asarray, call.x)
    together = jax.tree.map(np.asarray, outputs_of(name)[0])
    for i in range(jax.tree.leaves(x)[0].shape[0]):
        alone = run(jax.tree.map(lambda x, i=i: x[i : i + 1], x))
        close(alone, jax.tree.map(lambda y, i=i: y[i : i + 1], together), relative=2e-6)


def test_float32_is_near_float64(name, training):
    with jax.enable_x64(True):
        call = call_of(name)
        exact = jax.tree.map(np.asarray, outputs_of(name, training))
        assert {leaf.dtype for leaf in jax.tree.leaves(exact) if is_float(leaf)} <= {np.dtype("float64")}
        params, state = jax.tree.map(np.asarray, (call.params, call.state))
    single = Call(call.layer, cast(inputs(name), jnp.float32), cast(params, jnp.float32), cast(state, jnp.float32))
    got = single.compiled(training=training)
    assert {leaf.dtype for leaf in jax.tree.leaves(got) if is_float(leaf)} <= {np.dtype("float32")}
    close(got, exact, relative=1e-5)


def test_gradients(name, training):
    """In the input, the parameters and the dials, where these are floats."""
    with jax.enable_x64(True):
        call = call_of(name)
        straight = {own: call.params[own] for own in STRAIGHT_THROUGH.get(name, ())}
        params = {own: leaf for own, leaf in call.params.items() if own not in straight}
        values = {path: jnp.asarray(value) for path, value in dials(call.layer).items()}
        at = {"x": call.x, "params": params, "values": values}
        at = {
            of: tree for of, tree in at.items() if jax.tree.leaves(tree) and all(map(is_float, jax.tree.leaves(tree)))
        }
        if not at:
            pytest.skip(f"{name} has nothing to differentiate")

        def f(at):
            given = {**at, "params": {**at["params"], **straight}} if "params" in at else at
            return number(call(**given, training=training))

        gradient, wanted = jax.jit(jax.grad(f))(at), central_differences(f, at)
        for of in at:
            slack = 10 if of == "values" else 1
            close(gradient[of], wanted[of], relative=slack * 1e-6, absolute=slack * 1e-7)


def test_unwatched_taps_cost_nothing(name, training, monkeypatch):
    call = call_of(name)

    def text():
        def gradient(x, params):
            return jax.value_and_grad(lambda p: number(call(x, p, training=training)))(params)

        return jax.jit(gradient).lower(call.x, call.params).as_text()

    with_taps = text()
    monkeypatch.setattr(Context, "tap", lambda self, name, value: value)
    assert text() == with_taps


def test_watched_taps_have_the_right_gradient(name, training):
    with jax.enable_x64(True):
        call = call_of(name)

        def watched(offsets):
            seen = Watching(offsets)
            outputs = call(training=training, watch=seen)
            return number(outputs), (outputs, seen.values)

        _, seen = jax.eval_shape(watched, {})[1]
        zeros = {path: np.zeros(value.shape, value.dtype) for path, value in seen.items() if is_float(value)}
        if not zeros:
            programs = (jax.make_jaxpr(lambda w=w: call(training=training, watch=w))() for w in (None, Watching()))
            assert len(set(map(str, programs))) == 1
            pytest.skip(f"{name} has no taps")
        gradient, (found, _) = jax.jit(jax.grad(watched, has_aux=True))(zeros)
        close(found, outputs_of(name, training), relative=1e-12)
        close(gradient, central_differences(lambda at: watched(at)[0], zeros), relative=1e-6, absolute=1e-7)
        unused = [path for path, value in gradient.items() if not np.any(value)]
        assert not unused, f"what these taps return is not used: {unused}"


def test_bfloat16_is_kept(name, training):
    call = call_of(name, jnp.bfloat16)
    y, state = outputs_of(name, training, jnp.bfloat16)
    assert {leaf.dtype for leaf in jax.tree.leaves(y) if is_float(leaf)} <= {jnp.dtype("bfloat16")}
    before, after = (jax.tree.map(lambda leaf: leaf.dtype, each) for each in (call.state, state))
    assert after == before, "the state changes its dtype: a compiled loop cannot carry it"
    close(y, outputs_of(name, training)[0], relative=0.05)


@pytest.mark.parametrize("name", WITH_DIALS)
def test_another_dial_is_no_other_program_and_many_are_one(name, training):
    call, traces = call_of(name), []

    @jax.jit
    def run(values):
        traces.append(values)
        return call(values=values, training=training)

    settings = [dials(call.layer), moved(call.layer)]
    each = [run(setting) for setting in settings]
    assert len(traces) == 1
    close(each, [outputs_of(name, training), call(values=settings[1], training=training)], relative=2e-6)
    together = {path: np.array([setting[path] for setting in settings], np.float32) for path in settings[0]}
    both = jax.jit(jax.vmap(lambda values: call(values=values, training=training)))(together)
    close(both, jax.tree.map(lambda *leaves: np.stack(leaves), *each), relative=2e-6)
