"""Rules of layers without time: each line, computed in NumPy, is the number that automatic differentiation gave."""

import numpy as np
import pytest

import liuli as ll
from liuli import layers
from liuli.core.trees import paths
from liuli.inspect import derive
from liuli.inspect.derivation import general
from liuli.inspect.derivation.functions import FUNCTIONS
from liuli.inspect.derivation.notation import unicode
from liuli.layers import core

RNG = np.random.default_rng(0)
VECTORS, PLANES, SPACE = RNG.normal(size=(3, 4)), RNG.normal(size=(3, 3, 4)), RNG.normal(size=(3, 2, 3, 4))
IDS = np.array([[1, 2, 0, 0], [3, 5, 4, 0], [0, 0, 0, 0]])
x, plane, space, ids = (ll.Input(a.shape[1:]) for a in (VECTORS, PLANES, SPACE, IDS))
ids = ll.Input((4,), dtype="int32")
DRAWN = "random_normal"


@pytest.fixture(autouse=True)
def by_rules_alone(monkeypatch):
    """No line is computed by the layer itself."""

    def refused(call):
        raise AssertionError(f"no rule for {call.layer!r}")

    monkeypatch.setattr(general, "_pulled", refused)


def checked(net, xs, training=True, unused=(), **kwargs):
    """The derivation, each line of which is right, and which leaves out no tap and no parameter."""
    found = derive(ll.Model(net, "mse", **kwargs), xs, np.ones((len(IDS), 2)), training=training)
    largest = max(np.abs(line.value).max() for line in found.lines if line.section == "backward")
    for line in found.lines:
        scale = max(np.abs(line.value).max(), 1e-3 * largest)
        computed = line.compute()
        assert computed.shape == line.value.shape, line.path
        np.testing.assert_allclose(computed, line.value, rtol=0, atol=1e-5 * scale, err_msg=line.path)
    assert len({line.symbol for line in found.lines}) == len(found.lines), "two lines have one symbol"
    seen = {path: tap for path, tap in found.trace.items() if "part_" not in path and path not in unused}
    sides = {side: {line.path for line in found.lines if line.section == side} for side in ("forward", "backward")}
    assert sides["forward"] == {path for path in seen if not path.startswith("input_")}
    flowing = {path for path, tap in seen.items() if tap.gradient is not None}
    assert sides["backward"] == flowing | set(paths(found.trace.params))
    for line in found.lines:
        text = line.symbol + line.expression.latex + line.expression.where
        assert text.count("{") == text.count("}") and text.count("(") == text.count(")"), text
    return "\n".join(unicode(f"{line.symbol} = {line.expression.latex}") for line in found.lines)


def joined(inputs, rows):
    """A network that makes two numbers of all ``rows``."""
    flat = [layers.Flatten()(row) for row in rows]
    return ll.Graph(inputs, layers.Dense(2, kernel_regularizer="l2")(layers.Concatenate()(flat)))


def steps(value):
    """The mean over time, which takes a mask."""
    return layers.GlobalAveragePooling1D()(value)


def test_merging():
    """Ties share the gradient; a vector of zeros has no direction, and no gradient through it."""
    y = ll.Input((4,))
    other = RNG.normal(size=(3, 4))
    other[0, 1], other[1] = VECTORS[0, 1], 0.0
    rows = [
        layers.Maximum()([x, y, layers.Subtract()([x, y])]), layers.Minimum()([x, y]), layers.Multiply()([x, y, x]),
        layers.Average()([x, y]), layers.Dot(-1)([x, y]), layers.Dot(1, normalize=True)([x, y]),
        layers.Dot((1, 2))([plane, layers.Permute((2, 1))(plane)]), layers.Dot((3, 2), normalize=True)([space, plane]),
        layers.CosineNormalization(3, "tanh")(y), layers.UnitNormalization()(y),
        layers.UnitNormalization((1, 2))(plane),
    ]  # fmt: skip
    text = checked(joined([x, y, plane, space], rows), (VECTORS, other, PLANES, SPACE))
    assert "∂L/∂a₁ = [a₁ = a₂] ⊙ ∂L/∂a₂" in text


def test_dense():
    bias = {"bias_initializer": DRAWN}
    rows = [
        layers.Bilinear(3, "tanh", **bias)([x, x]), layers.Bilinear(2, use_bias=False)([plane, plane]),
        layers.TernaryDense(3, "relu", **bias)(x), layers.TernaryDense(3, threshold=0.1, use_bias=False)(plane),
        layers.Maxout(2, 3, **bias)(x), layers.Maxout(2, use_bias=False)(plane),
        layers.EinsumDense("abc,cde->abde", (None, 2, 3), "tanh", bias_axes="de", **bias)(plane),
        layers.EinsumDense("...x,xy->...y", (3,), bias_axes="y")(space),
        layers.EinsumDense("abc,bd->ad", (3,))(plane),
        layers.EinsumDense("abcd,dce->abe", (None, 2), bias_axes="b", **bias)(space),
    ]  # fmt: skip
    text = checked(joined([x, plane, space], rows), (VECTORS, PLANES, SPACE))
    assert "∂L/∂W₉ = x₁ᵀ ∂L/∂z₉" in text
    assert "z₁₃ = Σ_c (x₂)_(abc) (W₁₃)_(cde) + b₁₃" in text


