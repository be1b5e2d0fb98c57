"""Tables: columns of different kinds, one of which is to be predicted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np

from liuli.core.errors import DataError
from liuli.core.fields import nearest
from liuli.data.cells import Kind, Place, columns_of, is_missing
from liuli.data.columns import ENCODED, Column, read_column
from liuli.data.dataset import Dataset, Task
from liuli.data.splits import Splittable
from liuli.data.tabular_files import read_cells
from liuli.data.targets import class_names, find_task


def read(
    path: str | Path, target: str | None = None, kinds: Mapping[str, Kind] | None = None, task: Task | None = None
) -> Table:
    """The table in a CSV, TSV or Parquet file.

    The first line of a text file names the columns; cells are separated by a comma, semicolon, tab or bar, whichever
    makes the most of that line (a tab in .tsv). Text is UTF-8. Cells that hold nothing, NA, N/A, NaN, null or ? are
    missing. The kind of each column is found from its values:

    constant (left out):    all cells are alike.
    identifier (left out):  all cells differ, under a name such as "id" or "user_id", or as text without blanks.
    number:                 every cell that is not missing is a number.
    boolean:                true and false, yes and no, y and n, t and f, or on and off.
    date:                   every cell is a date, such as 2024-03-01 or 2024-03-01 12:30.
    text (left out):        more than 20 different values, and more than half of the cells differ.
    category:               anything else.

    A column of which four fifths or more are numbers, and the others not, is an error that names the first such cell.
    The task is binary for two different target values; multiclass for text, and for at most 20 different whole
    numbers that come five times each or more on average; and regression for other numbers.

    path:    the file; its ending says what it is.
    target:  the column to predict; the last one where it is not given.
    kinds:   the kinds of columns for which the rule is not what you want: ``{"zip": "category"}``.
    task:    "regression", "binary" or "multiclass", where the rule is not what you want.

    Raises:
        FileError: no such file, or not of a known format.
        DataError: the file cannot be understood as a table; the message names the line, the column and the value.

    Example:
        >>> import pathlib, tempfile
        >>> from liuli import data
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "pets.csv")
        ...     _ = path.write_text("weight,indoors,kind\\n4.1,yes,cat\\n,no,dog\\n3.8,yes,cat\\n")
        ...     table = data.read(path)
        >>> table
        Table('pets': 3 rows, 2 features, binary target 'kind': cat, dog)
        >>> table.kinds
        {'weight': 'number', 'indoors': 'boolean', 'kind': 'category'}
    """
    cells = read_cells(path)
    try:
        return _table(cells.columns, cells.place, target, kinds, task, Path(path).stem)
    except DataError as error:
        raise DataError(f"{path}: {error.where}", got=error.got, expected=error.expected, fix=error.fix) from None


@dataclass(frozen=True, eq=False, repr=False)
class Table(Splittable):
    """Columns of raw values, and the target that is to be predicted from them.

    columns:  every column but the target, in the order of the file, those that are left out among them.
    target:   the column to predict: numbers for regression, text for classes.
    task:     "regression", "binary" or "multiclass".
    classes:  the names of the classes, also of those that no row of this part has.
    notes:    what was decided while reading, a sentence each.
    name:     what the data are called.

    Example:
        >>> from liuli import data
        >>> table = data.Table.of({"a": [1, 2, 3], "b": ["x", "y", "x"], "y": [0.5, 1.5, 2.5]})
        >>> [column.name for column in table.features], table.task
        (['a', 'b'], 'regression')
    """

    columns: tuple[Column, ...]
    target: Column
    task: Task
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    name: str = ""

    @classmethod
    def of(
        cls,
        rows: Any,
        target: str | None = None,
        kinds: Mapping[str, Kind] | None = None,
        task: Task | None = None,
        name: str = "",
    ) -> Table:
        """The table in a pandas DataFrame, a dict of columns, a list of dicts, or a Dataset of flat features.

        rows, target, kinds, task:  as in ``read``.
        name:                       what the data are called.
        """
        if isinstance(rows, Dataset):
            return _of_dataset(rows)
        return _table(columns_of(rows), lambda row: f"row {row}", target, kinds, task, name)

    def __len__(self) -> int:
        return len(self.target.values)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self)

    @property
    def features(self) -> tuple[Column, ...]:
        """The columns that a network is given."""
        return tuple(column for column in self.columns if column.kind in ENCODED)

    @property
    def kinds(self) -> dict[str, Kind]:
        """The kind of each column by name, the target's last."""
        return {column.name: column.kind for column in (*self.columns, self.target)}

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the classes."""
        return self.classes

    @property
    def target_name(self) -> str:
        """The name of the target column."""
        return self.target.name

    @property
    def about(self) -> str:
        """What was found and decided, as one text."""
        return " ".join(self.notes)

    def __getitem__(self, name: str) -> Column:
        """The column called ``name``."""
        columns = {column.name: column for column in (*self.columns, self.target)}
        if name not in columns:
            raise _unknown(name, columns)
        return columns[name]

    def take(self, rows: np.ndarray | Sequence[int]) -> Table:
        """The given rows, in the given order."""
        rows = np.asarray(rows, dtype=int)
        return replace(self, columns=tuple(c.take(rows) for c in self.columns), target=self.target.take(rows))

    def strata(self) -> np.ndarray:
        """The class of each row."""
        if self.task == "regression":
            raise DataError("split/stratify", got="a regression target", expected="classes", fix="write stratify=False")
        return self.target.values.astype(str)

    def series(self, name: str) -> np.ndarray:
        """The values of the column called ``name``."""
        return self[name].values

    def describe(self) -> list[dict[str, Any]]:
        """A row for each column, the target last: its name, kind and role, what is missing, and what it holds."""
        rows = [{**c.describe(), "role": "feature" if c.kind in ENCODED else "left out"} for c in self.columns]
        return [*rows, {**self.target.describe(), "role": "target"}]

    def __repr__(self) -> str:
        label = f"{self.name!r}: " if self.name else ""
        more = ", ..." if len(self.classes) > 3 else ""
        classes = f": {', '.join(self.classes[:3])}{more}" if self.classes else ""
        features = f"{len(self.features)} feature{'s' * (len(self.features) != 1)}"
        return f"Table({label}{self.rows} rows, {features}, {self.task} target {self.target_name!r}{classes})"


def _table(
    cells: dict[str, np.ndarray],
    place: Place,
    target: str | None,
    kinds: Mapping[str, Kind] | None,
    task: Task | None,
    name: str,
) -> Table:
    """The table of clean columns: kinds found, rows without a target dropped, columns that say nothing left out."""
    kinds = dict(kinds or {})
    _check_choices(cells, target, kinds, task)
    chosen = next(reversed(cells)) if target is None else target
    kept = ~is_missing(cells[chosen])
    if not kept.any():
        raise DataError(
            repr(chosen), got="no value in any row", expected="a target to predict", fix="choose another target"
        )
    place = _kept(place, np.flatnonzero(kept))
    task = task or _task_for(kinds.pop(chosen, None), cells[chosen][kept])
    task, column = find_task(chosen, cells[chosen][kept], task, place)
    columns = tuple(
        read_column(key, column_cells[kept], kinds.get(key), place)
        for key, column_cells in cells.items()
        if key != chosen
    )
    notes = tuple(_notes(columns, chosen, target is None, task, int((~kept).sum()), int(kept.sum())))
    classes = () if task == "regression" else class_names(column)
    table = Table(columns, column, task, classes, notes, name)
    if not table.features:
        raise DataError(
            name or "table",
            got="no column to learn from",
            expected="at least one beside the target",
            fix="check the kinds of the columns",
        )
    return table


def _of_dataset(data: Dataset) -> Table:
    if len(data.item_shape) != 1 or (data.task == "regression" and data.y.shape[1:] != (1,)):
        raise DataError(
            "x",
            got=f"rows of shape {data.item_shape}",
            expected="flat features and one target",
            fix="use data.ArraySchema",
        )
    names = data.feature_names or tuple(f"x{i + 1}" for i in range(data.item_shape[0]))
    columns = tuple(Column(name, "number", data.x[:, i].astype(float)) for i, name in enumerate(names))
    classes = data.class_names
    if data.task == "regression":
        target = Column(data.target_name, "number", data.y[:, 0].astype(float))
    else:
        codes = data.y.reshape(-1).astype(int)
        classes = classes or tuple(map(str, range(max(2, codes.max() + 1))))
        target = Column(data.target_name, "category", np.array(classes, object)[codes])
    return Table(columns, target, data.task, classes, (data.about,) if data.about else (), data.name)


def _check_choices(cells: Mapping[str, Any], target: str | None, kinds: Mapping[str, Kind], task: Task | None) -> None:
    for name in (*kinds, *([] if target is None else [target])):
        if name not in cells:
            raise _unknown(name, cells)
    for name, kind in kinds.items():
        if kind not in get_args(Kind):
            raise DataError(
                f"kinds[{name!r}]",
                got=repr(kind),
                expected="a kind of column",
                fix=f"write {nearest(str(kind), get_args(Kind))}",
            )
    if task is not None and task not in get_args(Task):
        raise DataError("task", got=repr(task), expected="a task", fix=f"write {nearest(str(task), get_args(Task))}")


def _task_for(kind: Kind | None, cells: np.ndarray) -> Task | None:
    """What the declared kind of the target asks for."""
    if kind is None:
        return None
    if kind == "number":
        return "regression"
    return "binary" if len(set(cells.tolist())) == 2 else "multiclass"


def _notes(columns: Sequence[Column], target: str, last: bool, task: Task, dropped: int, rows: int) -> list[str]:
    features = sum(column.kind in ENCODED for column in columns)
    notes = [f"A table of {rows} rows and {features} features."]
    notes.append(f"The target is {target!r}{' (the last column)' if last else ''}: {task}.")
    if dropped:
        notes.append(f"{dropped} row{'s' * (dropped != 1)} without a target left out.")
    notes += [f"{c.name!r} left out: {_WHY[c.kind]}." for c in columns if c.kind not in ENCODED]
    return notes


def _kept(place: Place, rows: np.ndarray) -> Callable[[int], str]:
    return lambda row: place(int(rows[row]))


def _unknown(name: str, known: Mapping[str, Any]) -> DataError:
    return DataError(
        "table", got=f"no column {name!r}", expected="the name of a column", fix=f"write {nearest(str(name), known)}"
    )


_WHY = {
    "text": "text that hardly repeats",
    "identifier": "it numbers the rows",
    "constant": "it is the same in every row",
}
