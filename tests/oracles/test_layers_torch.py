"""Layers against PyTorch: outputs, and the gradients of inputs and parameters, in float32 and in float64."""

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


@pytest.fixture(params=PRECISIONS)
def precision(request):
    with jax.enable_x64(request.param == "float64"):
        yield request.param


def ours(layer, params, state, x, **ctx):
    """Output, new state, and the gradients of sum(w y) in the parameters and, if it holds floats, in x."""

    @jax.jit
    def run(params, x):
        y, pull, after = jax.vjp(lambda p, x: layer.apply(p, state, x, Context(**ctx)), params, x, has_aux=True)
        dp, dx = pull(jnp.asarray(weights(y.shape), y.dtype))
        return {"y": y, "params": dp} | ({"x": dx} if jnp.issubdtype(x.dtype, jnp.inexact) else {}), after

    return run(params, x)


def theirs(run, params, x):
    """The same of ``run(params, x)``, on tensors."""
    tensors = {name: torch.tensor(np.asarray(p), requires_grad=True) for name, p in params.items()}
    x = torch.tensor(np.asarray(x))
    x.requires_grad = x.is_floating_point()
    y = run(tensors, x)
    (y * torch.tensor(weights(y.shape)).to(y.dtype)).sum().backward()
    gradients = {"params": {name: t.grad.numpy() for name, t in tensors.items()}}
    return {"y": y.detach().numpy()} | gradients | ({"x": x.grad.numpy()} if x.requires_grad else {})


def weights(shape):
    """The gradient that comes from above: the same on both sides."""
    return np.random.default_rng(1).normal(size=tuple(shape))


def normal(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), float)


def random_params(layer, x):
    """Parameters of the right shapes, none of them at its start; and the state."""
    params, state = jax.eval_shape(layer.init, jax.random.key(0), x)
    if jax.tree.leaves(state):
        state = jax.jit(lambda x: layer.init(jax.random.key(0), x)[1])(x)
    return {name: normal(*p.shape, seed=i + 2) for i, (name, p) in enumerate(sorted(params.items()))}, state


def compare(layer, run, x, precision, **ctx):
    """``layer`` against ``run``; the new state."""
    params, state = random_params(layer, x)
    mine, after = ours(layer, params, state, x, **ctx)
    close(mine, theirs(run, params, x), relative=PRECISIONS[precision], absolute=PRECISIONS[precision] / 10)
    return after


def channels_first(x):
    return x.movedim(-1, 1)


def channels_last(x):
    return x.movedim(1, -1)


def padded(x, window, strides, dilation, padding, value=0.0):
    """(batch, channels, height, width), padded as TensorFlow and Keras do for ``"same"``."""
    if padding == "valid":
        return x
    sides = []
    for size, k, s, d in reversed(list(zip(x.shape[2:], window, strides, dilation, strict=True))):
        total = max((-(-size // s) - 1) * s + (k - 1) * d + 1 - size, 0)
        sides += [total // 2, total - total // 2]
    return torch.nn.functional.pad(x, sides, value=value)


pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
paddings = st.sampled_from(["valid", "same"])
sizes = st.tuples(st.integers(5, 9), st.integers(5, 9))


@pytest.mark.parametrize("name", PRECISIONS)
@settings(max_examples=12)
@given(window=pairs, strides=st.none() | pairs, padding=paddings, size=sizes, ties=st.booleans())
def test_max_pooling(name, window, strides, padding, size, ties):
    layer, steps = layers.MaxPooling2D(window, strides, padding), strides or window

    def run(p, x):
        x = padded(channels_first(x), window, steps, (1, 1), padding, -np.inf)
        return channels_last(torch.nn.functional.max_pool2d(x, window, steps))

    with jax.enable_x64(name == "float64"):
        x = normal(2, *size, 3)
        compare(layer, run, jnp.round(x) if ties else x, name)


@pytest.mark.parametrize("name", PRECISIONS)
@settings(max_examples=12)
@given(window=pairs, strides=st.none() | pairs, padding=paddings, size=sizes)
def test_average_pooling(name, window, strides, padding, size):
    layer, steps = layers.AveragePooling2D(window, strides, padding), strides or window

    def run(p, x):
        def sums(x):
            return torch.nn.functional.avg_pool2d(padded(x, window, steps, (1, 1), padding), window, steps)

        x = channels_first(x)
        return channels_last(sums(x) / sums(torch.ones_like(x)))

    with jax.enable_x64(name == "float64"):
        compare(layer, run, normal(2, *size, 3), name)


def test_global_average_pooling(precision):
    compare(layers.GlobalAveragePooling2D(), lambda p, x: x.mean((1, 2)), normal(2, 4, 5, 3), precision)


@pytest.mark.parametrize("shape", [(8, 4), (4, 5, 3), (3, 4, 5, 2)])
def test_batch_normalization_in_training(precision, shape):
    layer = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
    x, features, count = normal(*shape) + 2.0, shape[-1], np.prod(shape[:-1])
    mean, variance = (torch.tensor(v, dtype=getattr(torch, precision)) for v in (np.zeros(features), np.ones(features)))

    def run(p, x):
        settings = {"training": True, "momentum": 0.1, "eps": 1e-5}
        y = torch.nn.functional.batch_norm(channels_first(x), mean, variance, p["gamma"], p["beta"], **settings)
        return channels_last(y)

    after = compare(layer, run, x, precision, training=True)
    unbiased = variance.numpy()  # PyTorch moves by n / (n - 1) times the variance of the batch
    biased = 0.9 + (unbiased - 0.9) * (count - 1) / count
    close(after, {"moving_mean": mean.numpy(), "moving_variance": biased}, relative=PRECISIONS[precision])


def test_batch_normalization_in_inference(precision):
    layer, x = layers.BatchNormalization(epsilon=1e-5), normal(6, 5, 3)
    params, _ = random_params(layer, x)
    state = {"moving_mean": normal(3, seed=8), "moving_variance": jnp.square(normal(3, seed=9)) + 0.1}
    mean, variance = (torch.tensor(np.asarray(v)) for v in state.values())

    def run(p, x):
        y = torch.nn.functional.batch_norm(channels_first(x), mean, variance, p["gamma"], p["beta"], eps=1e-5)
        return channels_last(y)

    mine, after = ours(layer, params, state, x)
    close(mine, theirs(run, params, x), relative=PRECISIONS[precision])
    close(after, state, relative=0)


def test_layer_normalization(precision):
    def run(p, x):
        return torch.nn.functional.layer_norm(x, (5,), p["gamma"], p["beta"], 1e-5)

    compare(layers.LayerNormalization(epsilon=1e-5), run, normal(6, 4, 5), precision)


def test_embedding(precision):
    x = jnp.asarray(np.random.default_rng(3).integers(0, 6, size=(4, 7)), jnp.int32)

    def run(p, x):
        return torch.nn.functional.embedding(x, p["embeddings"])

    compare(layers.Embedding(6, 3), run, x, precision)
