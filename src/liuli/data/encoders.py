"""Columns as numbers: what was learnt from the training part of a column, and the features that it becomes.

A slot for what is missing, or for categories that are not known, exists where the training part has such rows: a slot
that no row of it fills would answer with weights that were never trained. Without the slot, what is missing or
unknown is encoded as the mean of a number, and as zeros of a category.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from liuli.core.errors import DataError
from liuli.core.specs import Spec, abstract, setting, spec
from liuli.data.cells import Kind, Place, iso, parse
from liuli.data.columns import Column
from liuli.data.targets import TINY, mean_and_std

MOST = 50  # categories of a column that get a slot of their own


@abstract
class Encoder(Spec, family="encoders"):
    """What a column of the training part taught, and how a column like it becomes features.

    name:  the column.
    """

    name: str

    @property
    def kind(self) -> Kind:
        """What the column must hold."""
        raise NotImplementedError

    @property
    def feature_names(self) -> tuple[str, ...]:
        """A name for each feature."""
        raise NotImplementedError

    def features(self, values: np.ndarray) -> np.ndarray:
        """The features (rows, len(feature_names)) of parsed values."""
        raise NotImplementedError

    def describe(self) -> str:
        """What was learnt, in a few words."""
        raise NotImplementedError

    def encode(self, cells: np.ndarray, place: Place) -> np.ndarray:
        """The features of clean cells.

        Raises:
            DataError: a cell is not of this kind.
        """
        try:
            return self.features(parse(cells, self.kind, place))
        except DataError as error:
            fix = "mend the cell, or leave it empty"
            raise DataError(f"{self.name!r}, {error.where}", got=error.got, expected=error.expected, fix=fix) from None


@spec
class NumberEncoder(Encoder):
    """z = (x - mean) / std            z = 0 where x is missing, and 1 in a second feature

    name:         the column.
    mean:         of the training part, without what is missing.
    std:          the standard deviation of the training part (divided by n), or 1 where it does not vary.
    has_missing:  whether the training part has rows without a number: then there is a second feature for them.

    Example:
        >>> import numpy as np
        >>> from liuli import data
        >>> data.NumberEncoder("age", mean=40.0, std=10.0, has_missing=True).features(np.array([50.0, np.nan])).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """

    mean: float
    std: float = setting(least=TINY)
    has_missing: bool = False

    @classmethod
    def fit(cls, column: Column) -> NumberEncoder:
        """The encoder for a column of the training part."""
        return cls(column.name, *_mean_and_std(column), column.missing > 0)

    @property
    def kind(self) -> Kind:
        return "number"

    @property
    def feature_names(self) -> tuple[str, ...]:
        return _with_missing((self.name,), self)

    def features(self, values: np.ndarray) -> np.ndarray:
        z = np.where(np.isnan(values), 0.0, (values - self.mean) / self.std)
        return _flagged(z[:, None], values, self.has_missing)

    def describe(self) -> str:
        return f"mean {self.mean:g}, standard deviation {self.std:g}"


@spec
class BooleanEncoder(Encoder):
    """1 for true, 0 for false            the share of true where it is missing, and 1 in a second feature

    name:         the column.
    share:        of true in the training part.
    has_missing:  whether the training part has rows without a value: then there is a second feature for them.

    Example:
        >>> import numpy as np
        >>> from liuli import data
        >>> data.BooleanEncoder("smokes", share=0.25).features(np.array([1.0, np.nan])).tolist()
        [[1.0], [0.25]]
    """

    share: float = setting(least=0.0, most=1.0)
    has_missing: bool = False

    @classmethod
    def fit(cls, column: Column) -> BooleanEncoder:
        """The encoder for a column of the training part."""
        return cls(column.name, float(column.present.mean()) if len(column.present) else 0.0, column.missing > 0)

    @property
    def kind(self) -> Kind:
        return "boolean"

    @property
    def feature_names(self) -> tuple[str, ...]:
        return _with_missing((self.name,), self)

    def features(self, values: np.ndarray) -> np.ndarray:
        return _flagged(np.where(np.isnan(values), self.share, values)[:, None], values, self.has_missing)

    def describe(self) -> str:
        return f"{self.share:.0%} true"


@spec
class CategoryEncoder(Encoder):
    """1 in the slot of the category, 0 in the others

    name:         the column.
    values:       the categories of the training part in alphabetical order, the 50 most frequent where there are more.
    has_other:    whether the training part has more: then a slot follows for those, and for what it never had.
    has_missing:  whether the training part has rows without a category: then a last slot follows for them.

    Example:
        >>> import numpy as np
        >>> from liuli import data
        >>> encoder = data.CategoryEncoder("city", ("Basel", "Bern"), has_missing=True)
        >>> encoder.features(np.array(["Bern", None, "Chur"], dtype=object)).tolist()
        [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]
    """

    values: tuple[str, ...]
    has_other: bool = False
    has_missing: bool = False

    @classmethod
    def fit(cls, column: Column) -> CategoryEncoder:
        """The encoder for a column of the training part."""
        values, counts = np.unique(column.present.astype(str), return_counts=True)
        kept = np.sort(np.argsort(-counts, kind="stable")[:MOST])
        return cls(column.name, tuple(values[kept].tolist()), len(values) > MOST, column.missing > 0)

    @property
    def kind(self) -> Kind:
        return "category"

    @property
    def feature_names(self) -> tuple[str, ...]:
        slots = tuple(f"{self.name}={value}" for value in self.values)
        return _with_missing(slots + (f"{self.name} other",) * self.has_other, self)

    def features(self, values: np.ndarray) -> np.ndarray:
        slots: dict[str | None, int] = {value: slot for slot, value in enumerate(self.values)}
        other = len(slots)
        slots[None] = other + self.has_other if self.has_missing else -1
        rest = other if self.has_other else -1
        found = np.array([slots.get(value, rest) for value in values], int)
        return (found[:, None] == np.arange(len(self.feature_names))).astype(float)

    def describe(self) -> str:
        more = " and others" if self.has_other else ""
        return f"{len(self.values)} categories{more}: {', '.join(self.values[:5])}{', ...' * (len(self.values) > 5)}"


@spec
class DateEncoder(Encoder):
    """((d - mean) / std, sin m, cos m, sin w, cos w), m = 2 pi month / 12, w = 2 pi weekday / 7

    d: days since 1970-01-01; month: 0 for January; weekday: 0 for Monday. All are 0 where the date is missing, with 1
    in a sixth feature.

    name:         the column.
    mean:         of d in the training part, without what is missing.
    std:          the standard deviation of d in the training part (divided by n), or 1 where it does not vary.
    has_missing:  whether the training part has rows without a date: then there is a sixth feature for them.

    Example:
        >>> import numpy as np
        >>> from liuli import data
        >>> data.DateEncoder("born", mean=0.0, std=365.0).features(np.array([365.0])).round(2).tolist()
        [[1.0, 0.0, 1.0, -0.43, -0.9]]
    """

    mean: float
    std: float = setting(least=TINY)
    has_missing: bool = False

    @classmethod
    def fit(cls, column: Column) -> DateEncoder:
        """The encoder for a column of the training part."""
        return cls(column.name, *_mean_and_std(column), column.missing > 0)

    @property
    def kind(self) -> Kind:
        return "date"

    @property
    def feature_names(self) -> tuple[str, ...]:
        cycles = (f"{self.name} {f} {cycle}" for cycle in ("month", "weekday") for f in ("sin", "cos"))
        return _with_missing((self.name, *cycles), self)

    def features(self, values: np.ndarray) -> np.ndarray:
        days = np.floor(np.where(np.isnan(values), self.mean, values)).astype(int).astype("datetime64[D]")
        month = 2 * np.pi * (days.astype("datetime64[M]").astype(int) % 12) / 12
        weekday = 2 * np.pi * ((days.astype(int) + 3) % 7) / 7  # 1970-01-01 was a Thursday
        z = (values - self.mean) / self.std
        each = np.stack([z, np.sin(month), np.cos(month), np.sin(weekday), np.cos(weekday)], axis=1)
        return _flagged(np.where(np.isnan(values)[:, None], 0.0, each), values, self.has_missing)

    def describe(self) -> str:
        return f"around {iso(self.mean)}, standard deviation {self.std:g} days"


def fit_encoder(column: Column) -> Encoder:
    """The encoder for a column of the training part."""
    return _OF_KIND[column.kind].fit(column)


def _mean_and_std(column: Column) -> tuple[float, float]:
    return mean_and_std(column.present, column.name) if len(column.present) else (0.0, 1.0)


def _with_missing(names: tuple[str, ...], encoder: Any) -> tuple[str, ...]:
    return (*names, f"{encoder.name} missing") if encoder.has_missing else names


def _flagged(features: np.ndarray, values: np.ndarray, has_missing: bool) -> np.ndarray:
    """The features, and 1 in one more where a value is missing."""
    return np.concatenate([features, np.isnan(values)[:, None]], axis=1) if has_missing else features


_OF_KIND: dict[str, Any] = {
    "number": NumberEncoder,
    "boolean": BooleanEncoder,
    "category": CategoryEncoder,
    "date": DateEncoder,
}
