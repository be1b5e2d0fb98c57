"""Targets: how what is to be predicted becomes numbers, and numbers become answers again."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from liuli.core.errors import DataError, ShapeError, SpecError
from liuli.core.fields import nearest
from liuli.core.specs import Spec, abstract, setting, spec
from liuli.data.cells import Place, clean, parse, text_of
from liuli.data.columns import FEW, Column, all_numbers, find_kind, read_column
from liuli.data.dataset import Task

EACH = 5  # whole numbers are classes where each of them comes so often, on average
TINY = sys.float_info.min  # the least standard deviation: it is divided by


@abstract
class Target(Spec, family="targets"):
    """What is to be predicted: its name, and the way to numbers and back.

    name:  the column that is to be predicted.
    """

    name: str

    @property
    def task(self) -> Task:
        """What kind of learning this is."""
        raise NotImplementedError

    @property
    def scale(self) -> float:
        """What the network's output is multiplied with, to be in the units of the raw target."""
        return 1.0

    @property
    def offset(self) -> float:
        """What is then added."""
        return 0.0

    def encode(self, values: Any) -> np.ndarray:
        """Raw targets, a list or an array, as the network is trained on them."""
        raise NotImplementedError

    def decode(self, outputs: np.ndarray) -> np.ndarray:
        """What the network answers, in the units of the raw target; probabilities as they are."""
        return np.asarray(outputs) * self.scale + self.offset

    def labels(self, probabilities: np.ndarray) -> np.ndarray:
        """The name of the most probable class of each row."""
        raise NotImplementedError

    def describe(self) -> str:
        """The target in a few words."""
        raise NotImplementedError


@spec
class RegressionTarget(Target):
    """t = (y - mean) / std            y = t scale + offset, with scale = std and offset = mean            t: (rows, 1)

    name:  the column that is to be predicted.
    mean:  of y in the training part.
    std:   the standard deviation of y in the training part (divided by n), or 1 where y does not vary.

    Example:
        >>> from liuli import data
        >>> target = data.RegressionTarget("price", mean=10.0, std=2.0)
        >>> target.encode([12.0]).tolist(), target.decode(target.encode([12.0])).tolist()
        ([[1.0]], [[12.0]])
    """

    mean: float = 0.0
    std: float = setting(default=1.0, least=TINY)

    @classmethod
    def fit(cls, name: str, values: np.ndarray) -> RegressionTarget:
        """The target whose mean and standard deviation are those of ``values``."""
        return cls(name, *mean_and_std(values, name))

    @property
    def task(self) -> Task:
        return "regression"

    @property
    def scale(self) -> float:
        return self.std

    @property
    def offset(self) -> float:
        return self.mean

    def encode(self, values: Any) -> np.ndarray:
        array = np.asarray(values)
        array = array if array.ndim == 2 and array.dtype.kind in "fiu" else clean(array.reshape(-1))
        if array.ndim == 1:
            array = parse(array, "number", lambda row: f"{self.name!r}, row {row}").reshape(-1, 1)
        if not np.isfinite(array).all():
            row = int((~np.isfinite(array)).any(axis=1).argmax())
            raise DataError(
                f"{self.name!r}, row {row}", got="no number", expected="a finite number", fix="leave out that row"
            )
        return ((array - self.mean) / self.std).astype(np.float32)

    def labels(self, probabilities: np.ndarray) -> np.ndarray:
        raise DataError(self.name, got="a regression target", expected="classes", fix="use decode for numbers")

    def describe(self) -> str:
        return f"{self.name}: regression, mean {self.mean:g}, standard deviation {self.std:g}"


