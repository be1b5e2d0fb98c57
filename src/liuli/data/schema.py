"""From raw rows to the network and back: fitted on the training part alone, saved with the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from liuli.core.errors import DataError, SpecError
from liuli.core.specs import Spec, abstract, spec
from liuli.data.cells import columns_of, parse
from liuli.data.dataset import Dataset
from liuli.data.encoders import Encoder, fit_encoder
from liuli.data.table import Table
from liuli.data.targets import ClassTarget, RegressionTarget, Target


@abstract
class Preprocessing(Spec, family="schemas"):
    """What stands between raw rows and a network: inputs are encoded, answers decoded. It is saved with the model.

    target:  what is predicted, and how it becomes numbers.
    """

    target: Target

    @property
    def feature_names(self) -> tuple[str, ...]:
        """A name for each number of an encoded row, where it has one."""
        raise NotImplementedError

    @property
    def encoded_shape(self) -> tuple[int, ...]:
        """The shape of one encoded row: the network's input."""
        raise NotImplementedError

    def encode(self, rows: Any) -> np.ndarray:
        """Raw rows as the network takes them. A target among them is not looked at."""
        raise NotImplementedError

    def encode_target(self, values: Any) -> np.ndarray:
        """Targets as the network is trained on them: of a table or data set, or a list of raw values."""
        if isinstance(values, Table):
            return self.target.encode(values.target.values)
        if isinstance(values, Dataset):
            y = values.y
            if values.task != "regression" and isinstance(self.target, ClassTarget):
                y = np.array(values.class_names or self.target.classes, object)[y.reshape(-1).astype(int)]
            return self.target.encode(y)
        return self.target.encode(values)

    def decode(self, outputs: np.ndarray) -> np.ndarray:
        """What the network answers, in the units of the raw target; probabilities as they are."""
        return self.target.decode(outputs)

    def labels(self, probabilities: np.ndarray) -> np.ndarray:
        """The name of the most probable class of each row."""
        return self.target.labels(probabilities)

    def describe(self) -> list[dict[str, str]]:
        """A row for each input, the target last: name, kind, and what was learnt of it."""
        raise NotImplementedError

    def _target_row(self) -> dict[str, str]:
        return {"name": self.target.name, "kind": f"target ({self.target.task})", "content": self.target.describe()}


@spec
class Schema(Preprocessing):
    """x = the features of each column side by side, float32 (rows, width)

    Numbers are standardized, categories one-hot, truth values 0 and 1, dates a standardized day with month and weekday
    on a circle. What is missing becomes the training mean (or zeros), with a feature that says so where the training
    part had gaps. Everything is learnt from the training part alone.

    target:   what is predicted, and how it becomes numbers.
    columns:  how each column is encoded.

    Example:
        >>> from liuli import data
        >>> table = data.Table.of({"age": [30, 50, None], "city": ["Bern", "Basel", "Bern"], "pays": [1.0, 2.0, 6.0]})
        >>> schema = data.Schema.fit(table)
        >>> schema.feature_names
        ('age', 'age missing', 'city=Basel', 'city=Bern')
        >>> schema.encode([{"age": 50, "city": "Chur"}]).tolist()
        [[1.0, 0.0, 0.0, 0.0]]
        >>> schema.decode(schema.encode_target(table)).round(3).tolist()
        [[1.0], [2.0], [6.0]]
    """

    columns: tuple[Encoder, ...]

    @classmethod
    def fit(cls, train: Table | Dataset) -> Schema:
        """The schema of the training part: a table, or a data set of flat features.

        Raises:
            DataError: there are no rows, or no columns to learn from.
        """
        table = train if isinstance(train, Table) else Table.of(train)
        if not len(table):
            raise DataError("table", got="no rows", expected="rows to learn from", fix="split it otherwise")
        return cls(_target_of(table), tuple(map(fit_encoder, table.features)))

    @property
    def feature_names(self) -> tuple[str, ...]:
        """A name for each encoded column."""
        return tuple(name for column in self.columns for name in column.feature_names)

    @property
    def encoded_shape(self) -> tuple[int, ...]:
        """(width,), the number of encoded columns."""
        return (len(self.feature_names),)

    def encode(self, rows: Any) -> np.ndarray:
        """Raw rows as float32 (rows, width).

        rows:  a Table, a Dataset, a DataFrame, a dict of columns, a list of dicts, or an array with a column for each
               of the schema's. Columns that it does not know are ignored.

        Raises:
            DataError: a column is missing, or a cell is not of its kind.
        """
        cells = _cells(rows, [column.name for column in self.columns])
        with np.errstate(over="ignore"):
            encoded = [column.encode(cells[column.name], _row) for column in self.columns]
            x = np.concatenate(encoded, axis=1).astype(np.float32)
        if not np.isfinite(x).all():
            row, feature = np.argwhere(~np.isfinite(x))[0]
            raise DataError(
                f"{self.feature_names[feature]!r}, row {row}",
                got="a number too large for float32",
                expected="numbers like those of the training part",
                fix="check the units of the column",
            )
        return x

    def describe(self) -> list[dict[str, str]]:
        rows = [{"name": c.name, "kind": c.kind, "content": c.describe()} for c in self.columns]
        return [*rows, self._target_row()]


