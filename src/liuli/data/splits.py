"""How rows are dealt into parts: at random, by class, by group, by time; and in k folds.

Every row lands in exactly one part. Sizes are the asked share of all rows, rounded to whole rows.
"""

from __future__ import annotations

import numbers
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

import numpy as np

from liuli.core.errors import DataError
from liuli.data.cells import is_missing

By = str | np.ndarray | Sequence[Any]
"""A value for each row: an array, or the name of a column."""

Choice = Callable[[np.ndarray, int, int], np.ndarray]
"""Which of the rows that are left, how many of them, and how many parts are still to come after this one."""


class Splittable:
    """Rows that can be dealt into parts. What has rows says how to ``take`` some, and what their classes are."""

    def __len__(self) -> int:
        raise NotImplementedError

    def take(self, rows: np.ndarray | Sequence[int]) -> Self:
        """The given rows, in the given order."""
        raise NotImplementedError

    def strata(self) -> np.ndarray:
        """The class of each row."""
        raise NotImplementedError

    def series(self, name: str) -> np.ndarray:
        """The values of the column called ``name``."""
        raise NotImplementedError

    def split(
        self,
        test: float = 0.2,
        validation: float | None = None,
        stratify: bool = False,
        seed: int = 0,
        *,
        group: By | None = None,
        time: By | None = None,
    ) -> tuple[Self, ...]:
        """(train, test), or (train, validation, test) where ``validation`` is given.

        test, validation:  shares of all rows, rounded to whole rows.
        stratify:          each part has the classes in the proportions of the whole, to within a row.
        group:             rows of one group stay together; the shares are then met as nearly as whole groups allow.
        time:              the latest rows are the test part, those before them the validation part. Nothing is random.
        seed:              the same seed deals the same rows.

        Raises:
            DataError: a share is not between 0 and 1, a part would be empty, or a class has a single row to stratify.

        Example:
            >>> from liuli import data
            >>> train, test = data.load("iris").split(test=0.2, stratify=True)
            >>> len(train), len(test)
            (120, 30)
        """
        sizes = _sizes(len(self), test, validation)
        choose = self._choice(stratify, group, time, np.random.default_rng(_seed(seed)), len(sizes))
        return tuple(self.take(rows) for rows in _deal(len(self), sizes, choose))

    def k_fold(
        self, k: int = 5, stratify: bool = False, group: By | None = None, seed: int = 0
    ) -> Iterator[tuple[Self, Self]]:
        """k pairs (train, validation), in which every row is in exactly one validation part.

        k:         how many folds, at least 2.
        stratify:  each fold has the classes in the proportions of the whole, to within a row.
        group:     rows of one group are in the same fold.
        seed:      the same seed makes the same folds.

        Raises:
            DataError: fewer rows or groups than folds, or a class has a single row to stratify.

        Example:
            >>> from liuli import data
            >>> [len(part) for _, part in data.load("iris").k_fold(4)]
            [38, 38, 37, 37]
        """
        _one_of(stratify=stratify, group=group is not None)
        generator = np.random.default_rng(_seed(seed))
        if group is not None:
            codes = _codes(self._each(group, "group"))
            _enough(k, int(codes.max()) + 1, "groups")
            fold = _grouped_folds(codes, k, generator)
        else:
            _enough(k, len(self), "rows")
            fold = _folds(_at_least_two(self.strata()) if stratify else np.zeros(len(self), int), k, generator)
        return ((self.take(np.flatnonzero(fold != i)), self.take(np.flatnonzero(fold == i))) for i in range(k))

    def _choice(
        self, stratify: bool, group: By | None, time: By | None, generator: np.random.Generator, parts: int
    ) -> Choice:
        _one_of(stratify=stratify, group=group is not None, time=time is not None)
        if time is not None:
            return _latest(_ordered(self._each(time, "time")))
        if group is not None:
            codes = _codes(self._each(group, "group"))
            _enough(parts + 1, int(codes.max()) + 1, "groups")
            return _whole_groups(codes, generator)
        codes = _at_least_two(self.strata()) if stratify else np.zeros(len(self), int)
        return _from_each_class(codes, generator)

    def _each(self, by: By, what: str) -> np.ndarray:
        values = self.series(by) if isinstance(by, str) else np.asarray(by)
        if values.shape != (len(self),):
            raise DataError(
                f"split/{what}",
                got=f"values of shape {values.shape}",
                expected=f"one value for each of the {len(self)} rows",
                fix="give the name of a column, or an array as long as the data",
            )
        return values


def _deal(n: int, sizes: tuple[int, ...], choose: Choice) -> tuple[np.ndarray, ...]:
    """The rows of each part: those to train on first, then the others, the test part last."""
    left, parts = np.arange(n), []
    for position, size in enumerate(sizes):
        parts.append(choose(left, size, len(sizes) - position))
        left = np.setdiff1d(left, parts[-1], assume_unique=True)
    return (choose(left, len(left), 0), *reversed(parts))


def _from_each_class(codes: np.ndarray, generator: np.random.Generator) -> Choice:
    def choose(left: np.ndarray, size: int, after: int) -> np.ndarray:
        rows = generator.permutation(left)
        here = codes[rows]
        takes = apportion(np.bincount(here, minlength=codes.max() + 1), size)
        return rows[_rank_in_class(here) < takes[here]]

    return choose


