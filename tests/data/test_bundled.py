import numpy as np
import pytest

from liuli import data
from liuli.core.errors import DataError

REAL = {
    "breast_cancer": (569, 30, "binary"),
    "diabetes": (442, 10, "regression"),
    "digits": (1797, 64, "multiclass"),
    "iris": (150, 4, "multiclass"),
    "wine": (178, 13, "multiclass"),
}


@pytest.mark.parametrize("name", REAL)
def test_is_what_scikit_learn_has(name):
    datasets = pytest.importorskip("sklearn.datasets")
    found = data.load(name)
    raw = {"scaled": False} if name == "diabetes" else {}
    x, y = getattr(datasets, f"load_{name}")(return_X_y=True, **raw)
    assert (found.rows, found.x.shape[1], found.task) == REAL[name]
    assert found.x.dtype == np.float32
    np.testing.assert_array_equal(found.x, x.astype(np.float32))
    np.testing.assert_array_equal(found.y.reshape(-1), y)
    assert len(found.feature_names) == found.x.shape[1] and found.name == name
    assert len(found.class_names) == (len(np.unique(y)) if found.task != "regression" else 0)


def test_digits_are_images():
    digits = data.load("digits")
    assert digits.image_shape == (8, 8, 1)
    assert (digits.x.min(), digits.x.max()) == (0, 16)


def test_digits_are_the_same_with_and_without_their_package(monkeypatch):
    datasets = pytest.importorskip("sklearn.datasets")
    read = data.load("digits")
    monkeypatch.setattr("liuli.data.bundled.find_spec", lambda name: None)
    loaded, bunch = data.load("digits"), datasets.load_digits()
    np.testing.assert_array_equal(read.x, loaded.x)
    np.testing.assert_array_equal(read.y, loaded.y)
    assert list(read.feature_names) == list(loaded.feature_names) == bunch.feature_names


def test_toys_come_by_name():
    for name in set(data.built_in_names()) - set(REAL):
        np.testing.assert_array_equal(data.load(name).x, getattr(data, name)().x)
    assert len(data.built_in_names()) == len(REAL) + 7


def test_an_unknown_name_lists_the_near_ones():
    with pytest.raises(DataError, match=r"got 'digit'; .* write 'digits'"):
        data.load("digit")
