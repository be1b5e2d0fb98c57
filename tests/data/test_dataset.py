import numpy as np
import pytest

from liuli.core.errors import DataError
from liuli.data import Dataset

X = np.arange(12.0).reshape(4, 3)


def test_targets_have_the_form_of_their_task():
    assert Dataset(X, [1, 2, 3, 4], "regression").y.tolist() == [[1.0], [2.0], [3.0], [4.0]]
    binary = Dataset(X, np.array([True, False, True, True]), "binary").y
    assert (binary.dtype, binary.tolist()) == (np.float32, [[1.0], [0.0], [1.0], [1.0]])
    multiclass = Dataset(X, np.array([[2], [0], [1], [0]], np.uint8), "multiclass").y
    assert (multiclass.dtype, multiclass.tolist()) == (np.int32, [2, 0, 1, 0])
    assert Dataset(X, np.zeros((4, 2)), "regression").y.shape == (4, 2)


def test_knows_its_size():
    data = Dataset(np.zeros((4, 5, 6, 1)), [0, 1, 2, 0], "multiclass", class_names=("a", "b", "c"), name="tiny")
    assert (len(data), data.rows, data.item_shape) == (4, 4, (5, 6, 1))
    assert repr(data) == "Dataset('tiny': 4 rows, x (5, 6, 1) float64, multiclass: 3 classes a, b, c)"


def test_takes_rows_in_the_given_order():
    data = Dataset(X, [0.0, 1.0, 2.0, 3.0], "regression", ("a", "b", "c"), name="tiny")
    taken = data.take([3, 1])
    assert taken.x.tolist() == X[[3, 1]].tolist() and taken.y.tolist() == [[3.0], [1.0]]
    assert (taken.feature_names, taken.name) == (("a", "b", "c"), "tiny")
    assert data.series("b").tolist() == [1.0, 4.0, 7.0, 10.0]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"y": [1, 0, 1]}, "y: got 3 targets for 4 rows"),
        ({"x": np.where(X == 7, np.nan, X)}, r"x\[2, 1\]: got nan; expected finite"),
        ({"y": [0, 1, np.inf, 0]}, r"y\[2\]: got inf"),
        ({"x": np.array([["a"]] * 4)}, "x: got <U1.*numbers"),
        ({"x": np.zeros((0, 3)), "y": np.zeros(0)}, "x: got no rows"),
        ({"y": [0, 1, 2, 1]}, "y: got 2.0; expected 0 or 1"),
        ({"y": np.zeros((4, 2))}, r"y: got an array of shape \(4, 2\)"),
        ({"task": "multiclass", "y": [0.0, 1.0, 2.0, 1.0]}, "whole numbers"),
        ({"task": "multiclass", "y": [0, 1, 3, 1], "class_names": "abc"}, "y: got 3; expected classes 0 to 2"),
        ({"task": "multiclass", "y": [0, -1, 2, 1]}, "y: got -1"),
        ({"task": "multiclas"}, "task: got 'multiclas'.*write 'multiclass'"),
        ({"feature_names": ("a", "b")}, r"2 names for rows of shape \(3,\)"),
        ({"image_shape": (2, 2, 1)}, r"image_shape: got \(2, 2, 1\)"),
    ],
)
def test_what_does_not_fit_is_said(fields, words):
    with pytest.raises(DataError, match=words):
        Dataset(**{"x": X, "y": [0, 1, 1, 0], "task": "binary", **fields})


def test_an_unknown_feature_is_said():
    with pytest.raises(DataError, match=r"no feature 'd'.*one value for each row"):
        Dataset(X, [0, 1, 1, 0], "binary").series("d")
