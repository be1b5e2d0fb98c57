"""A column of a table, and the rule by which its kind is found."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from liuli.core.errors import DataError
from liuli.data.cells import MOSTLY, TRUTH, Kind, Place, is_missing, iso, parse, read_date, read_number, text_of

ENCODED = ("number", "category", "date", "boolean")  # the kinds that a network is given
FEW = 20  # text with more different values than this, most rows differing, is no category


@dataclass(frozen=True, eq=False)
class Column:
    """One column of a table.

    name:    what the header calls it.
    kind:    "number", "category", "date" or "boolean"; or a kind that is left out: "text", "identifier", "constant".
    values:  float64 with NaN where missing (dates in days since 1970-01-01, truth as 0 and 1); text or None otherwise.

    Example:
        >>> import numpy as np
        >>> from liuli import data
        >>> data.Column("age", "number", np.array([30.0, np.nan])).missing
        1
    """

    name: str
    kind: Kind
    values: np.ndarray

    @property
    def missing(self) -> int:
        """How many cells are empty."""
        return int(is_missing(self.values).sum())

    @property
    def present(self) -> np.ndarray:
        """The values of the cells that are not empty."""
        return self.values[~is_missing(self.values)]

    def take(self, rows: np.ndarray | Sequence[int]) -> Column:
        """The given rows of the column."""
        return replace(self, values=self.values[rows])

    def cells(self) -> np.ndarray:
        """The cells as they would be read again, whatever kind is then asked for."""
        nothing = is_missing(self.values)
        if self.kind == "date":
            microseconds = np.where(nothing, 0.0, self.values) * 86400e6
            return np.where(nothing, np.datetime64("NaT"), microseconds.round().astype("datetime64[us]"))
        if self.kind == "boolean":
            return np.where(nothing, np.array(None), self.values == 1)
        return self.values

    def describe(self) -> dict[str, Any]:
        """Name, kind, how many cells are missing, how many values differ, and what the values are."""
        values, counts = np.unique(self.present, return_counts=True)
        if not len(values):
            content = "nothing"
        elif self.kind == "number":
            content = f"{values[0]:g} to {values[-1]:g}"
        elif self.kind == "date":
            content = f"{iso(values[0])} to {iso(values[-1])}"
        else:
            top = np.argsort(-counts, kind="stable")[:3]
            content = ", ".join(f"{_short(text_of(values[i]))} ({counts[i]})" for i in top) + ", ..." * (
                len(values) > 3
            )
        return {
            "name": self.name, "kind": self.kind, "missing": self.missing, "distinct": len(values), "content": content,
        }  # fmt: skip


def find_kind(name: str, cells: np.ndarray, place: Place) -> Kind:
    """The kind of a column of clean cells. The first line that holds decides:

    constant:    all cells are alike (none, or one value without gaps).
    identifier:  whole numbers or text, all different, under a name such as "id", "user_id", "PassengerId" or "index".
    number:      every cell that is not empty is a number.
    boolean:     the cells are true and false, yes and no, y and n, t and f, or on and off.
    date:        every cell is a date, such as 2024-03-01 or 2024-03-01 12:30.
    identifier:  more than 20 cells of text without blanks, all different.
    text:        more than 20 different values, and more than half of the cells differ.
    category:    anything else.

    Raises:
        DataError: four fifths or more of the cells are numbers (or dates) and the others are not.
    """
    present = cells[~is_missing(cells)]
    distinct = set(present.tolist())
    if len(distinct) + (len(present) < len(cells)) < 2:
        return "constant"
    kind = _of_values(present, place, np.flatnonzero(~is_missing(cells)), name)
    unique = len(distinct) == len(cells)
    if unique and _is_identifier(name) and (kind in ("category", "text") or (kind == "number" and _whole(present))):
        return "identifier"
    if kind != "category" or len(distinct) <= FEW or 2 * len(distinct) <= len(present):
        return kind
    return "identifier" if unique and not any(re.search(r"\s", text_of(v)) for v in distinct) else "text"


def read_column(name: str, cells: np.ndarray, kind: Kind | None, place: Place) -> Column:
    """A column of clean cells, of the kind that is declared or else found."""
    kind = kind or find_kind(name, cells, place)
    try:
        return Column(name, kind, parse(cells, kind, place))
    except DataError as error:
        fix = error.fix.replace("<column>", name)
        raise DataError(f"{name!r}, {error.where}", got=error.got, expected=error.expected, fix=fix) from None


def all_numbers(cells: np.ndarray) -> bool:
    """Whether every clean cell is empty or a number (and not a truth value)."""
    if cells.dtype != object:
        return cells.dtype.kind == "f"
    return all(not isinstance(c, bool) and not np.isnan(read_number(c)) for c in cells.tolist() if c is not None)


def _of_values(present: np.ndarray, place: Place, rows: np.ndarray, name: str) -> Kind:
    """number, boolean, date or category, by the values alone."""
    if present.dtype != object:
        return _OF_DTYPE[present.dtype.kind]
    values = present.tolist()
    if all(isinstance(v, bool | np.bool_) for v in values):
        return "boolean"
    for kind, reader in _BY_VALUE.items():
        wrong = np.isnan([reader(v) for v in values])
        if not wrong.any():
            return kind
        if (~wrong).mean() >= MOSTLY:
            first = int(wrong.argmax())
            raise DataError(
                f"{name!r}, {place(rows[first])}",
                got=repr(text_of(values[first])),
                expected=f"a {kind}, as in {len(values) - wrong.sum()} of {len(values)} cells",
                fix=f'mend the cell, or declare the column: kinds={{"{name}": "category"}}',
            )
    return "boolean" if {text_of(v).casefold() for v in values} in map(set, TRUTH) else "category"


def _is_identifier(name: str) -> bool:
    plain = re.fullmatch(r"(.*[ _-])?(id|uuid|guid)|row|index|unnamed.*", name, re.IGNORECASE)
    return bool(plain or re.fullmatch(r".*[a-z]I[dD]", name))


def _whole(numbers: np.ndarray) -> bool:
    return all(read_number(v).is_integer() for v in numbers.tolist())


def _short(text: str) -> str:
    return text if len(text) <= 20 else text[:17] + "..."


_OF_DTYPE: dict[str, Kind] = {"f": "number", "b": "boolean", "M": "date"}
_BY_VALUE: dict[Kind, Callable[[Any], float]] = {"number": read_number, "date": read_date}
