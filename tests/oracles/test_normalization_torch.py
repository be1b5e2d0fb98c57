"""Normalizations, learned activations, bilinear layers and bags against PyTorch: outputs and gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from liuli import layers
from liuli.layers import Context
from tests.numeric import close
from tests.oracles.test_layers_torch import (
    PRECISIONS,
    channels_first,
    channels_last,
    compare,
    normal,
    ours,
    random_params,
    theirs,
)

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.oracle

F = torch.nn.functional
precisions = pytest.mark.parametrize("name", PRECISIONS)
spaces = st.lists(st.integers(1, 3), max_size=2).map(lambda sizes: [5, *sizes])  # of two numbers no variance is sure
epsilons = st.sampled_from([1e-5, 1e-3, 0.1])


@precisions
@settings(max_examples=10)
@given(groups=st.integers(1, 3), each=st.integers(1, 3), space=spaces, epsilon=epsilons)
def test_group_normalization(name, groups, each, space, epsilon):
    def run(p, x):
        return channels_last(F.group_norm(channels_first(x), groups, p["gamma"], p["beta"], epsilon))

    with jax.enable_x64(name == "float64"):
        compare(layers.GroupNormalization(groups, epsilon), run, normal(2, *space, groups * each), name)


@precisions
@settings(max_examples=10)
@given(channels=st.integers(1, 4), space=spaces, epsilon=epsilons)
def test_instance_normalization(name, channels, space, epsilon):
    def run(p, x):
        y = F.instance_norm(channels_first(x), weight=p["gamma"], bias=p["beta"], eps=epsilon)
        return channels_last(y)

    with jax.enable_x64(name == "float64"):
        x = normal(2, *space, channels)
        compare(layers.InstanceNormalization(epsilon), run, x, name)


@precisions
@settings(max_examples=10)
@given(before=st.lists(st.integers(1, 3), max_size=2), last=spaces, epsilon=epsilons, rms=st.booleans())
def test_normalization_over_the_last_axes(name, before, last, epsilon, rms):
    axes, shape = tuple(range(-len(last), 0)), tuple(last)

    def run(p, x):
        if rms:
            return F.rms_norm(x, shape, p["scale"], epsilon)
        return F.layer_norm(x, shape, p["gamma"], p["beta"], epsilon)

    with jax.enable_x64(name == "float64"):
        layer = (layers.RMSNormalization if rms else layers.LayerNormalization)(axes, epsilon)
        compare(layer, run, normal(3, *before, *last), name)


@precisions
@settings(max_examples=10)
@given(features=st.integers(1, 5), units=st.integers(1, 4), time=st.lists(st.integers(1, 4), max_size=1))
def test_cosine_normalization(name, features, units, time):
    def run(p, x):
        return torch.tanh(F.cosine_similarity(x[..., None], p["kernel"].expand(*x.shape, units), dim=-2, eps=0))

    with jax.enable_x64(name == "float64"):
        compare(layers.CosineNormalization(units, "tanh"), run, normal(3, *time, features), name)


@precisions
def test_batch_normalization_of_the_steps_that_count(name):
    mask = np.arange(5) < np.array([5, 4, 3, 0])[:, None]

    def run(p, x):
        seen = x[torch.tensor(mask)]
        xhat = (x - seen.mean(0)) / (seen.var(0, correction=0) + 0.01).sqrt()
        return xhat * p["gamma"] + p["beta"]

    with jax.enable_x64(name == "float64"):
        layer = layers.BatchNormalization(epsilon=0.01)
        compare(layer, run, normal(4, 5, 3), name, training=True, mask=jnp.asarray(mask))


@precisions
@pytest.mark.parametrize("axis", [1, 2])
def test_unit_normalization(name, axis):
    with jax.enable_x64(name == "float64"):
        compare(layers.UnitNormalization(axis), lambda p, x: F.normalize(x, dim=axis), normal(3, 4, 5), name)


def compare_wrapped(layer, module, names, x, name, state, **ctx):
    """A wrapper around Dense or Conv2D against ``module``, in which our parameters are called ``names``."""
    params, _ = random_params(layer.layer, x)
    nested = {"layer": params} | ({"g": normal(3, seed=9)} if "g" in names else {})
    flat = params | {key: value for key, value in nested.items() if key == "g"}
    mine, after = ours(layer, nested, state, x, **ctx)
    mine["params"] = mine["params"]["layer"] | {key: v for key, v in mine["params"].items() if key == "g"}

    def run(p, x):
        moved = {"bias": p["bias"]}
        moved[names["kernel"]] = p["kernel"].movedim(-1, 0) if x.ndim == 2 else p["kernel"].permute(3, 2, 0, 1)
        if "g" in names:
            moved[names["g"]] = p["g"].reshape((-1,) + (1,) * (x.ndim - 1))
        y = torch.func.functional_call(module, moved, (x if x.ndim == 2 else channels_first(x),))
        return y if x.ndim == 2 else channels_last(y)

    close(mine, theirs(run, flat, x), relative=PRECISIONS[name], absolute=PRECISIONS[name] / 10)
    return after


def pair_of(dense, name):
    """A layer with three outputs and PyTorch's module of this kind, and an input for them."""
    dtype = getattr(torch, name)
    if dense:
        return layers.Dense(3), torch.nn.Linear(5, 3, dtype=dtype), normal(4, 5)
    return layers.Conv2D(3, 2), torch.nn.Conv2d(2, 3, 2, dtype=dtype), normal(2, 4, 5, 2)


