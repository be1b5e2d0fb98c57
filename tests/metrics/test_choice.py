"""What a metric means beside a loss."""

import pytest

from liuli import losses, metrics
from liuli.core.errors import SpecError
from liuli.core.specs import members, named

CATEGORICAL, SPARSE = losses.CategoricalCrossentropy(), losses.SparseCategoricalCrossentropy()
BINARY = losses.BinaryCrossentropy()
ON_LOGITS = BINARY.replace(from_logits=True)


@pytest.mark.parametrize(
    ("loss", "want"),
    [
        (CATEGORICAL, metrics.CategoricalAccuracy(name="accuracy")),
        (CATEGORICAL.replace(from_logits=True), metrics.CategoricalAccuracy(name="accuracy")),
        (SPARSE, metrics.CategoricalAccuracy(name="accuracy")),
        (losses.CategoricalHinge(), metrics.CategoricalAccuracy(name="accuracy")),
        (losses.MultiMargin(), metrics.CategoricalAccuracy(name="accuracy")),
        (losses.NegativeLogLikelihood(), metrics.CategoricalAccuracy(name="accuracy")),
        (BINARY, metrics.BinaryAccuracy(0.5, name="accuracy")),
        (ON_LOGITS, metrics.BinaryAccuracy(0.0, name="accuracy")),
        (losses.Hinge(), metrics.BinaryAccuracy(0.0, name="accuracy")),
        (losses.SoftMargin(), metrics.BinaryAccuracy(0.0, name="accuracy")),
        (losses.Dice(), metrics.BinaryAccuracy(0.5, name="accuracy")),
    ],
    ids=repr,
)
def test_what_accuracy_means(loss, want):
    for word in ("accuracy", "acc", "Accuracy"):
        found = metrics.resolve(named("metrics", word), loss)
        assert found == want
        assert found.label == "accuracy"
    assert metrics.resolve(metrics.Accuracy(name="hits"), loss).label == "hits"


def test_a_loss_of_values_has_no_accuracy():
    for cls in members("losses").values():
        if cls.question is None:
            with pytest.raises(SpecError) as raised:
                metrics.resolve(metrics.Accuracy(), cls())
            assert cls.__name__ in raised.value.got
            assert "mae" in raised.value.fix


def test_losses_that_make_decisions_say_so():
    asked = {name: cls.question for name, cls in members("losses").items() if cls.question}
    assert {name for name, question in asked.items() if question == "whether"} == {
        "BinaryCrossentropy", "BinaryFocalCrossentropy", "Dice", "Hinge", "SoftMargin", "SquaredHinge", "Tversky",
    }  # fmt: skip
    assert all(cls.question for cls in members("losses").values() if cls.matched and cls is not losses.CTC)


def test_other_metrics_stay_as_they_are():
    for metric in (metrics.CategoricalAccuracy(), metrics.MeanSquaredError(), metrics.BinaryAccuracy(0.3)):
        for loss in (BINARY, ON_LOGITS):
            assert metrics.resolve(metric, loss) == metric
    assert metrics.resolve(metrics.AUC(), BINARY) == metrics.AUC()
    assert metrics.resolve(metrics.Precision(), CATEGORICAL) == metrics.Precision()
    assert metrics.resolve(metrics.Precision(top_k=2), BINARY) == metrics.Precision(top_k=2)


@pytest.mark.parametrize(("loss", "boundary"), [(BINARY, 0.5), (ON_LOGITS, 0.0), (losses.Hinge(), 0.0)], ids=repr)
def test_beside_a_binary_loss_each_column_is_a_question(loss, boundary):
    for metric in (metrics.Recall(), metrics.CohenKappa(), metrics.BinaryIoU(), metrics.BinaryAccuracy()):
        assert metrics.resolve(metric, loss) == metric.replace(threshold=boundary)
    assert metrics.resolve(metrics.Recall(threshold=0.2), loss) == metrics.Recall(threshold=0.2)


@pytest.mark.parametrize("word", ["auc", "brier", "ece", "bce", "kld", "perplexity", "categorical_crossentropy"])
def test_beside_logits_probabilities_are_made(word):
    metric = named("metrics", word)
    for loss in (ON_LOGITS, CATEGORICAL.replace(from_logits=True), losses.NegativeLogLikelihood()):
        assert metrics.resolve(metric, loss) == metric.replace(from_logits=True)
    assert metrics.resolve(metric, BINARY) == metric
    assert metrics.resolve(metric, losses.MeanSquaredError()) == metric


def test_a_hinge_ranks_but_gives_no_probabilities():
    assert metrics.resolve(metrics.AUC(), losses.Hinge()) == metrics.AUC(from_logits=True)
    assert metrics.resolve(metrics.BrierScore(), losses.Hinge()) == metrics.BrierScore()


@pytest.mark.parametrize(
    ("word", "cls"),
    [
        ("sparse_categorical_accuracy", metrics.CategoricalAccuracy),
        ("sparse_categorical_crossentropy", metrics.CategoricalCrossentropy),
        ("sparse_top_k_categorical_accuracy", metrics.TopKCategoricalAccuracy),
        ("iou", metrics.IoU),
        ("one_hot_iou", metrics.IoU),
        ("one_hot_mean_iou", metrics.MeanIoU),
        ("mrr", metrics.MeanReciprocalRank),
        ("ndcg", metrics.NDCG),
        ("log_cosh", metrics.LogCoshError),
    ],
)
def test_names(word, cls):
    assert type(named("metrics", word)) is cls
