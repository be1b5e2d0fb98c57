"""Every row lands in exactly one part; classes, groups and time are respected."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liuli import data
from liuli.core.errors import DataError

SEEDS = st.integers(0, 2**31)
SHARES = st.floats(0.1, 0.45)


def numbered(n: int, classes: np.ndarray | None = None) -> data.Dataset:
    """n rows, each of which holds its own number."""
    y = np.zeros(n) if classes is None else classes
    return data.Dataset(np.arange(n)[:, None], y, "regression" if classes is None else "multiclass", ("row",))


def rows(part: data.Dataset) -> list[int]:
    return part.x[:, 0].tolist()


def whole(parts, n: int) -> bool:
    """Whether the parts hold each of n rows once."""
    return sorted(row for part in parts for row in rows(part)) == list(range(n))


@given(st.integers(10, 200), SHARES, SHARES, SEEDS)
def test_no_row_is_lost_and_none_comes_twice(n, test, validation, seed):
    parts = numbered(n).split(test, validation, seed=seed)
    assert whole(parts, n)
    assert [len(part) for part in parts[1:]] == [round(validation * n), round(test * n)]


@given(st.integers(10, 100), SEEDS)
def test_one_seed_deals_the_same_rows(n, seed):
    first, again = (numbered(n).split(0.3, seed=seed) for _ in range(2))
    assert [rows(part) for part in first] == [rows(part) for part in again]


def test_another_seed_deals_other_rows():
    assert rows(numbered(100).split(seed=0)[1]) != rows(numbered(100).split(seed=1)[1])


def test_parts_are_shuffled():
    train, test = numbered(100).split(0.5)
    assert rows(train) != sorted(rows(train)) and rows(test) != sorted(rows(test))


CLASSES = st.lists(st.integers(4, 40), min_size=2, max_size=5).map(
    lambda counts: np.repeat(np.arange(len(counts)), counts)
)


@given(CLASSES, SHARES, st.one_of(st.none(), SHARES), SEEDS)
def test_each_part_has_the_classes_in_proportion(classes, test, validation, seed):
    whole_set = numbered(len(classes), classes)
    parts = whole_set.split(test, validation, stratify=True, seed=seed)
    assert whole(parts, len(classes))
    counts = np.bincount(classes)
    slack = 1 if validation is None else 2  # what is left for validation is itself rounded
    for part in parts:
        share = np.bincount(part.y, minlength=len(counts))
        assert (abs(share - counts * len(part) / len(classes)) <= slack + 1e-9).all()


@given(st.lists(st.integers(0, 8), min_size=12, max_size=80).filter(lambda g: len(set(g)) >= 3), SHARES, SEEDS)
def test_groups_never_straddle(groups, test, seed):
    parts = numbered(len(groups)).split(test, 0.2, group=np.array(groups), seed=seed)
    assert whole(parts, len(groups))
    seen = [{groups[row] for row in rows(part)} for part in parts]
    assert all(seen) and sum(map(len, seen)) == len(set(groups))


def test_groups_meet_the_share_where_they_can():
    groups = np.repeat(np.arange(20), 5)
    assert [len(part) for part in numbered(100).split(0.2, 0.1, group=groups)] == [70, 10, 20]


@given(st.lists(st.floats(-1e6, 1e6), min_size=10, max_size=80), SHARES)
def test_the_latest_rows_are_the_test_part(times, test):
    parts = numbered(len(times)).split(test, 0.2, time=np.array(times))
    assert whole(parts, len(times))
    order = [times[row] for part in parts for row in rows(part)]
    assert order == sorted(order)


def test_time_may_be_dates():
    days = np.array(["2024-03-02", "2024-03-01", "2024-03-03", "2024-02-28"], "datetime64[D]")
    assert [rows(part) for part in numbered(4).split(0.25, time=days)] == [[3, 1, 0], [2]]


@given(st.integers(6, 100), st.integers(2, 6), SEEDS)
def test_each_row_is_in_one_validation_part(n, k, seed):
    folds = list(numbered(n).k_fold(k, seed=seed))
    assert len(folds) == k
    assert whole([validation for _, validation in folds], n)
    for train, validation in folds:
        assert whole([train, validation], n)
        assert len(validation) in (n // k, n // k + 1)


@given(CLASSES, st.integers(2, 4), SEEDS)
def test_each_fold_has_the_classes_in_proportion(classes, k, seed):
    counts = np.bincount(classes)
    for _, validation in numbered(len(classes), classes).k_fold(k, stratify=True, seed=seed):
        assert (abs(np.bincount(validation.y, minlength=len(counts)) - counts / k) < 1).all()


@given(st.lists(st.integers(0, 8), min_size=12, max_size=80).filter(lambda g: len(set(g)) >= 3), SEEDS)
def test_folds_keep_groups_together(groups, seed):
    folds = list(numbered(len(groups)).k_fold(3, group=groups, seed=seed))
    assert whole([validation for _, validation in folds], len(groups))
    for train, validation in folds:
        assert not {groups[row] for row in rows(train)} & {groups[row] for row in rows(validation)}


def test_group_and_time_by_name():
    train, test = numbered(10).split(0.3, time="row")
    assert (rows(train), rows(test)) == ([0, 1, 2, 3, 4, 5, 6], [7, 8, 9])
    table = data.Table.of({"who": ["a", "b", "a", "c", "b", "c"], "x": [1, 2, 3, 4, 5, 6], "y": [0.1, 3, 2, 1, 5, 6]})
    train, test = table.split(0.3, group="who")
    assert not set(train["who"].values) & set(test["who"].values)
    assert len(train) + len(test) == 6


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"test": 1.5}, "split/test: got 1.5; expected a share between 0 and 1"),
        ({"test": 0.0}, "split/test: got 0.0"),
        ({"test": True}, "split/test: got True"),
        ({"validation": -0.1}, "split/validation: got -0.1"),
        ({"test": 0.6, "validation": 0.5}, "add up to 1.1"),
        ({"test": 0.01}, "split/test: got no row of 12"),
        ({"test": 0.99}, "split/train: got no row of 12"),
        ({"stratify": True}, "the class 2 with a single row"),
        ({"group": [1, 2]}, r"values of shape \(2,\); expected one value for each of the 12 rows"),
        ({"group": [1] * 12}, "1 groups for 2 parts"),
        ({"group": "rwo"}, "no feature 'rwo'.*'row'"),
        ({"time": [1.0] * 11 + [np.nan]}, "split/time: got no time in row 11"),
        ({"group": [1] * 12, "time": "row"}, "got group and time; expected one of them"),
        ({"seed": -1}, "split/seed: got -1"),
    ],
)
def test_what_cannot_be_split_is_said(asked, words):
    classes = np.array([0] * 6 + [1] * 5 + [2])
    with pytest.raises(DataError, match=words):
        numbered(12, classes).split(**asked)


def test_what_cannot_be_folded_is_said():
    with pytest.raises(DataError, match="3 rows for 4 parts"):
        numbered(3).k_fold(4)
    with pytest.raises(DataError, match="for 1 parts"):
        numbered(3).k_fold(1)
    with pytest.raises(DataError, match="regression target; expected classes"):
        numbered(9).k_fold(3, stratify=True)
    with pytest.raises(DataError, match="a single row"):
        numbered(3, np.array([0, 0, 1])).k_fold(2, stratify=True)
