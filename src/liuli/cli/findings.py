"""What a trained model gets wrong: the classes that it confuses, the row where it errs most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from liuli.cli.terminal import Terminal
from liuli.data import ClassTarget, Preprocessing
from liuli.training import Model

MOST = 3  # pairs of confused classes that are told


@dataclass(frozen=True)
class Findings:
    """What was found on ``rows`` rows of ``part``. Rows are counted from 0 within the part.

    confused:  pairs of classes (true, taken for, how often), the most frequent first.
    worst:     the row, its true class or number, what was predicted, and the probability of the true class.
    """

    part: str
    rows: int
    confused: tuple[tuple[str, str, int], ...] = ()
    worst: tuple[int, Any, Any, float | None] | None = None

    def facts(self) -> dict[str, Any]:
        """As run.json and --json have it."""
        confused = [{"true": t, "taken_for": p, "rows": n} for t, p, n in self.confused]
        names = ("row", "true", "predicted", "probability")
        return {"confused": confused, "worst": dict(zip(names, self.worst, strict=True)) if self.worst else None}

    def lines(self, terminal: Terminal) -> list[tuple[str, str]]:
        """As people read it: labels and texts."""
        told = [
            ("found", terminal.word("confused", true=t, taken=p, count=n, rows=self.rows))
            for t, p, n in self.confused[:MOST]
        ]
        if self.worst is None:
            return told
        row, true, predicted, probability = self.worst
        if probability is None:
            return [*told, ("worst", terminal.word("worst.number", row=row, true=true, predicted=predicted))]
        told = told or [("found", terminal.word("none.wrong"))]
        words = {"row": row, "true": true, "taken": predicted, "probability": probability}
        return [*told, ("worst", terminal.word("worst.class", **words))] if true != predicted else told


def find(model: Model, part: str, data: Any) -> Findings:
    """What ``model`` gets wrong on data with targets."""
    schema, predictions = model.recipe.schema, np.asarray(model.predict(data))
    if schema is None or not np.isfinite(predictions).all():
        return Findings(part, len(data))
    if not isinstance(schema.target, ClassTarget):
        return _of_numbers(part, schema, predictions, data)
    return _of_classes(part, schema, predictions, data)


def _of_numbers(part: str, schema: Preprocessing, predictions: np.ndarray, data: Any) -> Findings:
    true = schema.decode(schema.encode_target(data))
    row, column = np.unravel_index(int(np.abs(true - predictions).argmax()), true.shape)
    worst = (int(row), float(true[row, column]), float(predictions[row, column]), None)
    return Findings(part, len(data), worst=worst)


def _of_classes(part: str, schema: Preprocessing, predictions: np.ndarray, data: Any) -> Findings:
    names: tuple[str, ...] = schema.target.classes  # type: ignore[attr-defined]
    each = probabilities(predictions)
    true, taken = schema.encode_target(data).reshape(-1).astype(int), each.argmax(axis=1)
    pairs, counts = np.unique(np.stack([true, taken])[:, true != taken], axis=1, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    confused = tuple((names[pairs[0, i]], names[pairs[1, i]], int(counts[i])) for i in order)
    of_true = each[np.arange(len(true)), true]
    row = int(of_true.argmin())
    return Findings(part, len(data), confused, (row, names[true[row]], names[taken[row]], float(of_true[row])))


def probabilities(predictions: np.ndarray) -> np.ndarray:
    """A probability for each class (rows, classes), also where the network gives that of the second of two alone."""
    return np.concatenate([1 - predictions, predictions], axis=1) if predictions.shape[1] == 1 else predictions
