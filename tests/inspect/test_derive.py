"""Every line of a derivation is equal to the trace, which tests/oracles compares with PyTorch."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

import liuli as ll
from liuli import activations, layers, losses
from liuli.core.specs import members, spec
from liuli.inspect import derive
from liuli.inspect.derivation.activations import ACTIVATIONS
from liuli.inspect.derivation.losses import LOSSES
from liuli.inspect.derivation.rules import rules
from tests.contract.examples import LAYERS, example, inputs
from tests.inspect.derivation.checking import checked

RNG = np.random.default_rng(0)
X, T, LABELS = RNG.normal(size=(6, 4)), RNG.normal(size=(6, 3)), RNG.integers(0, 3, size=6)
YES = RNG.integers(0, 2, size=(6, 3)).astype(float)
IMAGES, SEQUENCES = RNG.normal(size=(6, 7, 6, 2)), RNG.normal(size=(6, 5, 2))
WIRING = ("layers.InputLayer", "layers.Part")
IN_NETWORKS = [name for name in LAYERS if name not in WIRING and not example(name).on_host]
IDS = np.array([[1, 2, 0, 0], [3, 5, 4, 0], [0, 0, 1, 0]] * 2)


def test_two_sigmoid_units_and_one():
    net = ll.Sequential([layers.Dense(2, "sigmoid"), layers.Dense(1, "sigmoid")])
    found = checked(net, "binary_crossentropy", X[:, :2], YES[:, :1])
    text = str(found)
    for line in (
        "z₁ = x W₁ + b₁", "a₁ = σ(z₁)", "L = -1/6 Σ (t ⊙ log a₂ + (1 - t) ⊙ log(1 - a₂))",
        "∂L/∂z₂ = ∂L/∂a₂ ⊙ a₂ ⊙ (1 - a₂) = 1/6 (a₂ - t)", "∂L/∂W₂ = a₁ᵀ ∂L/∂z₂", "∂L/∂b₂ = Σ ∂L/∂z₂",
        "∂L/∂a₁ = ∂L/∂z₂ W₂ᵀ", "∂L/∂z₁ = ∂L/∂a₁ ⊙ a₁ ⊙ (1 - a₁)", "∂L/∂W₁ = xᵀ ∂L/∂z₁", "∂L/∂x = ∂L/∂z₁ W₁ᵀ",
    ):  # fmt: skip
        assert line in text
    assert [line.section for line in found.lines] == ["forward"] * 4 + ["loss"] + ["backward"] * 9


def test_relu_and_softmax():
    net = ll.Sequential([layers.Dense(5, "relu"), layers.Dense(3, "softmax")])
    text = str(checked(net, "categorical_crossentropy", X, LABELS))
    assert "∂L/∂z₂ = a₂ ⊙ (∂L/∂a₂ - ⟨∂L/∂a₂, a₂⟩) = 1/6 (a₂ - t)" in text
    assert "∂L/∂z₁ = ∂L/∂a₁ ⊙ [z₁ > 0]" in text


def test_a_residual_graph_adds_what_comes_back():
    x = ll.Input((4,))
    h = layers.Dense(4, "tanh")(x)
    net = ll.Graph(x, layers.Dense(3)(layers.Add()([h, layers.Dense(4)(h), x])))
    text = str(checked(net, "mse", X, T))
    assert "∂L/∂a₁ = ∂L/∂a₃ + ∂L/∂z₂ W₂ᵀ" in text
    assert "∂L/∂x = ∂L/∂a₃ + ∂L/∂z₁ W₁ᵀ" in text


def test_a_shared_layer_gathers_from_both_uses():
    a, b = ll.Input((4,)), ll.Input((4,))
    shared = layers.Dense(3, "tanh", kernel_regularizer=ll.regularizers.L1L2(0.1, 0.2))
    h, k = shared(a), shared(b)
    net = ll.Graph([a, b], [layers.Dense(3, "softmax")(layers.Concatenate()([h, k])), layers.Dense(3, "sigmoid")(h)])
    pair = ["categorical_crossentropy", "binary_crossentropy"]
    text = str(checked(net, pair, (X, -X), (LABELS, YES), loss_weights=[0.5, 2.0]))
    assert "∂L/∂W₁ = x₂ᵀ ∂L/∂z₂ + x₁ᵀ ∂L/∂z₁ + 0.1 sign(W₁) + 2 · 0.2 W₁" in text


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(
    "stack",
    [
        [layers.Conv2D(4, (3, 2), (2, 1), "same", groups=2, activation="gelu"), layers.BatchNormalization(),
         layers.MaxPooling2D(2, 1, "same"), layers.AveragePooling2D(2, (1, 2), "same"), layers.Flatten()],
        [layers.Conv2D(4, 2, 3), layers.GlobalAveragePooling2D(keepdims=True), layers.Reshape((2, 2)),
         layers.LSTM(3, return_sequences=True, go_backwards=True), layers.LayerNormalization(), layers.LSTM(2)],
        [layers.Conv2D(4, 2, dilation_rate=2), layers.MaxPooling2D(), layers.GlobalAveragePooling2D()],
        [layers.Normalization(), layers.Normalization(invert=True), layers.Rescaling(0.5, offset=0.1),
         layers.Activation("silu"), layers.Dropout(0.3), layers.Flatten(), layers.BatchNormalization(scale=False)],
    ],
)  # fmt: skip
def test_every_kind_of_layer(stack, training):
    checked(ll.Sequential([*stack, layers.Dense(3, "softmax")]), "categorical_crossentropy", IMAGES, LABELS, training)


def test_masked_steps():
    recurrent = layers.LSTM(2, return_sequences=True, recurrent_regularizer="l2", bias_initializer="ones")
    net = ll.Sequential([layers.Embedding(6, 3, mask_zero=True), recurrent, layers.LSTM(2), layers.Dense(3)])
    checked(net, "mse", IDS, T)


def test_recurrent_layers_without_a_rule():
    stack = [layers.LSTM(3, recurrent_dropout=0.3, return_sequences=True), layers.LSTM(2, num_steps=2)]
    net = ll.Sequential([layers.Bidirectional(layers.GRU(2, return_sequences=True)), *stack])
    checked(net, "mse", SEQUENCES, X[:, :2], training=True)


def test_graphs_within_graphs_are_unfolded():
    inner = ll.Sequential([layers.Dense(4), layers.Dropout(0.5), ll.Sequential([layers.Dense(3, "softmax")])])
    found = derive(
        ll.Model(ll.Sequential([layers.Dense(4, "elu"), inner]), "categorical_crossentropy"), X, LABELS, True
    )
    assert max(found.errors.values()) < 1e-5
    assert "graph_1/graph_1/dense_1 = Dense(3, activation=Softmax())" in str(found)
    assert {"dense_1/kernel", "graph_1/dense_1/kernel", "graph_1/graph_1/dense_1/kernel"} <= {
        line.path for line in found.lines
    }


@pytest.mark.parametrize("first", [0, 1])
def test_every_activation(first):
    """Half of them in one network: within a layer, and on their own."""
    x, branches = ll.Input((4,)), []
    for name in sorted(members("activations"))[first::2]:
        f = activations.GELU(approximate=True) if name == "GELU" else members("activations")[name]()
        branches.append(layers.Activation(f)(layers.Dense(4)(layers.Dense(4, f)(x))))
    checked(ll.Graph(x, layers.Dense(3)(layers.Concatenate()(branches))), "mse", X, T)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize(
    ("loss", "last", "y"),
    [
        (losses.CategoricalCrossentropy(label_smoothing=0.1), "softmax", LABELS),
        (losses.CategoricalCrossentropy(label_smoothing=0.1), "softmax", np.eye(3)[LABELS]),
        (losses.CategoricalCrossentropy(from_logits=True), "linear", LABELS),
        (losses.SparseCategoricalCrossentropy(), "softmax", LABELS),
        (losses.BinaryCrossentropy(label_smoothing=0.1), "sigmoid", YES),
        (losses.BinaryCrossentropy(from_logits=True), "linear", YES),
        (losses.MeanSquaredError(factor=0.5), "linear", T),
        (losses.MeanSquaredError(), "softmax", T),
        (losses.MeanAbsoluteError(), "tanh", T),
        (losses.Huber(0.5), "linear", 3 * T),
    ],
)
def test_every_loss(loss, last, y, reduction):
    net = ll.Sequential([layers.Dense(3, last)])
    checked(net, dataclasses.replace(loss, reduction=reduction), X, y)


def test_a_class_for_each_time_step():
    net = ll.Sequential([layers.LSTM(4, return_sequences=True), layers.Dense(3, "softmax")])
    checked(net, "sparse_categorical_crossentropy", SEQUENCES, RNG.integers(0, 3, size=(6, 5)))


def test_probabilities_that_are_used_elsewhere_stay_in_the_network():
    x = ll.Input((4,))
    p = layers.Dense(3, "softmax")(x)
    net = ll.Graph(x, [p, layers.Dense(3)(p)])
    text = str(checked(net, ["categorical_crossentropy", "mse"], X, (LABELS, T)))
    assert "∂L/∂z₁ = a₁ ⊙ (∂L/∂a₁ - ⟨∂L/∂a₁, a₁⟩)    (6, 3)" in text


@spec
class Swirl(layers.Layer):
    """y = sin(x) w: a layer that no rule knows, with a tap."""

    def init(self, key, x):
        return {"w": jnp.full((1, x.shape[-1]), 1.5)}, {}

    def apply(self, params, state, x, ctx):
        return ctx.tap("sine", jnp.sin(x)) * params["w"], state


@spec
class Cubed(losses.Loss):
    """l = sum |yhat - y|^3: a loss that no rule knows."""

    def per_sample(self, y_true, y_pred):
        return (jnp.abs(y_pred - y_true.astype(y_pred.dtype)) ** 3).sum(-1)


@spec
class Bent(activations.Activation):
    """f(z) = z + sin(z): an activation that no rule knows."""

    def __call__(self, z):
        return z + jnp.sin(z)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_what_no_rule_knows_has_a_general_line(precision):
    net = ll.Sequential([layers.Dense(3, Bent()), Swirl(), layers.Dense(3)])
    text = str(checked(net, Cubed(), X, T, precision=precision))
    assert "∂L/∂a₁ = (∂a₂/∂a₁)ᵀ ∂L/∂a₂" in text
    assert "a₂ = Swirl(a₁)" in text and "Cubed(t, a₃)" in text


@pytest.mark.parametrize("names", [IN_NETWORKS[i::14] for i in range(14)], ids=lambda names: names[0])
def test_every_layer_of_the_library_is_derived(names):
    """Several of them side by side in one network, each with inputs of its own."""
    xs, arrays, rows = [], [], []
    for name in names:
        given = inputs(name)
        own = [
            a[:2].astype("f4" if a.dtype.kind == "f" else "i4")
            for a in (given if isinstance(given, tuple) else (given,))
        ]
        taken = [ll.Input(a.shape[1:], str(a.dtype)) for a in own]
        made = example(name)(taken if len(taken) > 1 else taken[0])
        last = layers.GlobalAveragePooling1D if name == "layers.Masking" else layers.Flatten
        rows += [last()(value) for value in (made if isinstance(made, tuple) else (made,))]
        xs, arrays = [*xs, *taken], [*arrays, *own]
    net = ll.Graph(xs, layers.Dense(2)(layers.Concatenate()(rows)))
    checked(net, "mse", tuple(arrays), np.ones((2, 2)))


def test_there_is_a_rule_for_everything_in_the_library():
    """Nothing falls back to the general line but what users add."""
    wiring = {layers.InputLayer, layers.Part}
    assert {kind.__name__ for kind in set(members("layers").values()) - set(rules()) - wiring} == set()
    assert {kind.__name__ for kind in set(members("activations").values()) - set(ACTIVATIONS)} == set()
    assert {kind.__name__ for kind in set(members("losses").values()) - set(LOSSES)} == set()


def test_rules_are_of_what_the_library_has():
    assert set(ACTIVATIONS) <= set(members("activations").values())
    assert set(LOSSES) <= set(members("losses").values())
    assert set(rules()) <= set(members("layers").values())


def test_integers_have_no_gradient():
    x = np.array([[0, 1], [1, 1]])
    text = str(checked(ll.Sequential([layers.Flatten(), layers.Dense(3)]), "mse", x, np.ones((2, 3))))
    assert "∂L/∂x" not in text


def test_a_wrong_number_shows_in_the_errors():
    model = ll.Model(ll.Sequential([layers.Dense(3)]), "mse")
    found = derive(model, X, T)
    right = found.trace["dense_1/z"]
    found.trace.taps["dense_1/z"] = dataclasses.replace(right, gradient=1.01 * right.gradient)
    assert found.errors["∂L/∂W₁"] == pytest.approx(0.01, rel=1e-3)
    assert found.errors["z₁"] < 1e-6
    assert "∂L/∂W₁ = xᵀ ∂L/∂z₁    (4, 3)    ✗ 0.01" in str(found) and "✗ 0.01" in found.to_html()


def test_small_arrays_are_shown_whole_and_large_ones_summarized():
    model = ll.Model(ll.Sequential([layers.Dense(3)]), "mse")
    small, large = (str(derive(model, X[:n], T[:n])) for n in (2, 6))
    line, reading = "∂L/∂z₁ = ∂L/∂a₁", "        upstream gradient: ∂L/∂a₁, local derivative: ∂a₁/∂z₁ = 1"
    assert f"{line}    (2, 3)    ✓\n{reading}\n        [[" in small
    assert f"{line}    (6, 3)    ✓\n{reading}\n        mean " in large


def test_words_in_chinese():
    model = ll.Model(ll.Sequential([layers.Dense(3)]), "mse")
    text = str(derive(model, X, T, language="zh"))
    assert "前向传播" in text and "反向传播" in text and "Forward" not in text
    assert "∂L/∂W₁ = xᵀ ∂L/∂z₁" in text
    with pytest.raises(ll.LiuliError, match="language"):
        derive(model, X, T, language="xx")


def test_latex_is_balanced():
    stack = [layers.LSTM(2, return_sequences=True), layers.BatchNormalization(), layers.Flatten(), layers.Dense(1)]
    latex = derive(ll.Model(ll.Sequential(stack), "mse"), SEQUENCES, T[:, :1]).to_latex()
    assert latex.startswith(r"\begin{align*}") and latex.count("{") == latex.count("}")
    assert latex.count(r"\begin{") == latex.count(r"\end{") and latex.count(r"\left(") == latex.count(r"\right)")
    rows = [line for line in latex.splitlines() if not line.startswith((r"\intertext", r"\begin{a", r"\end{a"))]
    assert rows and all(row.endswith(r"\\") and row.replace(r"\begin{bmatrix}", "").count(" &= ") == 1 for row in rows)
