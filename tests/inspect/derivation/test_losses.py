"""Every loss with its options: value, dL/da and dL/dz are equal to the trace; several outputs in one network."""

import dataclasses

import numpy as np
import pytest

import liuli as ll
from liuli import layers, losses
from tests.inspect.derivation.checking import checked

RNG = np.random.default_rng(0)
X, T, POSITIVE = RNG.normal(size=(6, 4)), RNG.normal(size=(6, 3)), RNG.uniform(0.1, 3.0, size=(6, 3))
LABELS, YES = RNG.integers(0, 3, size=6), (np.arange(18).reshape(6, 3) % 3 == 1).astype(float)
ALIKE, CLASSES, MIXED = np.array([0, 1, 0, 1, 0, 2]), np.eye(3)[LABELS], RNG.dirichlet(np.ones(3), size=6)

VALUES = [
    (losses.SmoothL1(0.5), 3, None, 3 * T), (losses.SmoothL1(0.0), 3, None, T), (losses.Quantile(0.3), 3, None, T),
    (losses.LogCosh(), 3, None, T), (losses.MeanAbsolutePercentageError(), 3, None, T),
    (losses.MeanSquaredLogarithmicError(), 3, "softplus", POSITIVE), (losses.Huber(0.5), 3, None, 3 * T),
    (losses.MeanSquaredLogarithmicError(), 3, None, POSITIVE), (losses.Poisson(), 3, "softplus", POSITIVE),
    (losses.Poisson(log_input=True, full=True), 3, None, np.round(POSITIVE)), (losses.Hinge(), 3, "tanh", YES),
    (losses.GaussianNegativeLogLikelihood(), 6, None, T), (losses.GaussianNegativeLogLikelihood(0.5), 3, None, T),
    (losses.LaplaceNegativeLogLikelihood(), 6, None, T), (losses.LaplaceNegativeLogLikelihood(2.0), 3, None, T),
    (losses.MarginRanking(1.0), 2, None, YES[:, 0]), (losses.SquaredHinge(), 3, None, 2 * YES - 1),
    (losses.SoftMargin(), 3, None, YES), (losses.HingeEmbedding(), 3, None, 2 * YES - 1),
]  # fmt: skip
OF_CLASSES = [
    (losses.NegativeLogLikelihood(), 3, "log_softmax", LABELS), (losses.CategoricalHinge(), 3, None, LABELS),
    (losses.MultiMargin(), 3, None, LABELS), (losses.MultiMargin(2, 0.5), 3, None, CLASSES),
    (losses.KLDivergence(), 3, "softmax", MIXED), (losses.KLDivergence(from_logits=True), 3, None, MIXED),
    (losses.CategoricalGeneralizedCrossEntropy(), 3, "softmax", LABELS),
    (losses.CategoricalGeneralizedCrossEntropy(0.7, from_logits=True), 3, None, MIXED),
    (losses.BinaryFocalCrossentropy(), 3, "sigmoid", YES),
    (losses.BinaryFocalCrossentropy(apply_class_balancing=True, label_smoothing=0.1, gamma=1.5), 3, "sigmoid", YES),
    (losses.BinaryFocalCrossentropy(from_logits=True, gamma=0.0), 3, None, YES),
    (losses.CategoricalFocalCrossentropy(), 3, "softmax", LABELS),
    (losses.CategoricalFocalCrossentropy(label_smoothing=0.1, alpha=0.7), 3, "softmax", MIXED),
    (losses.CategoricalFocalCrossentropy(from_logits=True), 3, None, LABELS),
    (losses.SparseCategoricalCrossentropy(ignore_class=1), 3, "softmax", LABELS),
]  # fmt: skip
OF_GROUPS = [
    (losses.Dice(), 3, "sigmoid", YES), (losses.Tversky(0.3, 0.6), 3, "sigmoid", YES),
    (losses.CosineSimilarity(), 3, None, T), (losses.Contrastive(), 3, None, ALIKE),
    (losses.TripletMargin(), 3, None, ALIKE), (losses.TripletMargin(mining="all"), 3, None, ALIKE),
    (losses.TripletMargin(0.5, mining="hard", squared=True), 3, None, ALIKE), (losses.InfoNCE(), 3, None, ALIKE),
    (losses.Circle(gamma=5.0, remove_diagonal=False), 3, None, ALIKE), (losses.Circle(gamma=8.0), 3, None, ALIKE),
]  # fmt: skip