@spec
class ClassTarget(Target):
    """t = the number of the class: float32 (rows, 1) of 0 and 1 for two classes, int32 (rows,) for more

    name:     the column that is to be predicted.
    classes:  their names, in the order of their numbers.

    Example:
        >>> import numpy as np
        >>> from liuli import data
        >>> target = data.ClassTarget("kind", ("cat", "dog", "owl"))
        >>> target.encode(["owl", "cat"]).tolist(), target.labels(np.array([[0.1, 0.7, 0.2]])).tolist()
        ([2, 0], ['dog'])
    """

    classes: tuple[str, ...]

    def check(self) -> None:
        if len(set(self.classes)) < 2 or len(set(self.classes)) < len(self.classes):
            raise SpecError(
                "ClassTarget.classes",
                got=f"the classes {', '.join(map(repr, self.classes)) or '(none)'}",
                expected="two classes or more, all different",
                fix="check the target column",
            )

    @property
    def task(self) -> Task:
        return "binary" if len(self.classes) == 2 else "multiclass"

    def encode(self, values: Any) -> np.ndarray:
        numbers = {name: i for i, name in enumerate(self.classes)}
        cells = clean(np.asarray(values).reshape(-1))
        texts = parse(cells, "category", str)
        for row, text in enumerate(texts):
            if text not in numbers:
                got = "nothing" if text is None else f"the unknown class {text!r}"
                fix = "leave out that row" if text is None else f"write {nearest(text, self.classes)}"
                raise DataError(f"{self.name!r}, row {row}", got=got, expected="a class of the training data", fix=fix)
        found = np.array([numbers[text] for text in texts], np.int32)
        return found.astype(np.float32).reshape(-1, 1) if self.task == "binary" else found

    def labels(self, probabilities: np.ndarray) -> np.ndarray:
        p = np.asarray(probabilities)
        if self.task == "binary" and (p.ndim == 1 or p.shape[1:] == (1,)):
            chosen = (p.reshape(-1) > 0.5).astype(int)
        elif p.ndim == 2 and p.shape[1] == len(self.classes):
            chosen = p.argmax(axis=1)
        else:
            width = 1 if self.task == "binary" else len(self.classes)
            raise ShapeError(
                self.name,
                got=f"probabilities of shape {p.shape}",
                expected=f"(rows, {width})",
                fix=f"end the network in Dense({width})",
            )
        return np.array(self.classes)[chosen]

    def describe(self) -> str:
        return f"{self.name}: {self.task}, classes {', '.join(self.classes)}"


def find_task(name: str, cells: np.ndarray, task: Task | None, place: Place) -> tuple[Task, Column]:
    """The task that clean cells (none of them missing) ask for, and the target column. The first that holds decides:

    binary:      two different values.
    multiclass:  text or truth values; or at most 20 different whole numbers, each five times or more on average.
    regression:  other numbers.

    Raises:
        DataError: dates, text that hardly repeats, or fewer than two different values.
    """
    distinct = len(set(cells.tolist()))
    if distinct < 2:
        raise DataError(
            repr(name), got="the same value in every row", expected="a target that varies", fix="choose another target"
        )
    if task is None:
        task = _task_of(name, cells, distinct, place)
    column = read_column(name, cells, "number" if task == "regression" else "category", place)
    classes = len(set(column.values.tolist()))
    if task != "regression" and (task == "binary") != (classes == 2):
        raise DataError(
            repr(name), got=f"{classes} different values", expected=_WANTED[task], fix="leave out the task: it is found"
        )
    return task, column


def class_names(column: Column) -> tuple[str, ...]:
    """The classes of a target column: numbers in their own order, text in alphabetical order."""
    names = sorted(set(column.present.tolist()))
    return tuple(sorted(names, key=float) if all_numbers(np.array(names, object)) else names)


def mean_and_std(values: np.ndarray, name: str) -> tuple[float, float]:
    """mean = sum x / n, std = sqrt(sum (x - mean)^2 / n); 1 where the values do not vary.

    Raises:
        DataError: the numbers are too large for their squares.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        mean, std = float(np.mean(values)), float(np.std(values))
    if not np.isfinite([mean, std]).all():
        raise DataError(
            repr(name),
            got=f"numbers up to {np.abs(values).max():g}",
            expected="numbers whose squares are finite",
            fix="use other units",
        )
    return mean, std if std > max(10 * np.finfo(float).eps * abs(mean), TINY) else 1.0


def _task_of(name: str, cells: np.ndarray, distinct: int, place: Place) -> Task:
    if distinct == 2:
        return "binary"
    if all_numbers(cells):
        whole = all(float(text_of(c)).is_integer() for c in set(cells.tolist()))
        return "multiclass" if whole and distinct <= FEW and len(cells) >= EACH * distinct else "regression"
    kind = find_kind(name, cells, place)
    if kind in ("date", "text", "identifier"):
        raise DataError(
            repr(name),
            got="dates" if kind == "date" else f"{distinct} different texts in {len(cells)} rows",
            expected="numbers or classes to predict",
            fix="choose another target column",
        )
    return "multiclass"


_WANTED = {"binary": "two classes", "multiclass": "three classes or more"}