@precisions
@pytest.mark.parametrize("dense", [True, False])
def test_weight_normalization(name, dense):
    with jax.enable_x64(name == "float64"):
        layer, module, x = pair_of(dense, name)
        module = torch.nn.utils.parametrizations.weight_norm(module)
        names = {"g": "parametrizations.weight.original0", "kernel": "parametrizations.weight.original1"}
        compare_wrapped(layers.WeightNormalization(layer), module, names, x, name, {})


@precisions
@pytest.mark.parametrize("dense", [True, False])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("iterations", [1, 3])
def test_spectral_normalization(name, dense, training, iterations):
    with jax.enable_x64(name == "float64"):
        layer, module, x = pair_of(dense, name)
        module = torch.nn.utils.parametrizations.spectral_norm(module, n_power_iterations=iterations).train(training)
        params, _ = random_params(layer, x)
        u = normal(3, seed=7)
        u = u / jnp.linalg.norm(u)
        weight = torch.tensor(np.asarray(params["kernel"]))
        weight = weight.T if dense else weight.permute(3, 2, 0, 1)
        held = module.parametrizations.weight[0]
        held._u.copy_(torch.tensor(np.asarray(u)))
        held._v.copy_(F.normalize(weight.flatten(1).T @ held._u, dim=0))
        names = {"kernel": "parametrizations.weight.original"}
        wrapped = layers.SpectralNormalization(layer, iterations)
        after = compare_wrapped(wrapped, module, names, x, name, {"u": u}, training=training)
        close(after["u"], held._u.numpy(), relative=PRECISIONS[name])


@precisions
@pytest.mark.parametrize("channels", [1, 4])
def test_prelu(name, channels):
    def run(p, x):
        return channels_last(F.prelu(channels_first(x), p["alpha"].flatten()))

    with jax.enable_x64(name == "float64"):
        shared = (1, 2) if channels > 1 else (1, 2, 3)
        compare(layers.PReLU(shared_axes=shared), run, normal(3, 5, 2, 4), name)


