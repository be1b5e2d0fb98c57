import datetime
import decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liuli.core.errors import DataError
from liuli.data.cells import clean, columns_of, is_missing, iso, parse, read_boolean, read_date, read_number, text_of


def place(row: int) -> str:
    return f"line {row + 2}"


@pytest.mark.parametrize("marker", ["", "NA", "n/a", "NaN", "?", "null", "NULL", "  ", None, float("nan")])
def test_missing_markers(marker):
    assert clean(["a", marker]).tolist() == ["a", None]
    assert is_missing(clean(["a", marker])).tolist() == [False, True]


def test_missing_in_arrays():
    pandas = pytest.importorskip("pandas")
    assert is_missing(clean(np.array([1.0, np.nan]))).tolist() == [False, True]
    assert is_missing(clean(np.array(["2024-01-01", "NaT"], "datetime64[D]"))).tolist() == [False, True]
    for kind, value in {"Int64": 1, "string": "a", "boolean": True, "category": "b"}.items():
        assert is_missing(clean(pandas.Series([value, None], dtype=kind))).tolist() == [False, True]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_read_back(value):
    assert read_number(repr(value)) == value
    assert parse(clean([repr(value)]), "number", place)[0] == value


@pytest.mark.parametrize("cell", ["1_000", "abc", "1,5", "0x10", "2024-01-01", datetime.date(2024, 1, 1)])
def test_what_is_no_number(cell):
    assert np.isnan(read_number(cell))


def test_numbers_of_other_types():
    assert [read_number(c) for c in (3, decimal.Decimal("1.5"), np.float32(0.5), True)] == [3.0, 1.5, 0.5, 1.0]


@given(st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2100, 1, 1)))
def test_dates_read_back(moment):
    moment = moment.replace(microsecond=0)
    assert iso(read_date(moment.isoformat())) in (moment.isoformat(" "), moment.date().isoformat())
    assert read_date(moment) == read_date(moment.isoformat(" "))


def test_dates():
    assert read_date("1970-01-02") == read_date("1970/1/2") == read_date(datetime.date(1970, 1, 2)) == 1.0
    assert read_date("1970-01-01T14:00+02:00") == 0.5
    assert np.isnan([read_date(c) for c in ("2024-13-01", "01.02.2024", "soon", 3)]).all()


def test_truth():
    assert [read_boolean(c) for c in ("Yes", "f", "ON", "0", True, 0.0)] == [1, 0, 1, 0, 1, 0]
    assert np.isnan([read_boolean(c) for c in ("maybe", 2)]).all()


def test_text():
    assert [text_of(c) for c in (1.0, 1.5, True, "a", 7)] == ["1", "1.5", "true", "a", "7"]


@pytest.mark.parametrize(
    ("cells", "kind", "words"),
    [
        (["1", "inf"], "number", "line 3: got 'inf'; expected a number.*leave the cell empty"),
        ([1.0, np.inf], "number", "line 3: got 'inf'"),
        (["1", "x"], "number", "line 3: got 'x'"),
        (["2024-01-01", "never"], "date", "line 3: got 'never'; expected a date"),
        (["yes", "perhaps"], "boolean", "line 3: got 'perhaps'"),
    ],
)
def test_cells_of_another_kind_are_named(cells, kind, words):
    with pytest.raises(DataError, match=words):
        parse(clean(cells), kind, place)


def test_columns_of_all_forms_are_the_same():
    pandas = pytest.importorskip("pandas")
    columns = {"a": [1, None, 3], "b": ["x", "y", None]}
    rows = [{"a": 1, "b": "x"}, {"b": "y"}, {"a": 3, "b": None}]
    for form in (columns, rows, pandas.DataFrame(columns)):
        found = columns_of(form)
        assert parse(found["b"], "category", place).tolist() == ["x", "y", None]
        np.testing.assert_array_equal(parse(found["a"], "number", place), [1, np.nan, 3])


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ({"a": [1, 2], "b": [1]}, "columns of different lengths"),
        ({"a": 1}, "'a': got the single value 1; expected one value for each row"),
        ({"a": [[1], [2, 3]]}, "'a': got cells that are lists"),
        ([], "got a list; expected a table"),
        ("text", "got a str"),
        ([[1, 2]], "got a list"),
    ],
)
def test_what_are_no_rows_is_said(rows, words):
    with pytest.raises(DataError, match=words):
        columns_of(rows)


def test_two_columns_of_one_name():
    pandas = pytest.importorskip("pandas")
    with pytest.raises(DataError, match="two columns called 'a'"):
        columns_of(pandas.DataFrame([[1, 2]], columns=["a", "a"]))
