"""A model and the data that it is looked at with, and what several exhibits need of both."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from liuli.core.errors import DataError
from liuli.data import Dataset, Table
from liuli.data.schema import Schema
from liuli.inspect import Trace, Worst, trace, worst
from liuli.report.inspection.texts import Language, said
from liuli.training import Model

TRACED, SEEN, CURVED = 256, 1024, 512
"""Rows of the trace, rows that exhibits look at, and rows on which the loss is surveyed: at most."""


@dataclass(frozen=True)
class View:
    """What the page shows: a model, rows ``x`` and what is true of them, ``y`` (None where ``x`` holds both)."""

    model: Model
    x: Any
    y: Any
    name: str
    language: Language

    def __call__(self, key: str, **values: Any) -> str:
        """The text that ``key`` means."""
        return said(key, self.language, **values)

    def rows(self, most: int) -> tuple[Any, Any]:
        """The first rows and their targets, as the model takes them."""
        count = min(most, len(self.x[0]) if isinstance(self.x, tuple) else len(self.x))
        return _first(self.x, count), None if self.y is None else _first(self.y, count)

    @cached_property
    def seen(self) -> tuple[Any, Any]:
        """The rows that exhibits look at."""
        return self.rows(SEEN)

    @cached_property
    def trace(self) -> Trace:
        """One forward and one backward pass over some rows."""
        return trace(self.model, *self.rows(TRACED))

    @cached_property
    def worst(self) -> Worst:
        """The rows of the greatest loss."""
        return worst(self.model, *self.seen)

    @property
    def parameters(self) -> int:
        return self.model.summary().parameters

    @cached_property
    def image_shape(self) -> tuple[int, ...] | None:
        """(height, width) or (height, width, channels), where rows are images, flat ones too."""
        shape = self.model.inputs[0].shape[1:]
        declared = getattr(self.x, "image_shape", None)
        return shape if len(shape) == 3 else tuple(declared) if declared and len(shape) == 1 else None

    @cached_property
    def features(self) -> list[str | int]:
        """The columns of a table, or the numbers of a vector; none where rows are images or sequences."""
        schema = self.model.recipe.schema
        if isinstance(schema, Schema):
            return [column.name for column in schema.columns]
        shape = self.model.inputs[0].shape
        flat = len(self.model.inputs) == 1 and len(shape) == 2 and self.image_shape is None
        return list(range(shape[1])) if flat and np.issubdtype(self.model.inputs[0].dtype, np.floating) else []

    def difficult(self) -> Any:
        """The rows of the greatest loss, as the model takes them."""
        if isinstance(self.x, tuple):
            raise DataError("rows", got="several inputs", expected="one", fix="call inspect on parts of the network")
        return _taken(self.seen[0], [int(row) for row in self.worst.rows[:3]])


def _first(data: Any, count: int) -> Any:
    if isinstance(data, tuple):
        return tuple(_first(part, count) for part in data)
    return _taken(data, range(count)) if isinstance(data, Dataset | Table) else data[:count]


def _taken(data: Any, rows: Any) -> Any:
    if isinstance(data, Dataset | Table):
        return data.take(list(rows))
    return np.asarray(data)[list(rows)] if isinstance(data, np.ndarray) else [data[row] for row in rows]
