"""ConvLSTMs, against one written as a loop in Python, and against the LSTM."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from liuli.core.errors import LiuliError, ShapeError
from liuli.kernels import conv
from liuli.layers import LSTM, Context, ConvLSTM1D, ConvLSTM2D, ConvLSTM3D
from liuli.regularizers import L2
from tests.layers.calling import KEY, init, shape, taps
from tests.numeric import close

BATCH, TIME, STEPS, FILTERS = 3, 5, 6, 2
RNG = np.random.default_rng(0)
X = RNG.normal(size=(BATCH, TIME, STEPS, 3))
MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [0, 1, 0, 1, 1]], bool)
WEIGHTS = RNG.normal(size=(BATCH, TIME, 3, FILTERS))


def made(**fields):
    """A ConvLSTM1D with strides, its parameters (none of them zero) and the input, in float64."""
    layer, x = ConvLSTM1D(FILTERS, 3, 2, "same", return_sequences=True, **fields), jnp.asarray(X)
    params, _ = init(layer, x)
    params["bias"] = params["bias"] + jnp.linspace(-0.5, 0.5, 4 * FILTERS)
    return layer, params, x


def unrolled(params, x, mask=None, offsets=None):
    """Every h, with ``offsets`` added to the gates, c and h of each step; and all their values."""
    zeros = jnp.zeros((BATCH, 3, FILTERS))
    h, c, seen = zeros, zeros, {"gates": [], "c": [], "h": []}
    for t in range(TIME):
        extra = {name: 0.0 if offsets is None else offsets[name][:, t] for name in seen}
        z = conv(x[:, t], params["kernel"], (2,), "same", (1,)) + params["bias"][None, None] + extra["gates"]
        z = z + conv(h, params["recurrent_kernel"], (1,), "same", (1,))
        i, f, g, o = (z[..., k * FILTERS : (k + 1) * FILTERS] for k in range(4))
        counts = jnp.ones((BATCH, 1, 1), bool) if mask is None else mask[:, t, None, None]
        c = jnp.where(counts, jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g), c) + extra["c"]
        h = jnp.where(counts, jax.nn.sigmoid(o) * jnp.tanh(c), h) + extra["h"]
        for name, value in (("gates", z), ("c", c), ("h", h)):
            seen[name].append(value)
    return {name: jnp.stack(values, 1) for name, values in seen.items()}


@pytest.mark.parametrize("mask", [None, MASK], ids=["whole", "masked"])
def test_is_the_loop_and_so_are_its_taps(mask):
    with jax.enable_x64(True):
        layer, params, x = made()
        expected = jax.jit(lambda x: unrolled(params, x, mask))(x)
        close(layer.apply(params, {}, x, Context(mask=mask))[0], expected["h"], relative=1e-12)
        last, _ = layer.replace(return_sequences=False).apply(params, {}, x, Context(mask=mask))
        close(last, expected["h"][:, -1], relative=1e-12)

        values, gradients = taps(layer, params, {}, x, lambda y: (WEIGHTS * y**2).sum(), mask=mask)
        close(values, expected, relative=1e-12)

        def f(offsets):
            return (WEIGHTS * unrolled(params, x, mask, offsets)["h"] ** 2).sum()

        close(gradients, jax.jit(jax.grad(f))(jax.tree.map(jnp.zeros_like, expected)), relative=1e-10)


def test_over_one_place_it_is_an_lstm():
    with jax.enable_x64(True):
        x = jnp.asarray(X[:, :, :1])
        layer = ConvLSTM1D(FILTERS, 1)
        params, _ = init(layer, x)
        flat = {name: p.reshape(p.shape[-2:]) if "kernel" in name else p for name, p in params.items()}
        y, _ = layer.apply(params, {}, x, Context())
        close(y[:, 0], LSTM(FILTERS).apply(flat, {}, x[:, :, 0], Context())[0], relative=1e-12)


def test_parameters():
    params, state = ConvLSTM2D(FILTERS, (3, 2)).init(KEY, shape(2, 5, 6, 7, 4))
    sizes = {"kernel": (3, 2, 4, 8), "recurrent_kernel": (3, 2, 2, 8), "bias": (8,)}
    assert {name: p.shape for name, p in params.items()} == sizes
    assert params["bias"].tolist() == [0.0] * 2 + [1.0] * 2 + [0.0] * 4  # the forget gate is open
    assert state == {}
    assert "bias" not in ConvLSTM2D(2, 3, use_bias=False).init(KEY, shape(2, 5, 6, 7, 4))[0]
    assert not ConvLSTM2D(2, 3, unit_forget_bias=False).init(KEY, shape(2, 5, 6, 7, 4))[0]["bias"].any()


def test_recurrent_regularizer_speaks_of_the_recurrent_kernel():
    params = {"kernel": jnp.full((2, 3, 8), 10.0), "recurrent_kernel": jnp.full((2, 2, 8), 2.0), "bias": jnp.ones(8)}
    assert float(ConvLSTM1D(2, 2, recurrent_regularizer=L2(0.5)).penalty(params)) == 0.5 * 32 * 4


def test_dropout_leaves_out_the_same_elements_at_every_step():
    """Steps that are all alike give the state of a constant input, with elements of x left out."""
    x = jnp.ones((1, 4, 50, 1))
    layer = ConvLSTM1D(1, 1, dropout=0.5, return_sequences=True, use_bias=False)
    params, _ = init(layer, x)
    gates = taps(layer, params, {}, x, jnp.sum, training=True, key=KEY)[0]["gates"]
    dropped = np.asarray(gates[0, 0] == 0).all(-1)
    assert 10 < dropped.sum() < 40
    y, _ = layer.apply(params, {}, x, Context(training=True, key=KEY))
    assert not np.asarray(y[0, :, dropped]).any()  # their h stays 0 at every step
    assert np.asarray(y[0][:, ~dropped]).all()


def test_dropout_needs_a_key_and_training():
    layer, x = ConvLSTM1D(1, 2, dropout=0.5, recurrent_dropout=0.5), jnp.ones((1, 3, 4, 1))
    params, _ = init(layer, x)
    plain, _ = layer.replace(dropout=None, recurrent_dropout=None).apply(params, {}, x, Context(training=True))
    close(layer.apply(params, {}, x, Context())[0], plain, relative=0)
    with pytest.raises(LiuliError, match="without a random key"):
        layer.apply(params, {}, x, Context(training=True))


def test_states_go_in_and_out():
    """The second half of a sequence, started from where the first half ended, ends where the whole does."""
    with jax.enable_x64(True):
        layer, params, x = made(return_state=True)
        layer = layer.replace(return_sequences=False)
        _, h, c = layer.apply(params, {}, x[:, :2], Context())[0]
        halves = layer.apply(params, {}, (x[:, 2:], h, c), Context(mask=(None, None, None)))[0]
        close(halves, layer.apply(params, {}, x, Context())[0], relative=1e-12)


def test_output_mask():
    mask = jnp.asarray(MASK)
    assert ConvLSTM1D(2, 3).output_mask(shape(3, 5, 6, 4), mask) is None
    assert ConvLSTM1D(2, 3, return_sequences=True).output_mask(shape(3, 5, 6, 4), mask) is mask


@pytest.mark.parametrize(
    ("layer", "axes"),
    [
        (ConvLSTM1D(2, 3), "batch, time, steps, channels"),
        (ConvLSTM2D(2, 3), "batch, time, height, width, channels"),
        (ConvLSTM3D(2, 3), "batch, time, depth, height, width, channels"),
    ],
)
def test_only_its_own_space(layer, axes):
    with pytest.raises(ShapeError, match=rf"expected \({axes}\)"):
        layer.init(KEY, shape(2, 8, 4))


def test_kernel_larger_than_the_image():
    with pytest.raises(ShapeError, match="images of 2 x 8"):
        ConvLSTM2D(2, 3).init(KEY, shape(1, 5, 2, 8, 3))
