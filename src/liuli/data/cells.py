"""What stands in the cells of a column: numbers, dates, truth values, text, or nothing.

A column's cells are *clean* when they are an array of float64 (NaN where missing), of bool, of datetime64, or of
objects: text without blanks around it, other values as they came, and None where missing. ``parse`` makes of clean
cells what a kind of column holds: float64 with NaN for numbers, truth values (0, 1) and dates (days since 1970), text
or None for the rest.
"""

from __future__ import annotations

import datetime
import decimal
import math
import numbers
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np

from liuli.core.errors import DataError

Kind = Literal["number", "category", "date", "boolean", "text", "identifier", "constant"]
Place = Callable[[int], str]  # where a row stands, in words: "line 7"

MISSING = frozenset({"", "na", "n/a", "nan", "?", "null"})  # in any case of letters
MOSTLY = 0.8  # where so large a share of a column's cells are numbers, the others are taken for mistakes
TRUTH = (("true", "false"), ("yes", "no"), ("y", "n"), ("t", "f"), ("on", "off"))

_DATE = re.compile(r"\d{4}[-/]\d{1,2}[-/]\d{1,2}")
_EPOCH = datetime.datetime(1970, 1, 1)


def clean(values: Any) -> np.ndarray:
    """Any column of cells (a list, an array, a pandas series), clean.

    >>> clean([" a ", "?", None]).tolist()
    ['a', None, None]
    """
    try:
        array = np.asarray(values)
    except ValueError:  # lists of different lengths
        array = np.empty((0, 0))
    if array.ndim != 1:
        shape = "cells that are lists" if array.ndim else f"the single value {values!r}"
        raise DataError("", got=shape, expected="one value for each row", fix="write a list of values")
    if array.dtype.kind in "fiu":
        return array.astype(np.float64)
    if array.dtype.kind in "bM":
        return array
    cells = np.empty(len(array), object)
    cells[:] = [_cell(value) for value in array.tolist()]
    return cells


def is_missing(cells: np.ndarray) -> np.ndarray:
    """Where clean cells hold nothing."""
    if cells.dtype == object:
        return np.array([cell is None or cell != cell for cell in cells], bool)  # NaN differs from itself
    if cells.dtype.kind in "mM":
        return np.isnat(cells)
    return cells != cells if cells.dtype.kind == "f" else np.zeros(len(cells), bool)


def parse(cells: np.ndarray, kind: Kind, place: Place) -> np.ndarray:
    """Clean cells as what a column of this kind holds.

    Raises:
        DataError: a cell is not of this kind; the error names its place and the cell.
    """
    nothing = is_missing(cells)
    values = (cells.astype("datetime64[us]") if cells.dtype.kind == "M" else cells).astype(object)
    if kind not in _READERS:
        texts = np.empty(len(cells), object)
        texts[:] = [None if n else text_of(v) for v, n in zip(values, nothing, strict=True)]
        return texts
    if kind == "number" and cells.dtype.kind == "f":
        found = cells
    else:
        reader = _READERS[kind]
        found = np.array([math.nan if n else reader(v) for v, n in zip(values, nothing, strict=True)], float)
    wrong = ~(np.isfinite(found) | nothing)
    if wrong.any():
        row = int(wrong.argmax())
        shown = text_of(values[row])
        raise DataError(place(row), got=repr(shown), expected=f"a {kind}{_FORMS[kind]}", fix=_fix(kind, shown))
    return found


def read_number(cell: Any) -> float:
    """The number that a cell holds; NaN where it holds none."""
    if isinstance(cell, str):
        try:
            return math.nan if "_" in cell else float(cell)
        except ValueError:
            return math.nan
    return float(cell) if isinstance(cell, numbers.Real | decimal.Decimal | np.bool_) else math.nan


