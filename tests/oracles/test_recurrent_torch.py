"""Recurrent layers against PyTorch: outputs, last states, and the gradients of inputs, given states and parameters."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liuli import layers
from liuli.layers import Context
from tests.numeric import close

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.oracle

PRECISIONS = {"float32": 1e-5, "float64": 1e-10}  # the largest error, as a share of the largest value
MODULES = {"LSTM": torch.nn.LSTM, "GRU": torch.nn.GRU, "SimpleRNN": torch.nn.RNN}
BATCH, TIME, FEATURES = 4, 6, 3


def normal(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), float)


def made(layer, xs):
    """Parameters of the right shapes, none of them at its start."""
    params, _ = jax.eval_shape(layer.init, jax.random.key(0), xs)
    leaves, form = jax.tree.flatten(params)
    return jax.tree.unflatten(form, [0.5 * normal(*p.shape, seed=i + 9) for i, p in enumerate(leaves)])


def ours(layer, params, xs, mask=None):
    """All outputs, and the gradients of a weighted sum of them in the parameters and inputs."""

    @jax.jit
    def run(params, xs):
        y, pull = jax.vjp(lambda p, xs: layer.apply(p, {}, xs, Context(mask=mask))[0], params, xs)
        dp, dx = pull(jax.tree.map(lambda v: normal(*v.shape, seed=1).astype(v.dtype), y))
        return {"y": y if isinstance(y, tuple) else (y,), "params": dp, "x": dx}

    return run(params, xs)


def theirs(run, params, xs):
    """The same of ``run(params, *xs)``, on tensors."""
    params, xs = jax.tree.map(lambda p: torch.tensor(np.asarray(p), requires_grad=True), (params, xs))
    y = run(params, *xs)
    total = sum((v * torch.tensor(np.asarray(normal(*v.shape, seed=1)), dtype=v.dtype)).sum() for v in y)
    total.backward()
    gradients = jax.tree.map(lambda t: t.grad.numpy(), {"params": params, "x": xs})
    return {"y": tuple(v.detach().numpy() for v in y)} | gradients


def in_order(kind, own):
    """Our parameters as PyTorch has them: z, r, g as r, z, g, and a bias for each of W and U."""

    def ordered(w):
        parts = list(torch.chunk(w, 3, -1)) if kind == "GRU" else [w]
        return torch.cat([parts[1], parts[0], parts[2]], -1) if kind == "GRU" else w

    kernel, recurrent = ordered(own["kernel"]).T, ordered(own["recurrent_kernel"]).T
    if "bias" not in own:
        return {"weight_ih": kernel, "weight_hh": recurrent}
    bias = ordered(own["bias"])
    bias = list(bias) if bias.ndim == 2 else [bias, torch.zeros_like(bias)]
    return {"weight_ih": kernel, "weight_hh": recurrent, "bias_ih": bias[0], "bias_hh": bias[1]}


def module(kind, units, own, x, states=None, lengths=None):
    """PyTorch's sequence of outputs (0 behind each length) and its last states, a list for each direction."""
    settings = {"batch_first": True, "bidirectional": len(own) == 2, "bias": "bias" in own[0], "dtype": x.dtype}
    net = MODULES[kind](x.shape[-1], units, **settings)
    weights = {
        f"{name}_l0{suffix}": w
        for each, suffix in zip(own, ["", "_reverse"], strict=False)
        for name, w in in_order(kind, each).items()
    }
    if states is not None:
        states = [torch.stack(each) for each in zip(*states, strict=True)]  # by name: (directions, batch, units)
        states = tuple(states) if kind == "LSTM" else states[0]
    if lengths is not None:
        x = torch.nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    y, last = torch.func.functional_call(net, weights, (x, states))
    if lengths is not None:
        y, _ = torch.nn.utils.rnn.pad_packed_sequence(y, batch_first=True, total_length=TIME)
    last = last if kind == "LSTM" else (last,)
    return y, [[each[i] for each in last] for i in range(len(own))]


drawn = given(
    name=st.sampled_from(sorted(PRECISIONS)),
    units=st.integers(1, 4),
    use_bias=st.booleans(),
    lengths=st.none() | st.lists(st.integers(1, TIME), min_size=BATCH, max_size=BATCH),
    initial=st.booleans(),
)


def inputs(kind, units, initial, directions=1):
    count = directions * (2 if kind == "LSTM" else 1) * initial
    return normal(BATCH, TIME, FEATURES), *(normal(BATCH, units, seed=i + 2) for i in range(count))


def mask_of(lengths):
    return None if lengths is None else jnp.arange(TIME)[None] < jnp.asarray(lengths)[:, None]


def agree(layer, run, xs, name, mask=None):
    """``layer`` against ``run``, on a sequence and the states given with it, if any."""
    params, precision = made(layer, xs), PRECISIONS[name]
    close(ours(layer, params, xs, mask), theirs(run, params, xs), relative=precision, absolute=precision / 10)


@pytest.mark.parametrize("kind", MODULES)
@settings(max_examples=10)
@drawn
def test_one_direction(kind, name, units, use_bias, lengths, initial):
    fields = {"return_sequences": True, "return_state": True, "zero_output_for_mask": True}
    layer = getattr(layers, kind)(units, use_bias=use_bias, **fields)

    def run(p, x, *states):
        y, last = module(kind, units, [p], x, [states] if states else None, lengths)
        return y, *last[0]

    with jax.enable_x64(name == "float64"):
        agree(layer, run, inputs(kind, units, initial), name, mask_of(lengths))


@pytest.mark.parametrize("kind", MODULES)
@settings(max_examples=10)
@drawn
def test_both_directions(kind, name, units, use_bias, lengths, initial):
    own = getattr(layers, kind)(units, use_bias=use_bias, return_sequences=True, return_state=True)

    def run(p, x, *states):
        half = len(states) // 2
        states = [states[:half], states[half:]] if states else None
        y, last = module(kind, units, [p["layer"], p["backward_layer"]], x, states, lengths)
        return y, *last[0], *last[1]

    with jax.enable_x64(name == "float64"):
        agree(layers.Bidirectional(own), run, inputs(kind, units, initial, 2), name, mask_of(lengths))


@pytest.mark.parametrize("kind", MODULES)
@settings(max_examples=5)
@given(name=st.sampled_from(sorted(PRECISIONS)), num_steps=st.integers(1, TIME + 1))
def test_truncated_back_propagation(kind, name, num_steps):
    layer = getattr(layers, kind)(3, num_steps=num_steps, return_sequences=True, return_state=True)

    def run(p, x, *states):
        outputs, last = [], [states]
        for i in range(0, TIME, num_steps):
            before = last if i == 0 else [[each.detach() for each in last[0]]]
            y, last = module(kind, 3, [p], x[:, i : i + num_steps], before)
            outputs.append(y)
        return torch.cat(outputs, 1), *last[0]

    with jax.enable_x64(name == "float64"):
        agree(layer, run, inputs(kind, 3, initial=True), name)


@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("go_backwards", [False, True])
@pytest.mark.parametrize("kind", MODULES)
def test_what_is_returned(kind, return_sequences, go_backwards):
    layer = getattr(layers, kind)(3, return_sequences=return_sequences, go_backwards=go_backwards)

    def run(p, x):
        y, _ = module(kind, 3, [p], x.flip(1) if go_backwards else x)
        return (y if return_sequences else y[:, -1],)

    with jax.enable_x64(True):
        agree(layer, run, inputs(kind, 3, initial=False), "float64")
