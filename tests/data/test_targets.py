import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liuli.core.errors import DataError, ShapeError, SpecError
from liuli.core.specs import from_json, to_json
from liuli.data import ClassTarget, RegressionTarget


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=50))
def test_regression_targets_come_back(values):
    target = RegressionTarget.fit("y", np.array(values))
    encoded = target.encode(values)
    assert (encoded.dtype, encoded.shape) == (np.float32, (len(values), 1))
    spread = max(abs(np.array(values) - np.mean(values)).max(), 1.0)
    np.testing.assert_allclose(target.decode(encoded.astype(float))[:, 0], values, atol=1e-6 * spread)
    np.testing.assert_array_equal(target.decode(encoded), encoded * target.scale + target.offset)
    assert from_json(to_json(target)) == target


def test_regression_takes_columns_and_text():
    target = RegressionTarget("y", 1.0, 2.0)
    assert target.encode(np.array([[3.0], [5.0]])).tolist() == target.encode(["3", "5"]).tolist() == [[1.0], [2.0]]
    assert target.task == "regression"


@pytest.mark.parametrize("constant", [0.1, 1e9 + 0.1, 0.0, 1e-320])
def test_what_does_not_vary_is_not_divided(constant):
    assert RegressionTarget.fit("y", np.full(10, constant)).std == 1.0


def test_classes_have_numbers():
    two, three = ClassTarget("y", ("no", "yes")), ClassTarget("y", ("1", "2", "3"))
    assert (two.task, three.task) == ("binary", "multiclass")
    assert two.encode(["yes", "no"]).tolist() == [[1.0], [0.0]] and two.encode(["no"]).dtype == np.float32
    assert three.encode(np.array([3.0, 1.0])).tolist() == [2, 0] and three.encode([1]).dtype == np.int32
    assert ClassTarget("y", ("false", "true")).encode([True]).tolist() == [[1.0]]
    assert from_json(to_json(three)) == three


def test_probabilities_have_labels():
    two, three = ClassTarget("y", ("no", "yes")), ClassTarget("y", ("a", "b", "c"))
    assert two.labels(np.array([[0.4], [0.6]])).tolist() == two.labels(np.array([0.4, 0.6])).tolist() == ["no", "yes"]
    assert two.labels(np.array([[0.4, 0.6], [0.7, 0.3]])).tolist() == ["yes", "no"]
    assert three.labels(np.eye(3)[[2, 0]]).tolist() == ["c", "a"]


def test_what_does_not_fit_is_said():
    target = ClassTarget("kind", ("cat", "dog"))
    with pytest.raises(DataError, match=r"'kind', row 1: got the unknown class 'dg'.*write 'dog'"):
        target.encode(["cat", "dg"])
    with pytest.raises(DataError, match="'kind', row 1: got nothing"):
        target.encode(["cat", None])
    with pytest.raises(ShapeError, match=r"kind: got probabilities of shape \(2, 3\); expected \(rows, 1\)"):
        target.labels(np.zeros((2, 3)))
    with pytest.raises(SpecError, match="two classes or more"):
        ClassTarget("kind", ("cat",))
    price = RegressionTarget("price")
    with pytest.raises(DataError, match="'price', row 1: got 'cheap'"):
        price.encode(["1", "cheap"])
    with pytest.raises(DataError, match="'price', row 0: got no number"):
        price.encode([None, 1.0])
    with pytest.raises(DataError, match="price: got a regression target"):
        price.labels(np.zeros(3))
    with pytest.raises(DataError, match=r"'price': got numbers up to 1e\+300"):
        RegressionTarget.fit("price", np.array([1e300, -1e300]))
    with pytest.raises(SpecError, match="std: got 0"):
        RegressionTarget("price", 0.0, 0.0)