def read_date(cell: Any) -> float:
    """Days since 1970-01-01 of a date, or of text such as 2024-03-01 or 2024-03-01 12:30; NaN where it is neither."""
    if isinstance(cell, str):
        if not _DATE.match(cell):
            return math.nan
        day, mark, rest = cell.replace("/", "-").partition("T" if "T" in cell else " ")
        try:
            cell = datetime.datetime.fromisoformat("-".join(part.zfill(2) for part in day.split("-")) + mark + rest)
        except ValueError:
            return math.nan
    if isinstance(cell, datetime.date) and not isinstance(cell, datetime.datetime):
        cell = datetime.datetime(cell.year, cell.month, cell.day)
    if not isinstance(cell, datetime.datetime):
        return math.nan
    if cell.tzinfo is not None:
        cell = cell.astimezone(datetime.UTC).replace(tzinfo=None)
    return (cell - _EPOCH) / datetime.timedelta(days=1)


def read_boolean(cell: Any) -> float:
    """1 for true, yes, y, t, on, 1; 0 for their opposites; NaN for anything else."""
    if isinstance(cell, str):
        word = cell.casefold()
        return 1.0 if word in _YES else 0.0 if word in _NO else math.nan
    return float(cell) if isinstance(cell, bool | numbers.Real | np.bool_) and cell in (0, 1) else math.nan


def text_of(cell: Any) -> str:
    """A cell as text: whole numbers without a point, truth values as true and false.

    >>> text_of(3.0), text_of(True), text_of("a")
    ('3', 'true', 'a')
    """
    if isinstance(cell, bool | np.bool_):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def iso(days: float) -> str:
    """Days since 1970-01-01 as a date: 2024-03-01, with the time where it is not midnight."""
    moment = _EPOCH + datetime.timedelta(seconds=round(days * 86400))
    return moment.date().isoformat() if moment.time() == datetime.time() else moment.isoformat(" ", "seconds")


def columns_of(rows: Any) -> dict[str, np.ndarray]:
    """The clean columns of a pandas DataFrame, a dict of columns, or a list of dicts (one for each row).

    Raises:
        DataError: it is none of these, or the columns have different lengths.
    """
    if hasattr(rows, "columns") and hasattr(rows, "__getitem__"):
        names = [str(name) for name in rows.columns]
        _unique(names, "columns")
        rows = {str(name): rows[name] for name in rows.columns}
    elif isinstance(rows, list | tuple) and rows and all(isinstance(row, Mapping) for row in rows):
        rows = {name: [row.get(name) for row in rows] for name in dict.fromkeys(n for row in rows for n in row)}
    if not isinstance(rows, Mapping) or not rows:
        raise DataError(
            "rows",
            got=f"a {type(rows).__name__}",
            expected="a table, a DataFrame, a dict of columns or a list of dicts",
            fix='write [{"column": value, ...}]',
        )
    columns = {}
    for name, values in rows.items():
        try:
            columns[str(name)] = clean(values)
        except DataError as error:
            raise error.at(repr(name)) from None
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name!r}: {length}" for name, length in list(lengths.items())[:4])
        raise DataError(
            "rows", got=f"columns of different lengths ({shown})", expected="equal lengths", fix="fill them up"
        )
    return columns


def _unique(names: list[str], where: str) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(
            where, got=f"two columns called {twice[0]!r}", expected="different names", fix="rename one of them"
        )


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        value = value.strip()
        return None if value.casefold() in MISSING else value
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, float | decimal.Decimal):
        return None if math.isnan(value) else value
    return value if isinstance(value, bool | int | datetime.date) else str(value)


def _fix(kind: str, shown: str) -> str:
    if kind == "number" and shown.lstrip("+-").casefold() in ("inf", "infinity"):
        return "leave the cell empty where the number is not known"
    return 'mend the cell, or declare the column: kinds={"<column>": "category"}'


_YES, _NO = ({word[i] for word in TRUTH} | {"10"[i]} for i in (0, 1))
_READERS: dict[str, Callable[[Any], float]] = {"number": read_number, "date": read_date, "boolean": read_boolean}
_FORMS = {"number": " (finite)", "date": " such as 2024-03-01", "boolean": " (true or false, yes or no)"}
