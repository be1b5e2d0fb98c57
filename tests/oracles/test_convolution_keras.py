"""Convolutions against Keras: causal and transposed ones, and ConvLSTMs; outputs and gradients."""

from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from liuli import layers
from liuli.core.keys import fold
from tests.numeric import close
from tests.oracles.attending import differentiated
from tests.oracles.keras_oracle import keras, relaxed
from tests.oracles.test_layers_torch import PRECISIONS, normal, ours, random_params

pytestmark = pytest.mark.oracle

MOST = {1: 4, 2: 3, 3: 2}  # elements of a window along each axis, by rank
EXACT = {"activation": jnp.tanh}  # Keras's own computes in float32
UNCHANGED = {"xla_disable_hlo_passes": "algsimp"}  # aborts the process at some gradients of Keras's transposed ones
precisions = pytest.mark.parametrize("name", PRECISIONS)
paddings = st.sampled_from(["valid", "same"])


def theirs(layer, params, x, **call):
    """What ``ours`` gives, of a layer of Keras."""
    with relaxed():
        layer.build(x.shape)
        names = [v.name for v in layer.trainable_variables]
        fixed = [v.value for v in layer.non_trainable_variables]

        def run(params, x):
            return layer.stateless_call([params[n] for n in names], fixed, x, **call)[0]

        return differentiated(run, params, x, **UNCHANGED)


def compare(kind, x, name, mask=None, **fields):
    """The layer called ``kind`` in both libraries."""
    layer = getattr(layers, kind)(**fields)
    params, state = random_params(layer, x)
    mine, _ = ours(layer, params, state, x, mask=mask)
    masked = {} if mask is None else {"mask": mask}
    unrolled = {} if mask is None else {"unroll": True}  # in a loop, masks work for vectors alone
    own = unrolled | (EXACT if "LSTM" in kind else {})
    want = theirs(getattr(keras.layers, kind)(**fields, **own, dtype=name), params, x, **masked)
    close(mine, want, relative=PRECISIONS[name], absolute=PRECISIONS[name] / 10)


def each(rank, least, most):
    return st.tuples(*[st.integers(least, most)] * rank)


@precisions
@settings(max_examples=10)
@given(kernel_size=st.integers(1, 4), strides=st.integers(1, 3), dilation_rate=st.integers(1, 3),
       groups=st.integers(1, 2), steps=st.integers(1, 8))  # fmt: skip
def test_causal(name, steps, groups, **fields):
    assume(1 in (fields["strides"], fields["dilation_rate"]))
    with jax.enable_x64(name == "float64"):
        x = normal(2, steps, 2 * groups)
        compare("Conv1D", x, name, filters=2 * groups, groups=groups, padding="causal", **fields)


transposed = st.integers(1, 3).flatmap(
    lambda rank: st.tuples(each(rank, 1, MOST[rank]), each(rank, 1, 3), each(rank, 1, 2), each(rank, 1, 3))
)


@precisions
@settings(max_examples=20)
@given(axes=transposed, padding=paddings, more=st.none() | st.integers(0, 2))
@example(
    axes=((2, 3), (2, 3), (1, 1), (3, 2)), padding="same", more=0
)  # one at which XLA aborts with UNCHANGED left out
def test_transpose(name, axes, padding, more):
    kernel, strides, dilation, space = axes
    dilation = dilation if max(strides) == 1 else (1,) * len(strides)  # Keras has not both
    more = None if more is None else tuple(min(more, s - 1) for s in strides)
    fields = {"filters": 2, "kernel_size": kernel, "strides": strides, "padding": padding, "dilation_rate": dilation}
    with jax.enable_x64(name == "float64"):
        compare(f"Conv{len(kernel)}DTranspose", normal(2, *space, 3), name, output_padding=more, **fields)


WHOLE = {"return_sequences": True}


@precisions
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(
    ("space", "fields"),
    [
        ((6,), {"kernel_size": 3}),
        ((6,), {"kernel_size": 2, "padding": "same", "strides": 2, "go_backwards": True, **WHOLE}),
        ((5, 4), {"kernel_size": (3, 2), "padding": "same", **WHOLE}),
        ((5, 4), {"kernel_size": 2, "dilation_rate": 2, "use_bias": False, "go_backwards": True}),
        ((3, 2, 3), {"kernel_size": 2, "strides": (1, 1, 2), "padding": "same"}),
    ],
)
def test_conv_lstm(name, space, fields, masked):
    mask = jnp.asarray([[True, False, True, True], [True, True, False, False]]) if masked else None
    rank = len(space)
    with jax.enable_x64(name == "float64"):
        compare(f"ConvLSTM{rank}D", normal(2, 4, *space, 3), name, mask, filters=2, **fields)


def test_conv_lstm_drops_the_same_elements_at_every_step():
    """Keras is handed the elements that ours keeps, for all four gates."""
    rates, fields = {"dropout": 0.4, "recurrent_dropout": 0.3}, {"filters": 2, "kernel_size": 3, "padding": "same"}
    with jax.enable_x64(True):
        x, key = normal(2, 4, 6, 3), jax.random.key(5)
        layer = layers.ConvLSTM1D(**fields, **rates)
        reference = keras.layers.ConvLSTM1D(**fields, **rates, **EXACT, dtype="float64")
        params, state = random_params(layer, x)
        mine, _ = ours(layer, params, state, x, training=True, key=key)

        def kept(cell, step, rate):
            name = "dropout" if rate == rates["dropout"] else "recurrent_dropout"
            ones, ctx = jnp.ones(step.shape), layers.Context(training=True, key=fold(key, name))
            return [layers.Dropout(rate).apply({}, {}, ones, ctx)[0]] * 4

        with mock.patch.object(type(reference.cell), "_create_dropout_mask", kept):
            want = theirs(reference, params, x, training=True)
        close(mine, want, relative=1e-10)
        assert not np.allclose(mine["y"], ours(layer, params, state, x)[0]["y"])