def _whole_groups(codes: np.ndarray, generator: np.random.Generator) -> Choice:
    """Groups in random order, as many as come nearest to the size, leaving one at least for each part after."""

    def choose(left: np.ndarray, size: int, after: int) -> np.ndarray:
        groups = generator.permutation(np.unique(codes[left]))
        reached = np.cumsum(np.bincount(codes[left])[groups])
        count = 1 + int(np.abs(reached[: len(groups) - after] - size).argmin())
        return generator.permutation(left[np.isin(codes[left], groups[:count])])

    return choose


def _latest(times: np.ndarray) -> Choice:
    def choose(left: np.ndarray, size: int, after: int) -> np.ndarray:
        order = left[np.argsort(times[left], kind="stable")]
        return order[len(order) - size :]

    return choose


def apportion(counts: np.ndarray, size: int) -> np.ndarray:
    """``size`` rows dealt to classes of ``counts`` rows in proportion, by the largest remainder (Hamilton's method).

    >>> apportion(np.array([50, 30, 20]), 11).tolist()
    [6, 3, 2]
    """
    exact = counts * size / counts.sum()
    takes = np.floor(exact).astype(int)
    order = np.argsort(-(exact - takes), kind="stable")
    takes[order[: size - takes.sum()]] += 1
    return takes


def _rank_in_class(codes: np.ndarray) -> np.ndarray:
    """0 for the first row of each class, 1 for the second, ..."""
    order = np.argsort(codes, kind="stable")
    counts = np.bincount(codes)
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    ranks = np.empty(len(codes), int)
    ranks[order] = np.arange(len(codes)) - starts
    return ranks


def _folds(codes: np.ndarray, k: int, generator: np.random.Generator) -> np.ndarray:
    """Rows sorted by class, shuffled within, and dealt out like cards."""
    shuffled = generator.permutation(len(codes))
    order = shuffled[np.argsort(codes[shuffled], kind="stable")]
    fold = np.empty(len(codes), int)
    fold[order] = np.arange(len(codes)) % k
    return fold


def _grouped_folds(codes: np.ndarray, k: int, generator: np.random.Generator) -> np.ndarray:
    """The largest group first, each to the fold that has the fewest rows."""
    counts = np.bincount(codes)
    shuffled = generator.permutation(len(counts))
    fold, sizes = np.empty(len(counts), int), np.zeros(k, int)
    for group in shuffled[np.argsort(-counts[shuffled], kind="stable")]:
        fold[group] = sizes.argmin()
        sizes[fold[group]] += counts[group]
    return fold[codes]


def _sizes(n: int, test: float, validation: float | None) -> tuple[int, ...]:
    """How many rows the test part and the validation part get."""
    shares = {"test": test} if validation is None else {"test": test, "validation": validation}
    for name, share in shares.items():
        if isinstance(share, bool) or not isinstance(share, numbers.Real) or not 0 < share < 1:
            raise DataError(
                f"split/{name}", got=repr(share), expected="a share between 0 and 1", fix=f"write {name}=0.2"
            )
    if sum(shares.values()) >= 1:
        raise DataError(
            "split",
            got=f"shares that add up to {sum(shares.values()):g}",
            expected="less than 1, so that something is left to train on",
            fix="write test=0.2, validation=0.1",
        )
    sizes = {name: round(share * n) for name, share in shares.items()}
    for name, size in {"train": n - sum(sizes.values()), **sizes}.items():
        if size < 1:
            raise DataError(
                f"split/{name}", got=f"no row of {n}", expected="at least one row in each part", fix="change the shares"
            )
    return tuple(sizes.values())


def _one_of(**asked: bool) -> None:
    names = [name for name, wanted in asked.items() if wanted]
    if len(names) > 1:
        raise DataError("split", got=" and ".join(names), expected="one of them", fix=f"leave {names[0]} out")


def _enough(k: int, things: int, what: str) -> None:
    if isinstance(k, bool) or not isinstance(k, numbers.Integral) or not 2 <= k <= things:
        raise DataError(
            "split",
            got=f"{things} {what} for {k!r} parts",
            expected=f"a whole number of parts from 2 to the number of {what}",
            fix=f"use {max(2, min(5, things))} parts" if things >= 2 else f"gather more {what}",
        )


def _at_least_two(classes: np.ndarray) -> np.ndarray:
    """The classes as codes 0, 1, ..., each of which has two rows or more."""
    names, codes, counts = np.unique(classes, return_inverse=True, return_counts=True)
    if counts.min() < 2:
        raise DataError(
            "split/stratify",
            got=f"the class {names[counts.argmin()]} with a single row",
            expected="two rows or more of each class",
            fix="leave out that row, or write stratify=False",
        )
    return codes


def _codes(values: np.ndarray) -> np.ndarray:
    return np.unique(values.astype(str) if values.dtype == object else values, return_inverse=True)[1]


def _ordered(times: np.ndarray) -> np.ndarray:
    """Times that can be compared: none of them missing."""
    missing = is_missing(times)
    if missing.any():
        raise DataError(
            "split/time",
            got=f"no time in row {missing.argmax()}",
            expected="a time for each row",
            fix="leave out the rows that have none",
        )
    return times


def _seed(seed: int) -> int:
    if isinstance(seed, bool) or not isinstance(seed, numbers.Integral) or seed < 0:
        raise DataError("split/seed", got=repr(seed), expected="a whole number of at least 0", fix="write seed=0")
    return int(seed)
