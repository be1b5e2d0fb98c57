import numpy as np
import pytest

from liuli.core.errors import DataError
from liuli.data.cells import clean, parse
from liuli.data.columns import find_kind, read_column


def place(row: int) -> str:
    return f"line {row + 2}"


def words(n: int) -> list[str]:
    return [f"w{i}" for i in range(n)]


@pytest.mark.parametrize(
    ("name", "cells", "kind"),
    [
        ("a", ["1", "2.5", "-3e2", ""], "number"),
        ("a", np.arange(5), "number"),
        ("a", ["0", "1", "0"], "number"),
        ("a", ["red", "green", "red"], "category"),
        ("a", ["1", "2", "x", "y"], "category"),
        ("a", ["2024-01-01", "2024-02-01 12:30", None], "date"),
        ("a", np.array(["2024-01-01", "2024-01-02"], "datetime64[ns]"), "date"),
        ("a", ["True", "false", "?"], "boolean"),
        ("a", [True, False, None], "boolean"),
        ("a", np.array([True, False]), "boolean"),
        ("a", ["y", "n", "y"], "boolean"),
        ("a", ["x", "x", "x"], "constant"),
        ("a", ["", "", ""], "constant"),
        ("a", ["x", "", "x"], "category"),
        ("id", ["1", "2", "3"], "identifier"),
        ("user_id", ["u1", "u2", "u3"], "identifier"),
        ("PassengerId", [5, 3, 9], "identifier"),
        ("unnamed_1", [0, 1, 2], "identifier"),
        ("paid", [1, 2, 3], "number"),
        ("id", ["1", "1", "3"], "number"),
        ("id", ["1.5", "2.5"], "number"),
        ("code", words(21), "identifier"),
        ("code", words(20), "category"),
        ("note", [f"it is {i}" for i in range(21)], "text"),
        ("note", [*words(21), "w0"], "text"),
        ("city", words(21) * 2, "category"),
    ],
)
def test_the_rule(name, cells, kind):
    assert find_kind(name, clean(cells), place) == kind


def test_a_number_column_with_a_word_is_a_mistake():
    cells = clean(["1", "2", "", "3", "12O", "5"])
    with pytest.raises(
        DataError,
        match=r"'age', line 6: got '12O'; expected a number, as in 4 of 5 cells.*kinds=\{\"age\": \"category\"\}",
    ):
        find_kind("age", cells, place)
    assert find_kind("age", clean(["1", "2", "3", "x", "y"]), place) == "category"  # three fifths only
    assert read_column("age", cells, "category", place).values.tolist() == ["1", "2", None, "3", "12O", "5"]


def test_a_date_column_with_a_word_is_a_mistake():
    with pytest.raises(DataError, match="'day', line 6: got 'later'; expected a date"):
        find_kind("day", clean([f"2024-01-0{i}" for i in range(1, 5)] + ["later"]), place)


def test_a_declared_kind_is_kept_to():
    with pytest.raises(DataError, match=r"'size', line 3: got 'big'.*kinds=\{\"size\": \"category\"\}"):
        read_column("size", clean(["1", "big"]), "number", place)


@pytest.mark.parametrize("kind", ["number", "boolean", "date", "category"])
def test_cells_read_back(kind):
    raw = {
        "number": ["1.5", None],
        "boolean": ["no", None],
        "date": ["2024-03-01 12:30", None],
        "category": ["a", None],
    }
    column = read_column("c", clean(raw[kind]), kind, place)
    np.testing.assert_array_equal(parse(column.cells(), kind, place), column.values)


def test_describes_itself():
    assert read_column("n", clean([3, 1, None]), None, place).describe() == {
        "name": "n", "kind": "number", "missing": 1, "distinct": 2, "content": "1 to 3",
    }  # fmt: skip
    assert (
        read_column("d", clean(["2024-03-01", "2024-01-01"]), None, place).describe()["content"]
        == "2024-01-01 to 2024-03-01"
    )
    assert read_column("c", clean(["b", "a", "b"]), None, place).describe()["content"] == "b (2), a (1)"
    assert read_column("e", clean(["", ""]), None, place).describe()["content"] == "nothing"
