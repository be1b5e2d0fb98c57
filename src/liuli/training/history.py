"""What happened during training, epoch by epoch."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from liuli.core.figures import as_image, new_figure

if TYPE_CHECKING:
    from liuli.training.probes import Records


class History:
    """Losses and metrics of every epoch, and how the training ended.

    ``history["loss"]`` is a list with one number for each epoch; ``history.stopped`` says why it ended before the last
    epoch, or is None; ``history.probes`` holds what probes measured, where they were asked for.

    Example:
        >>> from liuli.training.history import History
        >>> history = History(); history.add({"loss": 0.5}); history.add({"loss": 0.25})
        >>> history["loss"]
        [0.5, 0.25]
    """

    def __init__(self, epochs: list[dict[str, float]] | None = None, stopped: str | None = None) -> None:
        self._epochs = epochs if epochs is not None else []
        self._columns: list[Mapping[str, Sequence[float]]] = []
        self.stopped = stopped
        self.probes: Records | None = None

    @property
    def epochs(self) -> list[dict[str, float]]:
        """The logs of each epoch."""
        for columns in self._columns:
            self._epochs += (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
        self._columns = []
        return self._epochs

    @epochs.setter
    def epochs(self, epochs: list[dict[str, float]]) -> None:
        self._epochs, self._columns = epochs, []

    def add(self, logs: dict[str, float]) -> None:
        """Append the logs of one epoch."""
        self.epochs.append(logs)

    def extend(self, columns: Mapping[str, Sequence[float]]) -> None:
        """Append the logs of several epochs: for each name a number an epoch."""
        self._columns.append(columns)

    def __getitem__(self, name: str) -> list[float]:
        return [logs[name] for logs in self.epochs if name in logs]

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def __len__(self) -> int:
        return len(self.epochs)

    def __iter__(self) -> Iterator[dict[str, float]]:
        return iter(self.epochs)

    @property
    def names(self) -> list[str]:
        """Everything that was logged, in order."""
        return list(dict.fromkeys(name for logs in self.epochs for name in logs))

    def lines(self) -> str:
        """The history as JSON lines: one object for each epoch, counted from 1; what is not finite is null."""
        finite = ({k: v if math.isfinite(v) else None for k, v in logs.items()} for logs in self.epochs)
        return "".join(json.dumps({"epoch": i, **logs}) + "\n" for i, logs in enumerate(finite, 1))

    def plot(self, names: list[str] | None = None, ax: Any = None, language: str = "en") -> Any:
        """Learning curves on a Matplotlib axis: training and validation of each quantity. Where probes measured and
        neither names nor an axis are given: a figure of all that they measured too; then its axes come back."""
        from liuli.training.curves import learning_curves
        from liuli.training.probes.panels import overview

        if self.probes and names is None and ax is None:
            return overview(self, language)
        return learning_curves(self, names, ax=ax)

    def _repr_html_(self) -> str:
        if not self.epochs:
            return f"<p>{self!r}</p>"
        return as_image(self.plot(ax=new_figure(6, 3.6).subplots()).figure, repr(self)) + f"<p>{escape(repr(self))}</p>"

    def __repr__(self) -> str:
        last = ", ".join(f"{name}={value:.4g}" for name, value in self.epochs[-1].items()) if self.epochs else "empty"
        return f"History({len(self)} epochs: {last})"
