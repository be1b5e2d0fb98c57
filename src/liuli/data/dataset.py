"""Data in memory: inputs x, targets y, and what is known about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from liuli.core.errors import DataError
from liuli.core.fields import nearest
from liuli.data.splits import Splittable

Task = Literal["regression", "binary", "multiclass"]


@dataclass(frozen=True, eq=False, repr=False)
class Dataset(Splittable):
    """x: (rows, ...)   y: (rows, 1) floats for regression and binary, (rows,) whole numbers for multiclass

    Targets of shape (rows,) become (rows, 1) where the task asks for it. Binary targets are 0 or 1, multiclass targets
    are 0, 1, ... in the order of the class names.

    x:              the inputs, one row each.
    y:              the targets, one row each.
    task:           "regression", "binary" or "multiclass".
    feature_names:  a name for each column of x, where x has two axes.
    class_names:    a name for each class.
    target_name:    what y is.
    name:           what the data are called.
    image_shape:    (height, width, channels) of a row, where images are stored flat.
    about:          a sentence on what was found, and where.

    Raises:
        DataError: lengths that differ, numbers that are not finite, targets that do not fit the task.

    Example:
        >>> from liuli import data
        >>> data.load("digits")
        Dataset('digits': 1797 rows, x (64,) float32, multiclass: 10 classes 0, 1, 2, ...)
    """

    x: np.ndarray
    y: np.ndarray
    task: Task
    feature_names: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()
    target_name: str = "target"
    name: str = ""
    image_shape: tuple[int, ...] | None = None
    about: str = ""

    def __post_init__(self) -> None:
        x, y = np.asarray(self.x), np.asarray(self.y)
        for field, values in {"x": x, "y": y}.items():
            _check_numbers(field, values)
        if len(x) != len(y):
            raise DataError(
                "y",
                got=f"{len(y)} targets for {len(x)} rows",
                expected="a target for each row",
                fix="make them equally long",
            )
        object.__setattr__(self, "x", x)
        object.__setattr__(self, "y", self._targets(y))
        for field in ("feature_names", "class_names"):
            object.__setattr__(self, field, tuple(map(str, getattr(self, field))))
        self._check_names()

    def __len__(self) -> int:
        return len(self.x)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.x)

    @property
    def item_shape(self) -> tuple[int, ...]:
        """The shape of one row of x."""
        return self.x.shape[1:]

    def take(self, rows: np.ndarray | Sequence[int]) -> Dataset:
        """The given rows, in the given order."""
        rows = np.asarray(rows, dtype=int)
        return replace(self, x=self.x[rows], y=self.y[rows])

    def strata(self) -> np.ndarray:
        """The class of each row."""
        if self.task == "regression":
            raise DataError("split/stratify", got="a regression target", expected="classes", fix="write stratify=False")
        return self.y.reshape(-1)

    def series(self, name: str) -> np.ndarray:
        """The values of the feature called ``name``."""
        if name not in self.feature_names:
            known = nearest(name, self.feature_names) if self.feature_names else "an array, one value for each row"
            raise DataError("data", got=f"no feature {name!r}", expected="the name of a feature", fix=f"give {known}")
        return self.x[:, self.feature_names.index(name)]

    def __repr__(self) -> str:
        label = f"{self.name!r}: " if self.name else ""
        task = self.task
        if self.class_names:
            more = ", ..." if len(self.class_names) > 3 else ""
            task = f"{task}: {len(self.class_names)} classes {', '.join(self.class_names[:3])}{more}"
        return f"Dataset({label}{self.rows} rows, x {self.item_shape} {self.x.dtype}, {task})"

    def _targets(self, y: np.ndarray) -> np.ndarray:
        if self.task in ("regression", "binary"):
            y = y.reshape(-1, 1) if y.ndim == 1 else y
            y = y if y.dtype.kind == "f" else y.astype(np.float32)
            if self.task == "binary" and y.shape[1:] != (1,):
                raise _wrong_target(f"an array of shape {y.shape}", "one 0 or 1 for each row", "choose one column")
            if self.task == "binary" and not np.isin(y, (0, 1)).all():
                raise _wrong_target(
                    y[~np.isin(y, (0, 1))][0], "0 or 1", 'write task="multiclass", or encode the classes'
                )
            return y
        if self.task != "multiclass":
            choices = ("regression", "binary", "multiclass")
            raise DataError(
                "task",
                got=repr(self.task),
                expected=f"one of {', '.join(choices)}",
                fix=f"write {nearest(str(self.task), choices)}",
            )
        y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
        if y.ndim != 1 or y.dtype.kind not in "iu":
            raise _wrong_target(f"{y.dtype}{y.shape}", "whole numbers of shape (rows,)", "write y.astype(int)")
        if y.size and (y.min() < 0 or (self.class_names and y.max() >= len(self.class_names))):
            last = len(self.class_names) - 1 if self.class_names else "..."
            wrong = y.min() if y.min() < 0 else y.max()
            raise _wrong_target(wrong, f"classes 0 to {last}", "number the classes from 0")
        return y.astype(np.int32)

    def _check_names(self) -> None:
        if self.feature_names and self.item_shape != (len(self.feature_names),):
            raise DataError(
                "feature_names",
                got=f"{len(self.feature_names)} names for rows of shape {self.item_shape}",
                expected="a name for each column",
                fix="leave them out",
            )
        if self.image_shape is not None and np.prod(self.image_shape) != np.prod(self.item_shape):
            raise DataError(
                "image_shape",
                got=f"{self.image_shape} for rows of shape {self.item_shape}",
                expected="as many numbers in an image as in a row",
                fix="leave it out",
            )


def _check_numbers(field: str, values: np.ndarray) -> None:
    if values.ndim == 0 or values.dtype.kind not in "fiub":
        raise DataError(
            field,
            got=f"{values.dtype} of shape {values.shape}",
            expected="an array of numbers, one row each",
            fix="encode text as numbers, or read it as a table with ll.data.read(path)",
        )
    if len(values) == 0:
        raise DataError(field, got="no rows", expected="at least one row", fix="check what was read")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        place = tuple(np.argwhere(~np.isfinite(values))[0].tolist())
        raise DataError(
            f"{field}[{', '.join(map(str, place))}]",
            got=str(values[place]),
            expected="finite numbers",
            fix="leave out that row, or read the data as a table, which fills in what is missing",
        )


def _wrong_target(got: object, expected: str, fix: str) -> DataError:
    return DataError("y", got=str(got), expected=expected, fix=fix)
