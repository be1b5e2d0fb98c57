"""Small callbacks: a rate set each epoch, a function called each epoch, a CSV file, two that make sure."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from liuli.core.errors import FileError, LiuliError, SpecError
from liuli.core.files import told, write_whole
from liuli.training.callbacks.base import Callback, Logs

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
        logs["learning_rate"] = run.dial(run.rates[0])
        self._set(run)

    def _set(self, run: Run) -> None:
        for rate in run.rates:
            run.set_dial(rate, float(self.schedule(run.epoch, run.dial(rate))))


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

    path:       the file.
    separator:  what stands between values.
    append:     whether to keep the lines that the file has; they must be of the same quantities.

    Raises:
        FileError: there are lines of other quantities to append to.

    Example:
        >>> from liuli.callbacks import CSVLogger
        >>> CSVLogger("history.csv").path.name
        'history.csv'
    """

    every_epoch: ClassVar[bool] = False

    def __init__(self, path: str | Path, separator: str = ",", append: bool = False) -> None:
        self.path, self.separator, self.append = Path(path), separator, append
        self.before = ""

    def on_fit_begin(self, run: Run) -> None:
        if self.append and self.path.exists():
            with told(self.path, "read"):
                self.before = self.path.read_text("utf-8")

    def on_block_end(self, run: Run) -> None:
        text = io.StringIO()
        names = ["epoch", *run.history.names]
        writer = csv.DictWriter(text, names, lineterminator="\n", delimiter=self.separator)
        if not self.before:
            writer.writeheader()
        elif (first := self.before.partition("\n")[0]) != self.separator.join(names):
            raise FileError(
                str(self.path), got=f"the columns {first}", expected=self.separator.join(names), fix="append=False"
            )
        writer.writerows({"epoch": i, **logs} for i, logs in enumerate(run.history, 1))
        write_whole(self.path, self.before + text.getvalue())


class TerminateOnNaN(Callback):
    """End training when the loss is no number any more. Training does so by itself; this can make it an error.

    raise_error:  whether to raise an error.

    Raises:
        LiuliError: the loss is not finite, and raise_error is set.

    Example:
        >>> from liuli.callbacks import TerminateOnNaN
        >>> TerminateOnNaN(raise_error=True).raise_error
        True
    """

    every_epoch: ClassVar[bool] = False

    def __init__(self, raise_error: bool = False) -> None:
        self.raise_error = raise_error

    def on_epoch_end(self, run: Run, logs: Logs) -> None:
        if self.raise_error and not math.isfinite(logs["loss"]):
            got = f"{logs['loss']} in epoch {run.epoch}"
            raise LiuliError("loss", got=got, expected="a finite number", fix="a smaller learning rate")


class SwapEMAWeights(Callback):
    """Make sure that the optimizer averages the weights. Validation, ModelCheckpoint and the end of training use the
    average by themselves; the weights that are trained are never replaced before the end.

    Raises:
        SpecError: the optimizer keeps no average.

    Example:
        >>> from liuli.callbacks import SwapEMAWeights
        >>> swap = SwapEMAWeights()
    """

    def on_fit_begin(self, run: Run) -> None:
        if run.averaged() is run.state:
            raise SpecError(
                "SwapEMAWeights",
                got=f"{type(run.recipe.optimizer).__name__}, which keeps no average of the weights",
                expected="an optimizer with ema_momentum",
                fix="optimizers.Adam(ema_momentum=0.99)",
            )
