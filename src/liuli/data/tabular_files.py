"""CSV, TSV and Parquet files as columns of clean cells, with the place of each row."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from liuli.core.errors import DataError, FileError
from liuli.core.extras import require
from liuli.core.files import told
from liuli.data.cells import clean, read_number

SEPARATORS = (",", ";", "\t", "|")

_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+")


@dataclass(frozen=True, eq=False)
class Cells:
    """What a file holds: clean columns by name, and the number of each row with the unit that it counts in."""

    columns: dict[str, np.ndarray]
    places: np.ndarray
    unit: str

    def place(self, row: int) -> str:
        """Where a row stands in the file, in words."""
        return f"{self.unit} {self.places[row]}"


def read_rows(path: str | Path) -> dict[str, np.ndarray]:
    """The columns of a CSV, TSV or Parquet file as they stand, without kinds or a target: what a schema encodes.

    path:  the file; its ending says what it is.

    Raises:
        FileError: no such file, or not of a known format.
        DataError: no rows, ragged rows, columns of the same name, text that is not UTF-8.

    Example:
        >>> import pathlib, tempfile
        >>> from liuli import data
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "new.csv")
        ...     _ = path.write_text("age,city\\n31,Bern\\n,Basel\\n")
        ...     {name: cells.tolist() for name, cells in data.read_rows(path).items()}
        {'age': ['31', None], 'city': ['Bern', 'Basel']}
    """
    return read_cells(path).columns


def read_cells(path: str | Path) -> Cells:
    """The cells of a CSV, TSV or Parquet file."""
    path = Path(path)
    reader = FORMATS.get(path.suffix.lower())
    if reader is None and path.exists():
        raise FileError(
            str(path),
            got=f"the ending {path.suffix!r}",
            expected=f"one of {', '.join(FORMATS)}",
            fix="rename the file after what it holds, or use ll.data.open_data",
        )
    with told(path, "read"):
        return (reader or _csv)(path)


def _csv(path: Path) -> Cells:
    text = _decoded(path)
    separator = "\t" if path.suffix.lower() == ".tsv" else _separator(text)
    rows = _lines(path, text, separator)
    _, names = next(rows, (1, []))
    names = [name.strip() or f"unnamed_{i + 1}" for i, name in enumerate(names)]
    _check_names(path, names)
    if all(read_number(name) == read_number(name) for name in names):
        raise DataError(
            str(path), got="numbers in the first line", expected="the names of the columns", fix="add a line of names"
        )
    places, cells = [], []
    for line, row in rows:
        if len(row) != len(names):
            raise DataError(
                f"{path}, line {line}",
                got=f"{len(row)} cells",
                expected=f"{len(names)}, as in the first line",
                fix="mend the line; text that holds the separator stands in double quotes",
            )
        places.append(line)
        cells.append(row)
    _some_rows(path, len(cells))
    columns = {
        name: clean(np.array(column, object)) for name, column in zip(names, zip(*cells, strict=True), strict=True)
    }
    if separator == ";":
        columns = {name: _with_points(column) for name, column in columns.items()}
    return Cells(columns, np.array(places), "line")


def _lines(path: Path, text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """The line on which each row begins, and its cells; empty lines are passed over."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    line = 1
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise DataError(
                f"{path}, line {line}", got=str(error), expected="cells that can be told apart", fix="mend the quotes"
            ) from None
        if row is None:
            return
        if row:
            yield line, row
        line = reader.line_num + 1


def _parquet(path: Path) -> Cells:
    require("pyarrow", extra="data")
    parquet = require("pyarrow.parquet", extra="data")
    with told(path, "read"), open(path, "rb") as file:
        try:
            table = parquet.read_table(file)
        except (ValueError, OSError, NotImplementedError) as error:  # pyarrow's errors derive from these
            raise FileError(
                str(path), got=str(error).splitlines()[0], expected="a Parquet file", fix="write the file again"
            ) from error
    _check_names(path, table.column_names)
    _some_rows(path, table.num_rows)
    columns = {name: clean(_array(table.column(name))) for name in table.column_names}
    return Cells(columns, np.arange(table.num_rows), "row")


def _array(column: Any) -> np.ndarray:
    """A column with gaps as objects, so that a gap is None and no number is changed."""
    if column.null_count == 0:
        return column.to_numpy()
    cells = np.empty(len(column), object)
    cells[:] = column.to_pylist()
    return cells


def _decoded(path: Path) -> str:
    content = path.read_bytes()
    if b"\0" in content:
        raise DataError(
            str(path), got="bytes that are no text", expected="text in UTF-8", fix="save the file as CSV in UTF-8"
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path}, line {line}",
            got=f"the byte 0x{content[error.start]:02x}, which is not UTF-8",
            expected="text in UTF-8",
            fix="save the file again with the encoding UTF-8",
        ) from None


def _separator(text: str) -> str:
    """The separator that makes the most cells of the first line; a comma where none makes more than one."""
    first = text.lstrip("\r\n").partition("\n")[0]
    return max(SEPARATORS, key=lambda separator: len(next(csv.reader([first], delimiter=separator), [])))


def _check_names(path: Path, names: list[str]) -> None:
    """Raise DataError where there are no names, or one of them stands twice."""
    if not names:
        raise DataError(
            str(path), got="an empty file", expected="a line of names, and rows", fix="check what was written"
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(
            str(path), got=f"two columns called {twice[0]!r}", expected="different names", fix="rename one of them"
        )


def _some_rows(path: Path, count: int) -> None:
    if count == 0:
        raise DataError(
            str(path), got="the names of columns and no rows", expected="at least one row", fix="check what was written"
        )


def _with_points(cells: np.ndarray) -> np.ndarray:
    """Where semicolons separate, a comma in a number is its decimal point."""
    texts = np.empty(len(cells), object)
    texts[:] = [c.replace(",", ".") if c and _DECIMAL_COMMA.fullmatch(c) else c for c in cells]
    return texts


FORMATS: dict[str, Callable[[Path], Cells]] = {".csv": _csv, ".tsv": _csv, ".parquet": _parquet, ".pq": _parquet}
