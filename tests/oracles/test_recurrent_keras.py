"""Recurrent layers, cells and wrappers over time against Keras: outputs, last states, and all gradients."""

from contextlib import contextmanager

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

pytestmark = pytest.mark.oracle

PRECISIONS = {"float32": 1e-5, "float64": 1e-10}  # the largest error, as a share of the largest value
KINDS = ["SimpleRNN", "LSTM", "GRU"]
BATCH, TIME, FEATURES = 3, 5, 2
MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [0, 1, 0, 1, 0]], bool)


def registered(name, function):
    """A function that Keras can save: its own tanh and sigmoid make float32 of float64."""

    def exact(x):
        return function(x)

    exact.__name__ = f"exact_{name}"
    return keras.saving.register_keras_serializable()(exact)


FUNCTIONS = {"tanh": jnp.tanh, "relu": jax.nn.relu, "sigmoid": jax.nn.sigmoid}
FUNCTIONS = {name: registered(name, function) for name, function in FUNCTIONS.items()}


def normal(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), float)


def several(y):
    return tuple(jax.tree.leaves(y))


def weighted(y):
    return sum((v * normal(*v.shape, seed=1).astype(v.dtype)).sum() for v in y)


def ours(layer, params, xs, mask):
    """All outputs, and the gradients of a weighted sum of them in the inputs and in the parameters by name."""

    def run(params, xs):
        y = several(layer.apply(params, {}, xs if len(xs) > 1 else xs[0], Context(mask=mask))[0])
        return weighted(y), y

    gradients, y = jax.jit(jax.grad(run, (0, 1), has_aux=True))(params, xs)
    return y, *gradients


def theirs(layer, paths, params, xs, mask):
    """The same of Keras's ``layer``, whose weights are ours at ``paths``, in that order."""
    mask = {} if mask is None else {"mask": jnp.asarray(mask)}

    def run(params, xs):
        weights = [_at(params, path) for path in paths]
        states = {"initial_state": list(xs[1:])} if len(xs) > 1 else {}
        y = several(layer.stateless_call(weights, layer.non_trainable_variables, xs[0], **states, **mask)[0])
        return weighted(y), y

    with relaxed():
        gradients, y = jax.jit(jax.grad(run, (0, 1), has_aux=True))(params, xs)
    return y, *gradients


def _at(tree, path):
    for name in path.split("/"):
        tree = tree[name]
    return tree


