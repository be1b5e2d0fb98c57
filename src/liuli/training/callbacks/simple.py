"""Small callbacks: a rate set each epoch, a function called each epoch, a CSV file."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from liuli.core.files import write_whole
from liuli.training.callbacks.base import Callback, Logs
from liuli.training.callbacks.monitoring import RATE

if TYPE_CHECKING:
    from liuli.training.run import Run


class LearningRateScheduler(Callback):
    """Set the learning rate before each epoch: rate = schedule(epoch, rate), epochs counted from 0.

    schedule:  the function. (For a rate that changes every step give the optimizer a schedule instead.)

    Example:
        >>> from liuli.callbacks import LearningRateScheduler
        >>> halving = LearningRateScheduler(lambda epoch, rate: rate * 0.5 if epoch else rate)
    """

    def __init__(self, schedule: Callable[[int, float], float]) -> None:
        self.schedule = schedule

    def on_fit_begin(self, run: Run) -> None:
        if run.epoch == 0:
            self._set(run)

    def on_epoch_end(self, run: Run, logs: Logs) -> None:
        logs["learning_rate"] = run.dial(RATE)
        self._set(run)

    def _set(self, run: Run) -> None:
        run.set_dial(RATE, float(self.schedule(run.epoch, run.dial(RATE))))


class LambdaCallback(Callback):
    """Call a function after each epoch: on_epoch_end(run, logs).

    on_epoch_end:  the function.
    every_epoch:   whether it needs the state of each epoch, or only the logs.

    Example:
        >>> from liuli.callbacks import LambdaCallback
        >>> callback = LambdaCallback(lambda run, logs: print(run.epoch, logs["loss"]))
    """

    def __init__(self, on_epoch_end: Callable[[Run, Logs], None], every_epoch: bool = True) -> None:
        self.function, self._every_epoch = on_epoch_end, every_epoch

    @property
    def needs_every_epoch(self) -> bool:
        return self._every_epoch

    def on_epoch_end(self, run: Run, logs: Logs) -> None:
        self.function(run, logs)


class CSVLogger(Callback):
    """Write the history as a CSV file, whole after each block of epochs.

    path:  the file.

    Example:
        >>> from liuli.callbacks import CSVLogger
        >>> CSVLogger("history.csv").path.name
        'history.csv'
    """

    every_epoch: ClassVar[bool] = False

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def on_block_end(self, run: Run) -> None:
        text = io.StringIO()
        writer = csv.DictWriter(text, ["epoch", *run.history.names], lineterminator="\n")
        writer.writeheader()
        writer.writerows({"epoch": i, **logs} for i, logs in enumerate(run.history, 1))
        write_whole(self.path, text.getvalue())
