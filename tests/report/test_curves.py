"""Learning curves: what is drawn is what was logged."""

import matplotlib.pyplot as plt
import pytest
from matplotlib.figure import Figure

import liuli as ll
from liuli.training import History
from liuli.training.curves import learning_curves

HISTORY = History(
    [{"loss": 0.9, "accuracy": 0.5, "val_loss": 1.0, "val_accuracy": 0.4}, {"loss": 0.3, "accuracy": 0.8}]
)


def axis():
    return Figure().subplots()


def test_lines_are_the_history():
    ax = axis()
    assert learning_curves(HISTORY, ax=ax) is ax
    drawn = {line.get_label(): line.get_xydata().tolist() for line in ax.lines}
    assert drawn == {
        "loss, training": [[1, 0.9], [2, 0.3]],
        "loss, validation": [[1, 1.0]],
        "accuracy (0 to 1), training": [[1, 0.5], [2, 0.8]],
        "accuracy (0 to 1), validation": [[1, 0.4]],
    }
    assert ax.get_xlabel() == "epoch"


def test_training_and_validation_are_told_apart_without_colour():
    training, validation = learning_curves(HISTORY, ["loss"], ax=axis()).lines
    assert training.get_linestyle() != validation.get_linestyle()
    assert training.get_markerfacecolor() != validation.get_markerfacecolor()


def test_one_quantity_names_the_axis():
    ax = learning_curves(HISTORY, ["val_accuracy"], ax=axis(), words={"accuracy": "准确率", "training": "训练"})
    assert ax.get_ylabel() == "准确率"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["训练", "validation"]


def test_history_plots_itself_on_a_new_axis():
    ax = HISTORY.plot(["loss"])
    assert len(ax.lines) == 2
    plt.close(ax.figure)


def test_an_empty_history_is_an_empty_axis():
    assert not learning_curves(History(), ax=axis()).lines


def test_unknown_quantities_are_named():
    with pytest.raises(ll.LiuliError, match=r"'los'.*'loss'"):
        learning_curves(HISTORY, ["los"], ax=axis())
