"""What recurrent layers share: states in and out, from batch to batch, cut gradients, units left out."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liuli as ll
from liuli import layers
from liuli.core.dials import with_dials
from liuli.core.errors import LiuliError, ShapeError, SpecError
from liuli.layers import GRU, LSTM, Context, SimpleRNN
from tests.layers.calling import KEY, call, init, shape, taps
from tests.numeric import close

RNG = np.random.default_rng(0)
X = jnp.asarray(RNG.normal(size=(3, 6, 2)), jnp.float32)
MASK = jnp.array([[1, 1, 1, 1, 1, 1], [1, 1, 0, 0, 0, 0], [0, 1, 0, 1, 1, 0]], bool)
KINDS = [SimpleRNN, LSTM, GRU]
RATES = {"dropout": 0.5, "recurrent_dropout": 0.5}


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def kind(request):
    return request.param


def test_states_are_the_last_ones(kind):
    layer = kind(4, return_sequences=True, return_state=True)
    ys, *states = call(layer, X)
    assert layer.output_count == 1 + len(states)
    close(states[0], ys[:, -1], relative=0)
    close(call(kind(4, return_state=True), X)[0], ys[:, -1], relative=0)


def test_states_that_are_given_continue(kind):
    layer = kind(4, return_sequences=True, return_state=True)
    params, state = init(layer, X)
    whole, *last = layer.apply(params, state, X, Context())[0]
    first, *middle = layer.apply(params, state, X[:, :2], Context())[0]
    second, *end = layer.apply(params, state, (X[:, 2:], *middle), Context())[0]
    close((jnp.concatenate([first, second], 1), *end), (whole, *last), relative=1e-6)


def test_in_a_graph_states_are_values():
    x = ll.Input((6, 2))
    _, h, c = LSTM(4, return_state=True)(x)
    net = ll.Graph(x, LSTM(4, return_sequences=True)([x, h, c]))
    model = ll.Model(net, loss="mse")
    assert model.predict(np.asarray(X)).shape == (3, 6, 4)


def test_masks_of_several_outputs(kind):
    layer = kind(4, return_sequences=True, return_state=True)
    mask, *others = layer.output_mask(X, MASK)
    assert mask is MASK
    assert others == [None] * len(layer.state_names)
    assert layer.output_mask((X, X[:, 0]), (MASK, None))[0] is MASK


def test_masked_outputs_are_the_last_that_counted_or_zero(kind):
    ys = call(kind(4, return_sequences=True), X, mask=MASK)
    close(ys[1], jnp.concatenate([ys[1, :2], jnp.repeat(ys[1, 1:2], 4, 0)]), relative=0)
    zeros = call(kind(4, return_sequences=True, zero_output_for_mask=True), X, mask=MASK)
    close(zeros, jnp.where(MASK[:, :, None], ys, 0.0), relative=0)


def test_stateful_is_one_long_sequence(kind):
    layer = kind(4, return_sequences=True, stateful=True)
    params, state = init(layer, X[:, :2])
    assert set(state) == set(layer.state_names)
    first, state = layer.apply(params, state, X[:, :2], Context())
    second, _ = layer.apply(params, state, X[:, 2:], Context())
    whole, _ = layer.replace(stateful=False).apply(params, {}, X, Context())
    close(jnp.concatenate([first, second], 1), whole, relative=1e-6)


def test_stateful_cuts_the_gradient_between_batches(kind):
    layer = kind(4, stateful=True)
    params, state = init(layer, X)
    gradient = jax.grad(lambda x: sum(s.sum() for s in layer.apply(params, state, x, Context())[1].values()))(X)
    assert not gradient.any()


def test_stateful_keeps_its_batch_size(kind):
    layer = kind(4, stateful=True)
    params, state = init(layer, X)
    with pytest.raises(ShapeError, match=r"a batch of 2; expected 3 samples.*batch_size"):
        layer.apply(params, state, X[:2], Context())


def test_stateful_keeps_its_dtype_in_half_precision():
    layer = LSTM(4, stateful=True)
    params, state = init(layer, X)
    half = jax.tree.map(lambda p: p.astype(jnp.bfloat16), params)
    y, after = layer.apply(half, state, X.astype(jnp.bfloat16), Context())
    assert y.dtype == jnp.bfloat16
    assert {leaf.dtype for leaf in after.values()} == {jnp.dtype("float32")}


@pytest.mark.parametrize("num_steps", [1, 2, 4, 9])
def test_num_steps_cuts_the_gradient(kind, num_steps):
    layer = kind(4, num_steps=num_steps)
    params, _ = init(layer, X)
    cut, whole = (
        lambda x, of=of: of.apply(params, {}, x, Context())[0] for of in (layer, layer.replace(num_steps=None))
    )
    y, wanted, gradient = jax.jit(lambda x: (cut(x), whole(x), jax.grad(lambda x: cut(x).sum())(x)))(X)
    close(y, wanted, relative=1e-5)
    reached = 6 - (5 // num_steps) * num_steps  # how many steps are in the last piece
    assert not gradient[:, : 6 - reached].any()
    assert gradient[:, 6 - reached :].all()


def test_num_steps_is_a_number_of_steps():
    with pytest.raises(SpecError, match="at least 1"):
        LSTM(4, num_steps=0)


def test_one_mask_of_dropped_features_for_all_steps():
    layer = SimpleRNN(2, "linear", kernel_initializer="ones", recurrent_initializer="zeros", return_sequences=True)
    x = jnp.ones((64, 5, 1))
    ys = call(layer.replace(dropout=0.25), x, training=True, key=KEY)
    np.testing.assert_allclose(np.unique(ys), [0.0, 1 / 0.75], rtol=1e-6)
    assert (ys == ys[:, :1]).all()
    assert 0.05 < (ys == 0).mean() < 0.5


def test_recurrent_dropout_is_of_what_enters_the_product():
    layer = SimpleRNN(1, "linear", recurrent_initializer="ones", kernel_initializer="zeros", recurrent_dropout=0.25)
    params, _ = init(layer, X)
    start = jnp.ones((64, 1))
    one = layer.apply(params, {}, (jnp.zeros((64, 1, 2)), start), Context(training=True, key=KEY))[0]
    two = layer.apply(params, {}, (jnp.zeros((64, 2, 2)), start), Context(training=True, key=KEY))[0]
    np.testing.assert_allclose(np.unique(one), [0.0, 1 / 0.75], rtol=1e-6)
    close(two, one**2, relative=1e-6)


def test_a_gru_keeps_the_units_of_h_that_it_drops():
    layer = GRU(4, bias_initializer=ll.initializers.Constant(30.0), recurrent_dropout=0.9)  # z is 1: h stays
    params, _ = init(layer, X)
    start = jnp.ones((3, 4))
    close(layer.apply(params, {}, (X, start), Context(training=True, key=KEY))[0], start, relative=1e-6)


def test_dropout_is_for_training_with_a_key(kind):
    layer = kind(4, **RATES)
    close(call(layer, X), call(kind(4), X), relative=0)
    with pytest.raises(LiuliError, match="without a random key"):
        call(layer, X, training=True)
    call(kind(4), X, training=True)  # nothing to draw


def test_a_rate_turned_to_zero_drops_nothing(kind):
    layer = with_dials(kind(4, **RATES), dict.fromkeys(RATES, jnp.float32(0.0)))
    close(call(layer, X, training=True, key=KEY), call(kind(4), X), relative=1e-6)


def test_masked_taps_carry_the_gradient(kind):
    """Through a masked step the gradient at h passes as it is."""
    layer = kind(4)
    params, _ = init(layer, X)
    values, gradients = taps(layer, params, {}, X, jnp.sum, mask=MASK)
    close(gradients["h"][1, 1:], jnp.ones((5, 4)), relative=1e-6)
    close(values["h"][1, 1:], jnp.repeat(values["h"][1, 1:2], 5, 0), relative=0)


def test_wrong_inputs(kind):
    with pytest.raises(ShapeError, match=r"\(batch, time, features\)"):
        kind(4).init(KEY, shape(3, 2))
    with pytest.raises(ShapeError, match=r"TimeDistributed\(layers\.Flatten"):
        kind(4).init(KEY, shape(3, 6, 2, 2))
    with pytest.raises(ShapeError, match="not empty"):
        kind(4).init(KEY, shape(3, 0, 2))
    with pytest.raises(ShapeError, match=r"h \(batch, 4\)"):
        kind(4).init(KEY, (shape(3, 6, 2), shape(3, 5)))


def test_gru_has_a_bias_for_each_product_where_it_resets_after_it():
    assert init(GRU(4), X)[0]["bias"].shape == (2, 12)
    assert init(GRU(4, reset_after=False), X)[0]["bias"].shape == (12,)
    assert "bias" not in init(GRU(4, use_bias=False), X)[0]


def test_learns_to_remember_the_first_step():
    x = np.asarray(RNG.normal(size=(256, 8, 1)), np.float32)
    net = ll.Sequential([layers.GRU(8, recurrent_dropout=0.0), layers.Dense(1)])
    model = ll.Model(net, loss="mse", optimizer=ll.optimizers.Adam(0.02), seed=0)
    model.fit(x, x[:, 0], epochs=60, batch_size=64, verbose=0)
    assert model.evaluate(x, x[:, 0])["loss"] < 0.1