def heads(x, h, cases, reduction="mean"):
    """A network with an output for each case, its losses and its targets."""
    outputs = [layers.Dense(units, last or "linear")(h) for _, units, last, _ in cases]
    chosen = [dataclasses.replace(loss, reduction=reduction) for loss, *_ in cases]
    return ll.Graph(x, outputs), chosen, tuple(y for *_, y in cases)


@pytest.mark.parametrize("cases", [VALUES, OF_CLASSES, OF_GROUPS], ids=["values", "classes", "groups"])
def test_every_loss_as_a_mean(cases):
    x = ll.Input((4,))
    net, loss, y = heads(x, x, cases)
    weights = [0.5 + 0.25 * i for i in range(len(cases))]
    checked(net, loss, X, y, precision="float64", loss_weights=weights)


def test_a_sum_over_the_samples():
    x = ll.Input((4,))
    net, loss, y = heads(x, x, [VALUES[0], OF_CLASSES[8], OF_GROUPS[0], OF_GROUPS[7]], "sum")
    checked(net, loss, X, y, precision="float64")


def test_masked_steps_count_nowhere():
    steps = np.ones((4, 5, 2))
    steps[::2, 3:] = 0
    x = ll.Input((5, 2))
    labels, yes, values = (
        RNG.integers(0, 3, (4, 5)),
        RNG.integers(0, 2, (4, 5, 3)).astype(float),
        RNG.normal(size=(4, 5, 3)),
    )
    cases = [
        (losses.MeanSquaredError(), 3, None, values), (losses.CosineSimilarity(), 3, None, values),
        (losses.SparseCategoricalCrossentropy(ignore_class=1), 3, "softmax", labels),
        (losses.CategoricalFocalCrossentropy(), 3, "softmax", labels), (losses.Dice(), 3, "sigmoid", yes),
        (losses.BinaryCrossentropy(), 3, "sigmoid", yes), (losses.GaussianNegativeLogLikelihood(), 6, None, values),
    ]  # fmt: skip
    net, loss, y = heads(x, layers.Masking()(x), cases)
    text = str(checked(net, loss, steps * RNG.normal(size=(4, 5, 2)), y, precision="float64"))
    assert "L = Σ m/(12 n) ⊙ (a₂ - t₁)²" in text and "where: n = max(1, Σⱼ mᵢⱼ)" in text


def test_alignments():
    """A blank between equal labels, targets of several lengths and none, steps that are masked."""
    y = np.array([[1, 2, 2], [3, 0, 0], [1, 2, 1], [0, 0, 0], [2, 3, -1]])
    net = ll.Sequential([layers.Masking(), layers.Dense(4)])
    steps = RNG.normal(size=(5, 4, 2))
    steps[1, 2:] = 0
    found = checked(net, losses.CTC(), steps, y, precision="float64")
    assert "m ⊙ (softmax(a₂) - q)" in str(found)


def test_an_impossible_alignment_has_no_gradient():
    net = ll.Sequential([layers.Masking(), layers.Dense(4)])
    steps = RNG.normal(size=(2, 3, 2))
    steps[0, 1:] = 0  # one step for two labels
    found = ll.inspect.derive(ll.Model(net, losses.CTC()), steps, np.array([[1, 2], [1, 2]]))
    assert np.isinf(found.trace.loss) and max(found.errors.values()) < 1e-5


def test_cross_entropies_end_in_the_difference():
    net = ll.Sequential([layers.Dense(3, "softmax")])
    text = str(checked(net, losses.CategoricalFocalCrossentropy(alpha=1.0), X, LABELS))
    assert "∂L/∂z₁ = a₁ ⊙ (∂L/∂a₁ - ⟨∂L/∂a₁, a₁⟩) = 1/6 (⟨t, h⟩ ⊙ a₁ - t ⊙ h)" in text
    net = ll.Sequential([layers.Dense(3, "sigmoid")])
    text = str(checked(net, losses.BinaryFocalCrossentropy(), X, YES))
    assert "∂L/∂z₁ = ∂L/∂a₁ ⊙ a₁ ⊙ (1 - a₁) = 1/18 m ⊙ (m + 2 (1 - m) ⊙ H) ⊙ (a₁ - t)" in text
