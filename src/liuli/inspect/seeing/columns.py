"""The features of flat rows as a model is given them: raw columns of a schema, or the columns of an array.

Some are varied, the others held: what a model answers is then seen along the varied ones, in their own units.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from liuli.core.errors import DataError, ShapeError
from liuli.core.fields import nearest
from liuli.data import Column, Encoder, Schema, Table
from liuli.data.cells import Kind, clean, is_missing, parse, text_of
from liuli.data.schema import _cells
from liuli.inspect.seeing.running import feature_names, inputs_of, one_input
from liuli.training import Model

Cells = dict[str, np.ndarray]  # the values of each column, by name


@dataclass(frozen=True, eq=False)
class Columns:
    """names, kinds:  of the features, in order.
    values:        the rows, column by column: numbers (NaN where missing), or text.
    encoders:      those of the schema; none for plain arrays.
    dtype:         of a plain array.
    """

    names: tuple[str, ...]
    kinds: tuple[Kind, ...]
    values: Cells
    encoders: tuple[Encoder, ...] = ()
    dtype: Any = "float32"

    @classmethod
    def of(cls, model: Model, x: Any, what: str) -> Columns:
        """The columns of rows as ``model.predict`` takes them.

        Raises:
            DataError, ShapeError: the rows do not fit, are not flat, or enter by several inputs.
        """
        one_input(model, what)
        array = inputs_of(model, x)[0]
        schema = model.recipe.schema
        if isinstance(schema, Schema):
            names = tuple(encoder.name for encoder in schema.columns)
            cells = _cells(x, names)
            values = {e.name: parse(cells[e.name], e.kind, str) for e in schema.columns}
            return cls(names, tuple(e.kind for e in schema.columns), values, schema.columns)
        if array.ndim != 2:
            got = f"rows of shape {array.shape[1:]}"
            fix = "for images and sequences see feature_maps and attribute"
            raise ShapeError(what, got=got, expected="flat rows, a number for each feature", fix=fix)
        names = feature_names(model, x) or tuple(f"x{i + 1}" for i in range(array.shape[1]))
        values = dict(zip(names, array.T.astype(np.float64), strict=True))
        return cls(names, ("number",) * len(names), values, (), array.dtype)

    def find(self, feature: str | int, what: str) -> str:
        """The name of a feature, given by name or by number.

        Raises:
            DataError: there is no such feature.
        """
        if isinstance(feature, str) and feature in self.names:
            return feature
        if isinstance(feature, (int, np.integer)) and not isinstance(feature, bool) and feature < len(self.names):
            return self.names[feature]
        fix = f"write {nearest(str(feature), self.names)}"
        raise DataError(f"{what}: features", got=repr(feature), expected="a feature, by name or number", fix=fix)

    def kind(self, name: str) -> Kind:
        """What a feature holds."""
        return self.kinds[self.names.index(name)]

    def rows(self, cells: Mapping[str, np.ndarray]) -> Any:
        """Rows of these cells, as ``model.predict`` takes them."""
        if self.encoders:
            return {name: Column(name, self.kind(name), cells[name]).cells() for name in self.names}
        array = np.stack([cells[name] for name in self.names], axis=1)
        whole = np.dtype(self.dtype).kind in "iu"
        return (np.rint(array) if whole else array).astype(self.dtype)

    def repeated(self, cells: Mapping[str, Any], rows: int) -> Cells:
        """``rows`` rows, alike: of each name one cell."""
        made = {}
        for name in self.names:
            made[name] = np.full(rows, cells[name], object if self.kind(name) == "category" else np.float64)
        return made

    def held(self, how: Any, what: str) -> dict[str, Any]:
        """One cell for each feature: ``"mean"`` or ``"median"`` (of categories and truth values the most frequent), the
        row of that number, or a row given as such, of which a dict may leave features at their mean.

        Raises:
            DataError: it is none of these.
        """
        if isinstance(how, str) and how in ("mean", "median"):
            return {name: self._typical(name, how) for name in self.names}
        if isinstance(how, (int, np.integer)) and not isinstance(how, bool):
            if not 0 <= how < len(self.values[self.names[0]]):
                raise _unheld(what, how)
            return {name: values[how] for name, values in self.values.items()}
        if isinstance(how, Mapping):
            given = {self.find(name, what): self._parsed(self.find(name, what), cell) for name, cell in how.items()}
            return self.held("mean", what) | given
        if isinstance(how, Table | str) or np.shape(how) != (len(self.names),):
            raise _unheld(what, how)
        cells: Any = how
        return {name: self._parsed(name, cell) for name, cell in zip(self.names, cells, strict=True)}

    def span(self, name: str, margin: float) -> tuple[float, float]:
        """The least and the largest number of a feature, and a share ``margin`` of their distance beyond both."""
        values = self.values[name][~is_missing(self.values[name])]
        if not len(values):
            raise DataError(name, got="no values", expected="numbers to find the range from", fix="give other rows")
        low, high = float(values.min()), float(values.max())
        room = margin * (high - low) or (0.0 if high > low else abs(low) / 10 or 0.5)
        return low - room, high + room

    def _typical(self, name: str, how: str) -> Any:
        values = self.values[name][~is_missing(self.values[name])]
        if not len(values):
            return None if self.kind(name) == "category" else np.nan
        if self.kind(name) in ("category", "boolean"):
            found, counts = np.unique(
                values.astype(str if self.kind(name) == "category" else float), return_counts=True
            )
            return found[counts.argmax()].item()
        return float(np.mean(values) if how == "mean" else np.median(values))

    def _parsed(self, name: str, cell: Any) -> Any:
        return parse(clean([cell]), self.kind(name), lambda row: f"held, {name!r}")[0]


def two_numbers(columns: Columns, features: Any, what: str) -> tuple[str, str]:
    """The names of two features that are numbers or dates: those asked for, or the only two.

    Raises:
        DataError: they are not two, or not numbers.
    """
    if features is None and len(columns.names) == 2:
        features = (0, 1)
    if isinstance(features, str) or features is None or len(tuple(features)) != 2:
        got = "no choice" if features is None else repr(features)
        fix = f"features={columns.names[:2]!r}" if len(columns.names) > 1 else "see partial_dependence for one feature"
        expected = f"two of the features {', '.join(columns.names[:8])}{', ...' * (len(columns.names) > 8)}"
        raise DataError(f"{what}: features", got=got, expected=expected, fix=fix)
    a, b = (columns.find(feature, what) for feature in features)
    for name in (a, b):
        if columns.kind(name) not in ("number", "date"):
            got, fix = f"the {columns.kind(name)} {name!r}", "choose numbers; partial_dependence takes categories too"
            raise DataError(f"{what}: features", got=got, expected="numbers or dates along both axes", fix=fix)
    if a == b:
        raise DataError(
            f"{what}: features", got=f"{a!r} twice", expected="two different features", fix="choose another"
        )
    return a, b


@dataclass(frozen=True, eq=False)
class Plane:
    """The plane of two features: their names, whether they are dates, the places along each, the cells of all rows (the
    second feature's places one below the other), and what the other features are held at."""

    names: tuple[str, str]
    dates: tuple[bool, bool]
    first: np.ndarray
    second: np.ndarray
    rows: Any
    held: dict[str, Any]

    def grid(self, values: np.ndarray) -> np.ndarray:
        """(rows, ...) as (second, first, ...)."""
        return values.reshape(len(self.second), len(self.first), *values.shape[1:])


def plane(columns: Columns, features: Any, held: Any, points: int, margin: float, what: str) -> Plane:
    """The plane of two features over the range of the rows, the other features held."""
    if not isinstance(points, int) or points < 2:
        raise DataError(f"{what}: points", got=repr(points), expected="a whole number of at least 2", fix="points=101")
    a, b = two_numbers(columns, features, what)
    one, two = (np.linspace(*columns.span(name, margin), points) for name in (a, b))
    still = columns.held(held, what)
    cells = columns.repeated(still, points * points)
    cells[a], cells[b] = np.tile(one, points), np.repeat(two, points)
    others = {name: cell for name, cell in still.items() if name not in (a, b)}
    dates = columns.kind(a) == "date", columns.kind(b) == "date"
    return Plane((a, b), dates, one, two, columns.rows(cells), others)


def shown(cell: Any) -> str:
    """A cell as figures write it."""
    return f"{cell:.3g}" if isinstance(cell, float) else text_of(cell)


def _unheld(what: str, how: Any) -> DataError:
    expected = '"mean", "median", the number of a row, or a row'
    return DataError(f"{what}: held", got=repr(how), expected=expected, fix='held="median"')
