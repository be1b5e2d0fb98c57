"""One training from end to end: data, split, schema, network, fit, measure, save."""

from __future__ import annotations

import datetime
import math
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import jax
import numpy as np

from liuli.callbacks import Callback, EarlyStopping
from liuli.cli.architecture import HABITS, Habits, build, choose
from liuli.cli.findings import Findings, find
from liuli.cli.folder import RunFolder
from liuli.cli.settings import DEFAULT_VALIDATION, FEW_ROWS, Settings
from liuli.cli.terminal import version
from liuli.core.errors import DataError, SpecError
from liuli.core.files import write_whole
from liuli.core.specs import named
from liuli.data import Dataset, Preprocessing, Table, fit_schema, open_data
from liuli.optimizers import Optimizer
from liuli.schedules import CosineDecay
from liuli.training import History, Model, Probes
from liuli.training.arrays import as_array

Part = Literal["test", "validation", "training"]
Status = Literal["finished", "interrupted", "failed"]


@dataclass(frozen=True)
class Parts:
    """The data, dealt out: rows to train on, to validate on and to test on; the last two may be None."""

    whole: Table | Dataset
    train: Table | Dataset
    validation: Table | Dataset | None
    test: Table | Dataset | None
    single: str | None = None  # the class with a single row, because of which the parts are not stratified

    @property
    def measured(self) -> tuple[Part, Table | Dataset]:
        """The part that results are measured on: the test part; without one the validation part, or the training's."""
        if self.test is not None:
            return "test", self.test
        return ("validation", self.validation) if self.validation is not None else ("training", self.train)

    def sizes(self) -> dict[str, int]:
        """How many rows each part has."""
        some = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: 0 if part is None else len(part) for name, part in some.items()}


@dataclass(frozen=True)
class Plan:
    """What will be trained, and how."""

    parts: Parts
    model: Model
    network: str
    habits: Habits
    epochs: int
    batch_size: int
    rate: float
    patience: int
    probes: Probes | None = None


@dataclass(frozen=True)
class Outcome:
    """How a training ended."""

    status: Status
    history: History
    seconds: float
    metrics: dict[str, float]
    findings: Findings | None


def open_parts(settings: Settings) -> Parts:
    """The data that the settings name, split by their seed: stratified where there are classes.

    Raises:
        FileError, DataError: the data cannot be read, or not be split so.
    """
    whole = open_data(settings.data, settings.target, settings.kinds)
    if isinstance(whole, Dataset) and (settings.target or settings.kind):
        wrong = "--target" if settings.target else "--kind"
        raise DataError(wrong, got="data without columns to choose from", expected="a table", fix=f"leave {wrong} out")
    single = _single_class(whole)
    train, test = _share(whole, settings.test, settings.seed)
    wanted = settings.validation
    if wanted is None:
        wanted = DEFAULT_VALIDATION if len(train) >= FEW_ROWS else 0.0
    train, validation = _share(train, wanted, settings.seed)
    return Parts(whole, train, validation, test, single)


def make_plan(settings: Settings, parts: Parts) -> Plan:
    """The model and the settings of its training, with the defaults that suit data and network."""
    schema = fit_schema(parts.train)
    image_shape = _image_shape(parts.train, schema)
    network = choose(settings.network, image_shape)
    habits = HABITS.get(network, Habits())
    rows = len(parts.train)
    epochs = settings.epochs or habits.epochs_for(rows)
    batch_size = settings.batch_size or min(habits.batch_size, rows)
    patience = habits.patience if settings.patience is None else settings.patience
    optimizer = _optimizer(settings, habits)
    rate = float(optimizer.learning_rate)  # type: ignore[arg-type]
    if habits.cosine:
        steps = epochs * math.ceil(rows / batch_size)
        optimizer = optimizer.replace(learning_rate=CosineDecay(rate, steps))
    outputs = parts.train.y.shape[1] if isinstance(parts.train, Dataset) and parts.train.y.ndim == 2 else 1
    graph = build(network, schema, image_shape, outputs)
    task = schema.target.task
    loss, metrics = _LOSSES[task], _METRICS[task]
    model = Model(graph, loss=loss, optimizer=optimizer, metrics=metrics, seed=settings.seed, schema=schema)
    first = as_array(schema.encode(parts.train.take([0])), "x", "float32")
    model.build(first.shape[1:], dtypes=[first.dtype])
    probes = Probes(every=_every(epochs * math.ceil(rows / batch_size))) if settings.probes else None
    return Plan(parts, model, network, habits, epochs, batch_size, rate, patience if parts.validation else 0, probes)


