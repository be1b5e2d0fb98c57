"""Rows and columns of the data as the cells of tables."""

from __future__ import annotations

from typing import Any

import numpy as np

from liuli.data import (
    BooleanEncoder,
    CategoryEncoder,
    Column,
    DateEncoder,
    NumberEncoder,
    RegressionTarget,
    Schema,
    Table,
)
from liuli.data.cells import is_missing, iso
from liuli.report.panels import brief, share
from liuli.report.story import Story
from liuli.report.words import Words

COLUMNS, FEATURES = 60, 30
"""At most so many columns are described, and shown beside a prediction."""


def as_table(part: Any) -> Table | None:
    """The part as a table, where its rows have named columns and are no images."""
    if isinstance(part, Table):
        return part
    flat = len(part.item_shape) == 1 and part.image_shape is None
    return Table.of(part) if flat and (part.task != "regression" or part.y.shape[1:] == (1,)) else None


def column_rows(story: Story) -> tuple[list[str], list[tuple[Any, ...]], int]:
    """Head and rows of the table of columns, the target last, and how many columns there are."""
    words, whole = story.words, as_table(story.data)
    head = [words(key) for key in ("column", "kind", "missing", "distinct", "content", "encoding")]
    if whole is None:
        return head, [], 0
    schema = story.model.recipe.schema
    encoders = {c.name: c for c in schema.columns} if isinstance(schema, Schema) else {}
    rows = [_described(column, _encoding(column, encoders, schema, words), words) for column in whole.columns[:COLUMNS]]
    target = getattr(schema, "target", None)
    if isinstance(target, RegressionTarget):
        role = words("is target scaled", mean=brief(target.mean), std=brief(target.std))
    else:
        role = words("is target")
    return head, [*rows, _described(whole.target, role, words)], len(whole.columns)


def shown_rows(story: Story, rows: np.ndarray) -> tuple[list[str], list[tuple[Any, ...]], list[int]]:
    """Head, cells and numeric columns of a table of predictions, the features beside them."""
    words, answers, names = story.words, story.answers, story.class_names
    whole = as_table(story.test)
    features = () if whole is None else whole.features[:FEATURES]
    if answers is None:
        return [], [], []
    if names:
        head = [story.say("row"), *(words(key) for key in ("true", "predicted", "probability", "probability of true"))]
        p = answers.probabilities
        said = [
            (names[true], names[taken], share(p[r, taken]), share(p[r, true]))  # type: ignore[index]
            for r, true, taken in zip(rows, answers.true[rows], answers.predicted[rows], strict=True)
        ]
    else:
        head = [story.say("row"), words("true"), words("predicted"), words("residual")]
        pairs = [(answers.true[r], answers.predicted[r]) for r in rows]
        said = [(brief(true), brief(found), f"{found - true:+.4g}") for true, found in pairs]
    cells = [[_cell(column, row) for column in features] for row in rows]
    numeric = [3, 4] if names else [1, 2, 3]
    numeric += [len(head) + i for i, c in enumerate(features) if c.kind == "number"]
    lines = [(int(row), *answer, *own) for row, answer, own in zip(rows, said, cells, strict=True)]
    return head + [c.name for c in features], lines, numeric


def plain_row(table: Table, row: int = 0) -> dict[str, Any]:
    """The features of a row as Python values: numbers, text, truth, dates as text, None where missing."""
    return {column.name: _plain(column, row) for column in table.features}


def _described(column: Column, encoding: str, words: Words) -> tuple[Any, ...]:
    values, counts = np.unique(column.present, return_counts=True)
    kind = words(f"kind {column.kind}")
    return (
        column.name,
        kind,
        f"{column.missing:,}",
        f"{len(values):,}",
        _content(column, values, counts, words),
        encoding,
    )


def _content(column: Column, values: np.ndarray, counts: np.ndarray, words: Words) -> str:
    """The range of numbers and dates; the most frequent of other values."""
    if not len(values):
        return words("nothing")
    if column.kind in ("number", "date"):
        shown = brief if column.kind == "number" else iso
        return words("range", low=shown(values[0]), high=shown(values[-1]))
    top = np.argsort(-counts, kind="stable")[:4]
    shown = _mark if column.kind == "boolean" else str
    said = ", ".join(f"{shown(values[i])[:30]} ({counts[i]})" for i in top)
    return said + ", …" * (len(values) > len(top))


def _encoding(column: Column, encoders: dict[str, Any], schema: Any, words: Words) -> str:
    """What the network is given of the column."""
    encoder = encoders.get(column.name)
    if encoder is None:
        return words("left out" if isinstance(schema, Schema) else "as it is")
    more = words("plus missing") if encoder.has_missing else ""
    if isinstance(encoder, NumberEncoder):
        return words("scaled", mean=brief(encoder.mean), std=brief(encoder.std)) + more
    if isinstance(encoder, CategoryEncoder):
        return words("one-hot", n=len(encoder.values)) + more
    known = {DateEncoder: "scaled date", BooleanEncoder: "zero or one"}
    return words(known.get(type(encoder), "as it is")) + more


def _cell(column: Column, row: int) -> str:
    """A cell as it is shown."""
    value = _plain(column, row)
    if value is None:
        return "–"
    if isinstance(value, bool):
        return _mark(value)
    return brief(value) if column.kind == "number" else str(value)


def _plain(column: Column, row: int) -> Any:
    if is_missing(column.values[row : row + 1])[0]:
        return None
    if column.kind == "date":
        return iso(column.values[row])
    if column.kind == "boolean":
        return bool(column.values[row])
    return _shortest(column.values[row]) if column.kind == "number" else str(column.values[row])


def _mark(value: Any) -> str:
    return "✓" if value else "✗"


def _shortest(value: Any) -> float:
    """A number without the digits that only a float32 in the data makes: 29.2, not 29.200000762939453."""
    single = np.float32(value) if abs(value) < np.finfo(np.float32).max else np.float32(0)
    return float(str(single)) if float(single) == value else float(value)