@contextmanager
def computing_in(name):
    """Both libraries in float32, or both in float64."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        with jax.enable_x64(name == "float64"):
            yield
    finally:
        keras.config.set_dtype_policy(before)


def agree(make, paths, name, states=(), mask=None, shape=(BATCH, TIME, FEATURES)):
    """``make(layers)`` against ``make(keras.layers)``, with random parameters, and given states of the sizes
    ``states``."""
    with computing_in(name):
        mine, yours = make(layers), make(keras.layers)
        xs = normal(*shape), *(normal(BATCH, units, seed=i + 2) for i, units in enumerate(states))
        params, _ = jax.eval_shape(mine.init, jax.random.key(0), xs if states else xs[0])
        leaves, form = jax.tree.flatten(params)
        params = jax.tree.unflatten(form, [0.5 * normal(*p.shape, seed=i + 9) for i, p in enumerate(leaves)])
        with relaxed():
            yours.build(shape)
        assert [w.shape for w in yours.trainable_variables] == [_at(params, path).shape for path in paths]
        close(ours(mine, params, xs, mask), theirs(yours, paths, params, xs, mask), relative=PRECISIONS[name])


def exact(of, kind, activation="tanh"):
    """The activations of a layer or cell, for Keras as functions."""
    fields = {"activation": activation} | ({} if kind == "SimpleRNN" else {"recurrent_activation": "sigmoid"})
    return fields if of is layers else {field: FUNCTIONS[name] for field, name in fields.items()}


def paths(prefix="", use_bias=True):
    return [f"{prefix}{name}" for name in ["kernel", "recurrent_kernel", *["bias"] * use_bias]]


def states_of(kind, units, initial):
    return (units,) * initial * (2 if kind == "LSTM" else 1)


names = st.sampled_from(sorted(PRECISIONS))
activations = st.sampled_from(["tanh", "relu", "sigmoid"])
loops = st.fixed_dictionaries({field: st.booleans() for field in ("return_sequences", "return_state", "go_backwards")})


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=10)
@given(name=names, units=st.integers(1, 3), activation=activations, use_bias=st.booleans(), loop=loops,
       masked=st.booleans(), initial=st.booleans(), reset_after=st.booleans())  # fmt: skip
def test_over_time(kind, name, units, activation, use_bias, loop, masked, initial, reset_after):
    fields = {"use_bias": use_bias, **loop} | ({"reset_after": reset_after} if kind == "GRU" else {})

    def make(of):
        return getattr(of, kind)(units, **exact(of, kind, activation), **fields)

    agree(make, paths(use_bias=use_bias), name, states_of(kind, units, initial), MASK if masked else None)


@settings(max_examples=10)
@given(name=names, loop=loops, masked=st.booleans(), zeros=st.booleans(), kinds=st.lists(st.sampled_from(KINDS),
       min_size=2, max_size=3))  # fmt: skip
def test_stacked_cells(name, loop, masked, zeros, kinds):
    fields = {**loop, "zero_output_for_mask": zeros and loop["return_sequences"]}

    def make(of):
        cells = [getattr(of, f"{kind}Cell")(i + 1, **exact(of, kind)) for i, kind in enumerate(kinds)]
        return of.RNN(of.StackedRNNCells(cells), **fields)

    agree(make, [p for i in range(len(kinds)) for p in paths(f"cell/{i}/")], name, (), MASK if masked else None)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", PRECISIONS)
def test_one_step(kind, name):
    with computing_in(name):
        mine, yours = (getattr(of, f"{kind}Cell")(3, **exact(of, kind)) for of in (layers, keras.layers))
        xs = normal(BATCH, FEATURES), *(normal(BATCH, n, seed=i) for i, n in enumerate(states_of(kind, 3, True)))
        params, _ = mine.init(jax.random.key(0), xs)
        with relaxed():
            yours.build((BATCH, FEATURES))
            weights = [params[path] for path in paths()], yours.non_trainable_variables
            h, states = yours.stateless_call(*weights, xs[0], list(xs[1:]))[0]
        close(mine.apply(params, {}, xs, Context())[0], (h, *several(states)), relative=PRECISIONS[name])


@settings(max_examples=15)
@given(name=names, kind=st.sampled_from(KINDS), merge_mode=st.sampled_from(["concat", "sum", "mul", "ave", None]),
       return_sequences=st.booleans(), return_state=st.booleans(), masked=st.booleans(),
       initial=st.booleans())  # fmt: skip
def test_both_directions(name, kind, merge_mode, return_sequences, return_state, masked, initial):
    def make(of):
        fields = {"return_sequences": return_sequences, "return_state": return_state}
        return of.Bidirectional(getattr(of, kind)(2, **exact(of, kind), **fields), merge_mode)

    states = 2 * states_of(kind, 2, initial)
    agree(make, paths("layer/") + paths("backward_layer/"), name, states, MASK if masked else None)


@pytest.mark.parametrize("name", PRECISIONS)
def test_both_directions_of_two_kinds(name):
    def make(of):
        back = of.LSTM(3, **exact(of, "LSTM", "relu"), go_backwards=True, return_sequences=True)
        return of.Bidirectional(of.GRU(2, **exact(of, "GRU"), return_sequences=True), backward_layer=back)

    agree(make, paths("layer/") + paths("backward_layer/"), name, mask=MASK)


@pytest.mark.parametrize("name", PRECISIONS)
def test_time_distributed(name):
    def make(of):
        return of.TimeDistributed(of.Conv2D(3, 2))

    agree(make, ["layer/kernel", "layer/bias"], name, shape=(BATCH, TIME, 4, 3, 2))