def run(plan: Plan, folder: RunFolder, facts: dict[str, Any], resume: bool, quiet: bool) -> Outcome:
    """Train, measure, and write what came of it, apart from the report."""
    began = time.perf_counter()
    stopping = [EarlyStopping(patience=plan.patience)] if plan.patience else []
    history = plan.model.fit(
        plan.parts.train,
        epochs=plan.epochs,
        batch_size=plan.batch_size,
        validation=plan.parts.validation,
        callbacks=[*stopping, _Beginning(lambda: folder.begin({**facts, "status": "running"}, resume))],
        probes=plan.probes,
        checkpoint=folder.checkpoint,
        resume_from_checkpoint=resume,
        verbose=0 if quiet else "auto",
    )
    seconds = time.perf_counter() - began
    status = _status(history)
    write_whole(folder.history, history.lines())
    if history.probes is not None:
        history.probes.save(folder.probes)
    if status == "failed":
        return Outcome(status, history, seconds, {}, None)
    plan.model.save(folder.model)
    part, data = plan.parts.measured
    return Outcome(status, history, seconds, plan.model.evaluate(data), find(plan.model, part, data))


def facts_of(settings: Settings, plan: Plan, command: str) -> dict[str, Any]:
    """What run.json says of a run before it has ended."""
    return {
        "command": command,
        "arguments": settings.arguments(),
        "versions": {
            "liuli": version(), "python": platform.python_version(), "jax": jax.__version__, "numpy": np.__version__,
        },
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "task": plan.model.recipe.schema.target.task,  # type: ignore[union-attr]
        "target": plan.model.recipe.schema.target.name,  # type: ignore[union-attr]
        "network": plan.network,
        "epochs": plan.epochs,
        "batch_size": plan.batch_size,
        "learning_rate": plan.rate,
        "patience": plan.patience,
        "split": plan.parts.sizes(),
    }  # fmt: skip


def outcome_facts(plan: Plan, outcome: Outcome) -> dict[str, Any]:
    """What run.json says of how a run ended."""
    return {
        "status": outcome.status,
        "stopped": outcome.history.stopped,
        "trained_epochs": len(outcome.history),
        "seconds": round(outcome.seconds, 3),
        "measured_on": plan.parts.measured[0],
        "metrics": outcome.metrics,
        "findings": outcome.findings.facts() if outcome.findings else {},
    }


def write_report(plan: Plan, outcome: Outcome, folder: RunFolder, facts: dict[str, Any], language: str) -> bool:
    """Write the report and the pictures; False where the packages that draw them are not installed."""
    try:
        import matplotlib  # noqa: F401 - drawn with by the report
    except ModuleNotFoundError:
        return False
    from liuli import report

    told = {
        "model": plan.model,
        "history": outcome.history,
        "data": plan.parts.whole,
        "train": plan.parts.train,
        "test": plan.parts.measured[1],
        "evaluation": outcome.metrics,
        "language": language,
        "facts": {**facts, "model": folder.model.name, "data": facts["arguments"]["data"]},
    }
    report.write_report(folder.report, **told)
    report.write_pictures(folder.pictures, **told)
    return True


class _Beginning(Callback):
    """Runs a function when everything was checked and training begins."""

    every_epoch: ClassVar[bool] = False

    def __init__(self, function: Callable[[], None]) -> None:
        self.function = function

    def on_fit_begin(self, run: Any) -> None:
        self.function()


def _every(steps: int) -> int:
    """The usual distance of measured steps; less where there would be fewer than fifty."""
    return min(max(steps // 50, 1), 16)


def _status(history: History) -> Status:
    if any(not math.isfinite(loss) for loss in history["loss"][-1:]):
        return "failed"
    return "interrupted" if history.stopped == "interrupted" else "finished"


def _optimizer(settings: Settings, habits: Habits) -> Optimizer:
    """The optimizer by name, with the rate that was asked for, or that is usual with this network."""
    try:
        optimizer: Any = named("optimizers", settings.optimizer)
    except SpecError as error:
        raise error.at("--optimizer") from None
    rate = settings.learning_rate or (habits.rate if settings.optimizer == "adam" else None)
    return optimizer if rate is None else optimizer.replace(learning_rate=rate)


def _share(data: Any, share: float, seed: int) -> tuple[Any, Any]:
    """(rest, share) of the rows, or all of them and None."""
    if not share:
        return data, None
    stratify = data.task != "regression" and _single_class(data) is None
    return data.split(test=share, stratify=stratify, seed=seed)


def _single_class(data: Any) -> str | None:
    """The name of a class that has a single row."""
    if data.task == "regression":
        return None
    classes, counts = np.unique(data.strata(), return_counts=True)
    if counts.min() > 1:
        return None
    lonely = classes[counts.argmin()]
    return str(lonely) if isinstance(data, Table) else str(dict(enumerate(data.class_names)).get(int(lonely), lonely))


def _image_shape(data: Any, schema: Preprocessing) -> tuple[int, ...] | None:
    """(height, width, channels), where rows are images."""
    declared = getattr(data, "image_shape", None)
    return declared or (schema.encoded_shape if len(schema.encoded_shape) == 3 else None)


_LOSSES = {
    "regression": "mean_squared_error",
    "binary": "binary_crossentropy",
    "multiclass": "sparse_categorical_crossentropy",
}
_METRICS = {
    "regression": ["r2_score", "mean_absolute_error", "root_mean_squared_error"],
    "binary": ["accuracy"],
    "multiclass": ["accuracy"],
}
