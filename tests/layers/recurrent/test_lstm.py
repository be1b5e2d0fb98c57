"""The LSTM, against one written as a loop in Python."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from liuli.core.errors import ShapeError
from liuli.layers import LSTM, Context
from liuli.regularizers import L2
from tests.layers.calling import KEY, init, shape, taps
from tests.numeric import close

BATCH, TIME, FEATURES, UNITS = 3, 5, 4, 2
RNG = np.random.default_rng(0)
X = RNG.normal(size=(BATCH, TIME, FEATURES))
MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [0, 1, 0, 1, 1]], bool)
WEIGHTS = RNG.normal(size=(BATCH, TIME, UNITS))


def unrolled(params, x, mask=None, offsets=None):
    """Every h, with ``offsets`` added to the gates, c and h of each step; and all their values."""
    zeros = jnp.zeros((x.shape[0], UNITS))
    h, c, seen = zeros, zeros, {"gates": [], "c": [], "h": []}
    for t in range(x.shape[1]):
        extra = {name: 0.0 if offsets is None else offsets[name][:, t] for name in seen}
        z = x[:, t] @ params["kernel"] + h @ params["recurrent_kernel"] + params["bias"][None] + extra["gates"]
        i, f, g, o = (z[:, k * UNITS : (k + 1) * UNITS] for k in range(4))
        counts = jnp.ones((x.shape[0], 1), bool) if mask is None else mask[:, t, None]
        c = jnp.where(counts, jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g), c) + extra["c"]
        h = jnp.where(counts, jax.nn.sigmoid(o) * jnp.tanh(c), h) + extra["h"]
        for name, value in (("gates", z), ("c", c), ("h", h)):
            seen[name].append(value)
    return {name: jnp.stack(values, 1) for name, values in seen.items()}


def made(**fields):
    """An LSTM, its parameters (none of them zero) and the input, in float64."""
    layer, x = LSTM(UNITS, return_sequences=True, **fields), jnp.asarray(X)
    params, _ = init(layer, x)
    params["bias"] = params["bias"] + jnp.linspace(-0.5, 0.5, 4 * UNITS)
    return layer, params, x


@pytest.mark.parametrize("mask", [None, MASK], ids=["whole", "masked"])
def test_is_the_loop(mask):
    with jax.enable_x64(True):
        layer, params, x = made()
        expected = unrolled(params, x, mask)["h"]
        y, _ = layer.apply(params, {}, x, Context(mask=mask))
        last, _ = layer.replace(return_sequences=False).apply(params, {}, x, Context(mask=mask))
        close((y, last), (expected, expected[:, -1]), relative=1e-12)


@pytest.mark.parametrize("mask", [None, MASK], ids=["whole", "masked"])
def test_tap_gradients_are_those_of_the_loop(mask):
    with jax.enable_x64(True):
        layer, params, x = made()
        values, gradients = taps(layer, params, {}, x, lambda y: (WEIGHTS * y**2).sum(), mask=mask)
        expected = unrolled(params, x, mask)
        close(values, expected, relative=1e-12)

        def f(offsets):
            return (WEIGHTS * unrolled(params, x, mask, offsets)["h"] ** 2).sum()

        close(gradients, jax.grad(f)(jax.tree.map(jnp.zeros_like, expected)), relative=1e-10)


def test_masked_steps_at_the_end_change_nothing():
    with jax.enable_x64(True):
        layer, params, x = made()
        layer = layer.replace(return_sequences=False)
        mask = jnp.asarray(np.arange(TIME) < 3)[None].repeat(BATCH, 0)
        whole, _ = layer.apply(params, {}, x, Context(mask=mask))
        close(whole, layer.apply(params, {}, x[:, :3], Context())[0], relative=1e-12)
        gradient = jax.grad(lambda x: layer.apply(params, {}, x, Context(mask=mask))[0].sum())(x)
        assert not gradient[:, 3:].any()
        assert gradient[:, :3].all()


def test_backwards_is_forwards_over_the_reversed_sequence():
    with jax.enable_x64(True):
        layer, params, x = made()
        back, _ = layer.replace(go_backwards=True).apply(params, {}, x, Context(mask=jnp.asarray(MASK)))
        forth, _ = layer.apply(params, {}, x[:, ::-1], Context(mask=jnp.asarray(MASK[:, ::-1])))
        close(back, forth, relative=1e-12)


def test_output_mask():
    mask = jnp.asarray(MASK)
    assert LSTM(2).output_mask(shape(3, 5, 4), mask) is None
    assert LSTM(2, return_sequences=True).output_mask(shape(3, 5, 4), mask) is mask
    assert LSTM(2, return_sequences=True).output_mask(shape(3, 5, 4), None) is None
    back = LSTM(2, return_sequences=True, go_backwards=True).output_mask(shape(3, 5, 4), mask)
    assert back.tolist() == MASK[:, ::-1].tolist()


def test_parameters():
    params, state = LSTM(UNITS).init(KEY, shape(BATCH, TIME, FEATURES))
    assert {name: p.shape for name, p in params.items()} == {"kernel": (4, 8), "recurrent_kernel": (2, 8), "bias": (8,)}
    assert params["bias"].tolist() == [0.0] * 2 + [1.0] * 2 + [0.0] * 4  # the forget gate is open
    assert state == {}
    assert set(LSTM(UNITS, use_bias=False).init(KEY, shape(BATCH, TIME, FEATURES))[0]) == {"kernel", "recurrent_kernel"}
    assert not LSTM(UNITS, unit_forget_bias=False).init(KEY, shape(BATCH, TIME, FEATURES))[0]["bias"].any()


def test_without_bias_is_a_bias_of_zeros():
    with jax.enable_x64(True):
        layer, params, x = made()
        params["bias"] = jnp.zeros_like(params["bias"])
        expected, _ = layer.apply(params, {}, x, Context())
        params.pop("bias")
        close(layer.replace(use_bias=False).apply(params, {}, x, Context())[0], expected, relative=1e-12)


def test_recurrent_regularizer_speaks_of_the_recurrent_kernel():
    params = {"kernel": jnp.full((4, 8), 10.0), "recurrent_kernel": jnp.full((2, 8), 2.0), "bias": jnp.full(8, 10.0)}
    assert float(LSTM(2, recurrent_regularizer=L2(0.5)).penalty(params)) == 0.5 * 16 * 4
    constrained = LSTM(2, recurrent_constraint="non_neg").constrained({**params, "recurrent_kernel": -params["kernel"]})
    assert not constrained["recurrent_kernel"].any()


def test_needs_time():
    with pytest.raises(ShapeError, match=r"\(batch, time, features\)"):
        LSTM(2).init(KEY, shape(3, 4))


def test_no_samples_give_no_samples():
    params, _ = LSTM(UNITS).init(KEY, shape(0, TIME, FEATURES))
    y, _ = LSTM(UNITS).apply(params, {}, jnp.zeros((0, TIME, FEATURES)), Context())
    assert y.shape == (0, UNITS)
