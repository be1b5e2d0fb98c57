"""What the report tells of: the model, its data, its answers on the test part, and the values inside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import numpy as np

from liuli.core.dials import with_dials
from liuli.core.precision import compute_dtype, parameter_dtype, scope
from liuli.core.trees import flatten
from liuli.data import ClassTarget, Dataset, Table
from liuli.layers.base import Context, Shape
from liuli.networks import Summary
from liuli.report.words import Words
from liuli.training import History, Model
from liuli.training.arrays import as_inputs

WATCHED = 256  # test rows whose activations are looked at


@dataclass(frozen=True)
class Answers:
    """What is true and what the model says, row by row of the test part.

    true, predicted:  numbers of classes, or values (rows,).
    probabilities:    (rows, classes), or None where values are predicted.
    """

    true: np.ndarray
    predicted: np.ndarray
    probabilities: np.ndarray | None = None

    def worst(self, most: int) -> np.ndarray:
        """The rows that fared worst, the worst first: the true class least probable, or the value farthest off."""
        if self.probabilities is None:
            badness = np.abs(self.predicted - self.true)
        else:
            badness = -self.probabilities[np.arange(len(self.true)), self.true]
        return np.argsort(-badness, kind="stable")[:most]


@dataclass(frozen=True)
class Story:
    """Everything that a report is made from, and what follows from it."""

    model: Model
    history: History
    data: Any  # a Dataset or a Table, as the two parts
    train: Any
    test: Any
    evaluation: Mapping[str, float]
    words: Words
    facts: Mapping[str, Any]
    legible: Callable[[str], bool] = lambda name: True  # whether figures can write a name

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes in the order of the network's units; none where values are predicted."""
        if self.data.task == "regression":
            return ()
        target = getattr(self.model.recipe.schema, "target", None)
        if isinstance(target, ClassTarget):
            return target.classes
        return self.data.class_names or tuple(map(str, range(max(2, int(self.data.y.max()) + 1))))

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The classes as figures write them: by number where they cannot write the name."""
        said = self.words
        return tuple(n if self.legible(n) else said("class number", n=i) for i, n in enumerate(self.class_names))

    @property
    def target_name(self) -> str:
        """What is predicted, as figures write it."""
        name = self.data.target_name
        return name if self.legible(name) else self.words("unnamed target")

    @property
    def is_line(self) -> bool:
        """Whether the network has one entrance and one exit, which test rows can be sent through."""
        return len(self.model.net.inputs) == len(self.model.net.outputs) == 1

    @property
    def part(self) -> str:
        """Which part of the data ``test`` is: "test", "validation" or "train"."""
        told = str(self.facts.get("measured_on", "train" if self.test is self.train else "test"))
        return {"training": "train"}.get(told, told)

    def say(self, key: str, **values: Any) -> str:
        """The text that ``key`` means, which may name the part of the data."""
        return self.words(key, part=self.words(f"part {self.part}"), **values)

    @cached_property
    def summary(self) -> Summary:
        """The table of the layers."""
        return self.model.summary()

    @cached_property
    def answers(self) -> Answers | None:
        """What the model says of the test part; None where it is not one class or one value for each row."""
        if not self.is_line:
            return None
        outputs = np.asarray(self.model.predict(self.test), np.float64)
        true = self.targets(self.test)
        if not self.class_names:
            return Answers(true, outputs.reshape(-1)) if true.ndim == 1 and outputs.size == len(true) else None
        if outputs.ndim != 2 or outputs.shape[1] not in (1, len(self.class_names)):
            return None
        p = self._probabilities(outputs)
        chosen = (p[:, 1] > 0.5).astype(int) if outputs.shape[1] == 1 else p.argmax(axis=1)
        return Answers(true, chosen, p)

    def targets(self, part: Any) -> np.ndarray:
        """The true class numbers or values of a part: (rows,), or (rows, targets) where there are several."""
        if self.class_names:
            number = {name: i for i, name in enumerate(self.class_names)}
            if isinstance(part, Table):
                return np.array([number[name] for name in part.target.values])
            codes = part.y.reshape(-1).astype(int)
            return np.array([number[name] for name in part.class_names])[codes] if part.class_names else codes
        values = part.target.values if isinstance(part, Table) else part.y
        return values.reshape(-1).astype(float) if values.size == len(part) else values.astype(float)

    @cached_property
    def images(self) -> tuple[int, ...] | None:
        """(height, width, channels) of a row, where rows are images of one or three channels."""
        if isinstance(self.data, Table):
            return None
        shape = self.data.image_shape or self.data.item_shape
        return shape if len(shape) == 3 and shape[-1] in (1, 3) else None

    def pictures(self, part: Dataset, rows: np.ndarray) -> np.ndarray:
        """Rows as images (rows, height, width, channels), 0 (black) to 1."""
        x = part.x[rows].reshape(-1, *(self.images or ())).astype(np.float64)
        if self.data.x.dtype == np.uint8:
            return x / 255
        low, high = self.limits
        return np.clip((x - low) / ((high - low) or 1.0), 0, 1)

    @cached_property
    def limits(self) -> tuple[float, float]:
        """The least and the greatest number among the inputs of the training part."""
        return float(self.train.x.min()), float(self.train.x.max())

    @cached_property
    def weights(self) -> dict[str, np.ndarray]:
        """Every parameter by path, layer by layer."""
        params = self.model.params
        ordered = {name: params[name] for name in self.model.net.names if name in params}
        return {path: np.asarray(value) for path, value in flatten(ordered).items()}

    @cached_property
    def activations(self) -> dict[str, np.ndarray]:
        """What each layer answers on some test rows, by the name of the value."""
        if not self.is_line:
            return {}
        rows = self.test.take(sample(len(self.test), WATCHED))
        schema, recipe = self.model.recipe.schema, self.model.recipe
        x = schema.encode(rows) if schema is not None else rows.x
        seen = watched(self.model, as_inputs(recipe.network, x, recipe.precision))
        names = [value for value, node in recipe.network.calls() if node.inputs]
        return {name: seen[f"{name}/y"] for name in names if f"{name}/y" in seen}

    def _probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """(rows, classes), from probabilities or, where the loss takes those, from logits."""
        loss = self.model.recipe.outputs[0].loss
        if loss.space == "logits" and loss.matched is not None:
            outputs = np.asarray(loss.matched()(jax.numpy.asarray(outputs, float)))
        return np.concatenate([1 - outputs, outputs], axis=1) if outputs.shape[1] == 1 else outputs


class Seen:
    """A watch that keeps every value that passes."""

    def __init__(self) -> None:
        self.values: dict[str, jax.Array] = {}

    def offset(self, path: str, like: Shape) -> jax.Array | None:
        """No gradient is wanted."""
        return None

    def record(self, path: str, value: jax.Array) -> None:
        """Keep the value."""
        self.values[path] = value


def watched(model: Model, inputs: tuple[np.ndarray, ...]) -> dict[str, np.ndarray]:
    """Every tapped value for these inputs, by path: ``"dense_1/z"``, ``"dense_1/y"``."""
    precision, network = model.recipe.precision, with_dials(model.recipe, model.dials).network
    half = compute_dtype(precision) != parameter_dtype(precision)

    def run(params: Any, state: Any, xs: tuple[jax.Array, ...]) -> dict[str, jax.Array]:
        seen = Seen()
        network.apply(params, state, xs, Context(watch=seen, dtype=compute_dtype(precision) if half else None))
        return seen.values

    with scope(precision):
        return {path: np.asarray(value) for path, value in jax.jit(run)(model.params, model.state, inputs).items()}


def sample(rows: int, most: int) -> np.ndarray:
    """At most ``most`` row numbers in order, drawn at random, the same every time."""
    if rows <= most:
        return np.arange(rows)
    return np.sort(np.random.default_rng(0).choice(rows, most, replace=False))
