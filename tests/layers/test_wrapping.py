"""Wrappers over time: one layer at every step, and two directions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liuli as ll
from liuli import layers
from liuli.core.dials import dials
from liuli.core.errors import ShapeError, SpecError
from liuli.layers import GRU, LSTM, Bidirectional, Context, Dense, TimeDistributed
from liuli.regularizers import L2
from tests.layers.calling import KEY, Watching, call, init, shape
from tests.numeric import close

RNG = np.random.default_rng(0)
X = jnp.asarray(RNG.normal(size=(3, 5, 2)), jnp.float32)
MASK = jnp.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [0, 1, 0, 1, 0]], bool)


def test_time_distributed_is_the_layer_at_each_step():
    images = jnp.asarray(RNG.normal(size=(2, 3, 5, 4, 1)), jnp.float32)
    layer = TimeDistributed(layers.Conv2D(3, 2, activation="tanh"))
    params, state = init(layer, images)
    y = layer.apply(params, state, images, Context())[0]
    for t in range(3):
        one = layer.layer.apply(params["layer"], {}, images[:, t], Context())[0]
        close(y[:, t], one, relative=1e-6)


def test_time_distributed_passes_the_mask_around_the_layer():
    layer = TimeDistributed(layers.Flatten())
    assert layer.output_mask(X, MASK) is MASK
    assert layer.output_mask((X, X), (MASK, None)).tolist() == MASK.tolist()
    assert call(layer, X, mask=MASK).shape == (3, 5, 2)


def test_time_distributed_takes_several_inputs():
    y = call(TimeDistributed(layers.Add()), (X, X))
    close(y, 2 * X, relative=0)


def test_time_distributed_keeps_the_state_of_the_layer():
    layer = TimeDistributed(layers.BatchNormalization(momentum=0.0))
    params, state = init(layer, X)
    _, after = layer.apply(params, state, X, Context(training=True))
    close(after["layer"]["moving_mean"], X.mean((0, 1)), relative=1e-5)


def test_time_distributed_needs_time():
    with pytest.raises(ShapeError, match=r"\(batch, time, \.\.\.\)"):
        TimeDistributed(Dense(2)).init(KEY, shape(3, 2))


def directions(layer, params, x, mask=None):
    """What each direction of a Bidirectional makes, its second read by a reversed sequence."""
    forward = layer.layer.apply(params["layer"], {}, x, Context(mask=mask))[0]
    reversed_mask = None if mask is None else mask[:, ::-1]
    back = layer.layer.apply(params["backward_layer"], {}, x[:, ::-1], Context(mask=reversed_mask))[0]
    return forward, back[:, ::-1] if layer.layer.return_sequences else back


@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("merge_mode", ["concat", "sum", "mul", "ave", None])
def test_merging(merge_mode, return_sequences):
    layer = Bidirectional(GRU(3, return_sequences=return_sequences), merge_mode)
    params, state = init(layer, X)
    a, b = directions(layer, params, X)
    expected = {"concat": jnp.concatenate([a, b], -1), "sum": a + b, "mul": a * b, "ave": (a + b) / 2, None: (a, b)}
    close(layer.apply(params, state, X, Context())[0], expected[merge_mode], relative=1e-6)
    assert layer.output_count == (2 if merge_mode is None else 1)


def test_masked_steps_are_zero_in_the_order_of_time():
    layer = Bidirectional(LSTM(3, return_sequences=True))
    params, state = init(layer, X)
    both = jnp.concatenate(directions(layer, params, X, MASK), -1)
    close(layer.apply(params, state, X, Context(mask=MASK))[0], jnp.where(MASK[..., None], both, 0), relative=1e-6)
    assert layer.output_mask(X, MASK) is MASK
    assert Bidirectional(LSTM(3)).output_mask(X, MASK) is None


def test_masks_of_several_outputs():
    own = LSTM(3, return_sequences=True, return_state=True)
    assert Bidirectional(own).output_mask(X, MASK) == (MASK, None, None, None, None)
    assert Bidirectional(own, None).output_mask((X, X), (MASK, None))[:2] == (MASK, MASK)
    assert Bidirectional(own, None).output_count == 6


def test_the_directions_have_weights_and_keys_of_their_own():
    layer = Bidirectional(GRU(3, dropout=0.5))
    params, _ = init(layer, X)
    assert set(params) == {"layer", "backward_layer"}
    assert (params["layer"]["kernel"] != params["backward_layer"]["kernel"]).any()
    assert dials(layer)["layer/dropout"] == 0.5
    assert not any(path.startswith("backward") for path in dials(layer))
    seen = Watching()
    layer.apply(*init(layer, X), X, Context(watch=seen))
    assert {"layer/h", "backward_layer/h"} <= set(seen.values)


def test_penalties_and_constraints_reach_both():
    layer = Bidirectional(GRU(2, kernel_regularizer=L2(0.5), kernel_constraint="non_neg"))
    params = jax.tree.map(lambda p: -jnp.ones_like(p), init(layer, X)[0])
    assert float(layer.penalty(params)) == 2 * 0.5 * 2 * 6
    assert not any(own["kernel"].any() for own in layer.constrained(params).values())


def test_stateful_in_both_directions():
    layer = Bidirectional(LSTM(2, stateful=True, return_sequences=True))
    params, state = init(layer, X)
    first, state = layer.apply(params, state, X, Context())
    second, _ = layer.apply(params, state, X, Context())
    assert set(state) == {"layer", "backward_layer"}
    assert (first != second).any()


def test_what_does_not_fit():
    with pytest.raises(SpecError, match="a recurrent layer"):
        Bidirectional(Dense(3))
    with pytest.raises(SpecError, match="return_sequences alike"):
        Bidirectional(GRU(2), backward_layer=GRU(2, return_sequences=True, go_backwards=True))
    with pytest.raises(SpecError, match="one layer for each direction"):
        Bidirectional(GRU(2), backward_layer=GRU(2))
    layer = Bidirectional(GRU(1), "sum", GRU(2, go_backwards=True))
    with pytest.raises(ShapeError, match="1 and 2 units"):
        call(layer, X)


def test_over_words():
    net = ll.Sequential([
        layers.Embedding(6, 3, mask_zero=True),
        Bidirectional(LSTM(4, return_sequences=True)),
        TimeDistributed(Dense(3, "tanh")),
        GRU(2),
    ])  # fmt: skip
    words = jnp.array([[1, 2, 3, 0], [4, 5, 0, 0]])
    params, state = init(net, words)
    padded = jnp.concatenate([words, jnp.zeros((2, 3), words.dtype)], 1)
    expected = net.apply(params, state, words, Context())[0]
    close(net.apply(params, state, padded, Context())[0], expected, relative=1e-6)