@precisions
@settings(max_examples=10)
@given(sizes=st.tuples(*[st.integers(1, 4)] * 3), time=st.lists(st.integers(1, 3), max_size=2), use_bias=st.booleans())
def test_bilinear(name, sizes, time, use_bias):
    first, second, units = sizes
    with jax.enable_x64(name == "float64"):
        joined = normal(3, *time, first + second)
        layer = layers.Bilinear(units, use_bias=use_bias)
        params, _ = random_params(layer, (joined[..., :first], joined[..., first:]))

        class Joined:
            """The layer, of its two inputs as one array."""

            def apply(self, params, state, x, ctx):
                return layer.apply(params, state, (x[..., :first], x[..., first:]), ctx)

        def run(p, x):
            return F.bilinear(x[..., :first], x[..., first:], p["kernel"].permute(2, 0, 1), p.get("bias"))

        mine, _ = ours(Joined(), params, {}, joined)
        close(mine, theirs(run, params, joined), relative=PRECISIONS[name], absolute=PRECISIONS[name] / 10)


@precisions
@pytest.mark.parametrize(
    ("equation", "output_shape", "bias_axes", "x"),
    [
        ("abc,cde->abde", (None, 7, 2), "de", (2, 3, 5)),
        ("abcd,cde->abe", (None, 7), None, (2, 3, 5, 4)),
        ("abc,bd->acd", (5, 7), "d", (2, 3, 5)),
        ("...x,xy->...y", 7, "y", (2, 3, 5)),
        ("ab...,bc->ac...", 7, "c", (2, 5, 3)),
    ],
)
def test_einsum_dense(name, equation, output_shape, bias_axes, x):
    def run(p, x):
        return torch.tanh(torch.einsum(equation, x, p["kernel"]) + p.get("bias", 0.0))

    with jax.enable_x64(name == "float64"):
        compare(layers.EinsumDense(equation, output_shape, "tanh", bias_axes), run, normal(*x), name)


@precisions
@pytest.mark.parametrize("mode", ["mean", "sum"])
@pytest.mark.parametrize("mask_zero", [True, False])
def test_embedding_bag(name, mode, mask_zero):
    x = jnp.asarray(np.random.default_rng(3).integers(0, 3, size=(20, 3)), jnp.int32)  # some bags of zeros alone

    def run(p, x):
        return F.embedding_bag(x, p["embeddings"], mode=mode, padding_idx=0 if mask_zero else None)

    with jax.enable_x64(name == "float64"):
        layer = layers.EmbeddingBag(6, 3, mode, mask_zero=mask_zero)
        params, _ = random_params(layer, x)
        mine, want = ours(layer, params, {}, x), theirs(run, params, x)
        close(mine[0], want, relative=PRECISIONS[name], absolute=PRECISIONS[name] / 10)


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_alpha_dropout_is_distributed_alike(rate):
    x = normal(200, 200)
    ctx = Context(training=True, key=jax.random.key(0))
    mine = np.asarray(layers.AlphaDropout(rate).apply({}, {}, x, ctx)[0]).ravel()
    torch.manual_seed(0)
    other = F.alpha_dropout(torch.tensor(np.asarray(x)), rate, training=True).numpy().ravel()
    dropped = stats.mode(other).mode
    np.testing.assert_allclose(stats.mode(mine).mode, dropped, rtol=1e-5)
    counts = [np.isclose(values, dropped, rtol=1e-5).sum() for values in (mine, other)]
    assert stats.chi2_contingency([counts, [mine.size - count for count in counts]]).pvalue > 1e-3
    assert stats.ks_2samp(*(v[~np.isclose(v, dropped, rtol=1e-5)] for v in (mine, other))).pvalue > 1e-3


@precisions
@pytest.mark.parametrize(
    ("layer", "run"),
    [
        (layers.LeakyReLU(0.2), lambda p, x: F.leaky_relu(x, 0.2)),
        (layers.ELU(0.7), lambda p, x: F.elu(x, 0.7)),
        (layers.ReLU(max_value=6.0), lambda p, x: F.relu6(x)),
        (layers.Softmax(1), lambda p, x: F.softmax(x, 1)),
        (layers.Maxout(2, 3), lambda p, x: (x @ p["kernel"] + p["bias"]).unflatten(-1, (2, 3)).amax(-1)),
    ],
)
def test_activations(name, layer, run):
    with jax.enable_x64(name == "float64"):
        compare(layer, run, 4.0 * normal(3, 5, 4), name)