@spec
class ArraySchema(Preprocessing):
    """x = the rows as they are, checked: their shape, and that every number is finite

    Nothing is scaled: images, say, are scaled within the network, by a Rescaling layer.

    target:      what is predicted, and how it becomes numbers.
    item_shape:  the shape of one row.
    dtype:       what rows become: "float32", "uint8" or another of NumPy's numbers.
    minimum:     the least number of the training part.
    maximum:     the greatest number of the training part.
    names:       a name for each number of a flat row; then DataFrames and dicts with these columns are understood too.

    Example:
        >>> from liuli import data
        >>> schema = data.ArraySchema.fit(data.load("digits"))
        >>> schema.item_shape, schema.maximum, schema.target.classes[:3]
        ((64,), 16.0, ('0', '1', '2'))
    """

    item_shape: tuple[int, ...]
    dtype: str
    minimum: float
    maximum: float
    names: tuple[str, ...] = ()

    @classmethod
    def fit(cls, train: Dataset) -> ArraySchema:
        """The schema of the training part."""
        limits = float(train.x.min()), float(train.x.max())
        dtype = "float32" if train.x.dtype.kind == "f" else str(train.x.dtype)
        return cls(_target_of_arrays(train), train.item_shape, dtype, *limits, train.feature_names)

    def check(self) -> None:
        try:
            known = np.dtype(self.dtype).kind in "fiub"
        except TypeError:
            known = False
        if not known:
            raise SpecError(
                "ArraySchema.dtype", got=repr(self.dtype), expected="a dtype of numbers", fix='write "float32"'
            )

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of a flat row's numbers, or nothing."""
        return self.names

    @property
    def encoded_shape(self) -> tuple[int, ...]:
        """The shape of one row."""
        return self.item_shape

    def encode(self, rows: Any) -> np.ndarray:
        """Raw rows, checked: (rows, *item_shape).

        rows:  an array, or a Dataset; where rows are flat and named, also what a table's schema takes.

        Raises:
            DataError: another shape, numbers that are not finite, fractions where whole numbers are wanted.
        """
        x = self._array(rows)
        if x.shape[1:] != self.item_shape or x.ndim == 0 or x.dtype.kind not in "fiub":
            alone = x.shape == self.item_shape
            raise DataError(
                "rows",
                got=f"{x.dtype} of shape {x.shape}",
                expected=f"numbers of shape (rows, {', '.join(map(str, self.item_shape))})",
                fix="write x[None] for a single row" if alone else "bring each row into that shape",
            )
        with np.errstate(over="ignore", invalid="ignore"):
            encoded = x.astype(self.dtype)
        lossy = encoded.dtype.kind != "f" and not np.array_equal(encoded, x)
        if lossy or not np.isfinite(encoded).all():
            raise DataError(
                "rows",
                got=f"numbers that do not fit {self.dtype}" if lossy else "numbers that are not finite",
                expected=f"{self.dtype} as in training ({self.minimum:g} to {self.maximum:g})",
                fix="bring them into the units of the training data",
            )
        return encoded

    def describe(self) -> list[dict[str, str]]:
        content = f"{self.dtype} of shape {self.item_shape}, {self.minimum:g} to {self.maximum:g}"
        return [{"name": "x", "kind": "array", "content": content}, self._target_row()]

    def _array(self, rows: Any) -> np.ndarray:
        if isinstance(rows, Dataset):
            return rows.x
        if not self.names or not _has_names(rows):
            return np.asarray(rows)
        cells = _cells(rows, self.names)
        return np.stack([parse(cells[name], "number", _row) for name in self.names], axis=1)


def fit_schema(train: Table | Dataset) -> Preprocessing:
    """The preprocessing that suits the training part: a Schema for tables and flat features, an ArraySchema for images.

    Example:
        >>> from liuli import data
        >>> type(data.fit_schema(data.load("iris"))).__name__, type(data.fit_schema(data.load("digits"))).__name__
        ('Schema', 'ArraySchema')
    """
    if isinstance(train, Dataset) and (len(train.item_shape) != 1 or train.image_shape is not None):
        return ArraySchema.fit(train)
    return Schema.fit(train)


def _cells(rows: Any, names: Sequence[str]) -> Mapping[str, np.ndarray]:
    """Clean cells, in which every one of ``names`` is found; an array has a column for each."""
    rows = rows.x if isinstance(rows, Dataset) else rows
    if isinstance(rows, Table):
        found = {column.name: column.cells() for column in (*rows.columns, rows.target)}
    elif _has_names(rows):
        found = columns_of(rows)
    else:
        return dict(zip(names, _flat(rows, len(names)).T, strict=True))
    for name in names:
        if name not in found:
            raise DataError(
                "rows",
                got=f"no column {name!r} among {_listed(list(found))}",
                expected=f"the columns {_listed(names)}",
                fix=f"add the column {name!r}, with empty cells where it is not known",
            )
    return found


def _flat(rows: Any, width: int) -> np.ndarray:
    array = np.asarray(rows)
    if array.ndim != 2 or array.shape[1] != width or array.dtype.kind not in "fiub":
        raise DataError(
            "rows",
            got=f"{array.dtype} of shape {array.shape}",
            expected=f"a table, a DataFrame, a dict of columns, a list of dicts, or numbers of shape (rows, {width})",
            fix='write [{"column": value, ...}]',
        )
    return array.astype(float)


def _has_names(rows: Any) -> bool:
    """Whether the rows know the names of their columns."""
    dicts = isinstance(rows, list | tuple) and len(rows) > 0 and isinstance(rows[0], Mapping)
    return isinstance(rows, Table | Mapping) or hasattr(rows, "columns") or dicts


def _target_of(table: Table) -> Target:
    if table.task == "regression":
        return RegressionTarget.fit(table.target_name, table.target.values)
    return ClassTarget(table.target_name, table.class_names)


def _target_of_arrays(data: Dataset) -> Target:
    if data.task == "regression":
        return RegressionTarget.fit(data.target_name, data.y)
    names = data.class_names or tuple(map(str, range(max(2, int(data.y.max()) + 1))))
    return ClassTarget(data.target_name, names)


def _row(row: int) -> str:
    return f"row {row}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:8])) + ", ..." * (len(names) > 8)