def test_activations_with_fields_of_their_own():
    masked = layers.Masking()(plane)
    zeros = PLANES.copy()
    zeros[0, 1] = zeros[1, 2] = 0.0
    rows = [
        layers.ELU(0.5)(x), layers.LeakyReLU(0.1)(x), layers.ReLU()(x), layers.ReLU(0.5, 0.1, 0.1)(x),
        layers.Softmax()(x), steps(layers.Softmax((1, 2))(masked)), layers.Softmax(1)(space),
        layers.PReLU(DRAWN)(x), layers.PReLU(DRAWN, shared_axes=(1,))(plane),
        layers.ActivityRegularization(0.1, 0.2)(layers.Identity()(x)),
    ]  # fmt: skip
    text = checked(joined([x, plane, space], rows), (VECTORS, zeros, SPACE))
    assert "∂L/∂α₁₇ = Σ ∂L/∂a₁₇ ⊙ min(0, z₁₇)" in text


def test_named_functions():
    assert FUNCTIONS.keys() == core._FUNCTIONS
    between, positive = layers.Activation("tanh")(x), layers.Activation("softplus")(x)
    above = layers.Rescaling(1.0, offset=1.0)(positive)
    entering = {"arccosh": above} | dict.fromkeys(("log", "log10", "log1p", "log2", "sqrt"), positive)
    checked(joined([x], [layers.Lambda(f)(entering.get(f, between)) for f in FUNCTIONS]), VECTORS)


def test_tables():
    embedding = layers.ReversibleEmbedding(6, 3, logit_soft_cap=2.0, mask_zero=True)
    untied = layers.ReversibleEmbedding(6, 3, tie_weights=False)
    rows = [
        layers.EmbeddingBag(6, 2)(ids), layers.EmbeddingBag(6, 2, "sum", mask_zero=True)(ids),
        layers.EmbeddingBag(6, 2, mask_zero=True)(ids), layers.EmbeddingBag(6, 2)(layers.Identity()(ids)),
        steps(embedding(embedding(ids))), untied(untied(ids)),
    ]  # fmt: skip
    text = checked(joined([ids], rows), IDS)
    assert "∂L/∂E₁₀ = ∂L/∂z₁₁ᵀ a₁₀ + Σ_(x = j) ∂L/∂a₁₀" in text


def test_normalizations():
    """Along any axes, and over the steps that a mask counts."""
    zeros, masked, drawn = PLANES.copy(), layers.Masking()(plane), {"gamma_initializer": DRAWN}
    zeros[0, 1] = zeros[1, 2] = 0.0
    rows = [
        steps(layers.LayerNormalization((1, 2), **drawn)(masked)),
        layers.LayerNormalization((1, 3), scale=False)(space),
        steps(layers.RMSNormalization((1, 2))(masked)), layers.RMSNormalization(2)(space),
        steps(layers.GroupNormalization(2, **drawn)(masked)), layers.GroupNormalization(-1)(x),
        steps(layers.InstanceNormalization(**drawn)(masked)), steps(layers.BatchNormalization(**drawn)(masked)),
        layers.BatchNormalization(2)(space), layers.BatchNormalization(trainable=False)(x),
    ]  # fmt: skip
    text = checked(joined([x, plane, space], rows), (VECTORS, zeros, SPACE))
    assert "∂L/∂γ₂ = Σ ∂L/∂a₂ ⊙ x̂₂" in text


def test_kept_statistics():
    net = ll.Sequential([layers.BatchNormalization(1), layers.Flatten(), layers.Dense(2)])
    assert "∂L/∂x = (∂L/∂x̂₁)/√(ν₁ + ε)" in checked(net, PLANES, training=False)


def test_normalized_weights():
    """Around layers of several kinds, whose regularizers see w (weight normalization) or W (spectral)."""
    both = {"kernel_regularizer": "l2", "bias_regularizer": "l1", "bias_initializer": DRAWN}
    rows = [
        layers.WeightNormalization(layers.Dense(3, "tanh", **both))(x),
        layers.WeightNormalization(layers.Conv2D(2, 2, activation="relu"))(space),
        layers.WeightNormalization(layers.Embedding(6, 3), data_init=False)(ids),
        layers.SpectralNormalization(layers.Dense(3, "tanh", **both))(x),
        layers.SpectralNormalization(layers.Conv1D(2, 2))(plane),
        layers.SpectralNormalization(layers.LSTM(2, dropout=0.2), power_iterations=2)(plane),
    ]
    text = checked(joined([x, plane, space, ids], rows), (VECTORS, PLANES, SPACE, IDS))
    assert "w₁ = g₁ ⊙ W₁/|W₁|" in text
    assert "∂L/∂w₁ = x₁ᵀ ∂L/∂z₁" in text


@pytest.mark.parametrize("training", [False, True])
def test_random_layers(training):
    drop = [
        layers.Dropout(0.3, noise_shape=(None, 1, None, None)), layers.GaussianDropout(0.2), layers.GaussianNoise(0.1),
        layers.AlphaDropout(0.2, noise_shape=(None, None, None, 1)), layers.SpatialDropout2D(0.4), layers.Flatten(),
    ]  # fmt: skip
    text = checked(ll.Sequential([*drop, layers.Dense(2)]), SPACE, training)
    assert ("a₃ = a₂ + 0.1 e₃\n" if training else "a₃ = a₂\n") in text


def test_a_layer_that_is_used_twice_counts_its_penalty_once():
    shared = layers.WeightNormalization(layers.Dense(4, kernel_regularizer="l2"), data_init=False)
    attention = layers.MultiHeadAttention(2, 2, kernel_regularizer="l1")
    rows = [shared(shared(x)), attention(attention(plane))]
    checked(joined([x, plane], rows), (VECTORS, PLANES))
