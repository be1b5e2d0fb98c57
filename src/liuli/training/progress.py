"""How training is shown: a live bar on a terminal, plain lines elsewhere, nothing with ``verbose=0``."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, ClassVar, Literal

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

from liuli.training.callbacks.base import Callback, Logs

if TYPE_CHECKING:
    from liuli.training.run import Run

Verbosity = Literal["auto", 0, 1]
_LINES = 60  # at most about this many plain lines for one training


def progress(verbose: Verbosity) -> list[Callback]:
    """The callback that shows training as ``verbose`` asks: ``"auto"`` and 1 show a bar on a terminal, else lines."""
    if verbose == 0:
        return []
    console = Console(file=sys.stderr)
    return [Bar(console) if console.is_terminal else Lines(console)]


class Lines(Callback):
    """One plain line for an epoch; of very many epochs, some."""

    every_epoch: ClassVar[bool] = False

    def __init__(self, console: Console) -> None:
        self.console = console
        self.clock = Clock()

    def on_fit_begin(self, run: Run) -> None:
        self.clock.start(run)

    def on_epoch_end(self, run: Run, logs: Logs) -> None:
        every = max(1, run.epochs // _LINES)
        if run.epoch % every == 0 or run.epoch in (1, run.epochs):
            text = f"epoch {run.epoch}/{run.epochs}  {worded(logs)}  {self.clock.words(run, run.epoch)}"
            self.console.print(text, highlight=False, soft_wrap=True)

    def on_fit_end(self, run: Run) -> None:
        if run.stopped:
            self.console.print(f"stopped after {run.epoch} epochs: {run.stopped}", highlight=False, soft_wrap=True)


class Bar(Callback):
    """A live bar: epochs done, loss and metrics so far, samples a second, time left."""

    every_epoch: ClassVar[bool] = False

    def __init__(self, console: Console) -> None:
        self.console = console
        self.clock = Clock()
        self.bar = Progress(
            TextColumn("{task.description}"), BarColumn(bar_width=None), _Right(), console=console, expand=True
        )
        self.live = Live(self.bar, console=console, refresh_per_second=8, transient=False)

    def on_fit_begin(self, run: Run) -> None:
        self.clock.start(run)
        self.task = self.bar.add_task(self._label(run), total=run.epochs, completed=run.epoch, words="")
        self.live.start()

    def on_chunk_end(self, run: Run, done: float) -> None:
        epochs = run.epoch + done
        words = f"{worded(run.partial())}  {self.clock.words(run, epochs)}"
        self.bar.update(self.task, completed=epochs, description=self._label(run), words=words)

    def on_epoch_end(self, run: Run, logs: Logs) -> None:
        words = f"{worded(logs)}  {self.clock.words(run, run.epoch)}"
        self.bar.update(self.task, completed=run.epoch, description=self._label(run), words=words)

    def on_fit_end(self, run: Run) -> None:
        self.live.stop()
        if run.stopped:
            self.console.print(f"stopped after {run.epoch} epochs: {run.stopped}", highlight=False)

    def _label(self, run: Run) -> str:
        return f"epoch {min(run.epoch + 1, run.epochs)}/{run.epochs}"


class Clock:
    """Samples a second and time left, from the epochs done since the first call, which also compiled."""

    def start(self, run: Run) -> None:
        self.marks = [(time.perf_counter(), float(run.epoch))]

    def words(self, run: Run, epochs: float) -> str:
        """``12.3k samples/s, 0:05 left``."""
        now = time.perf_counter()
        began, first = next((mark for mark in reversed(self.marks) if mark[1] < epochs), self.marks[0])
        if len(self.marks) == 1:
            self.marks.append((now, epochs))
        seconds, done = now - began, epochs - first
        if done <= 0 or seconds <= 0:
            return ""
        left = seconds / done * (run.epochs - epochs)
        return f"{_short(done * run.rows / seconds)} samples/s, {duration(left)} left"


def worded(logs: Logs) -> str:
    """``loss 0.1234  accuracy 0.9812``."""
    return "  ".join(
        f"{name} {value:.4f}" if 1e-3 <= abs(value) < 1e5 or value == 0 else f"{name} {value:.3e}"
        for name, value in logs.items()
    )


def duration(seconds: float) -> str:
    """``0:05``, ``12:34``, ``1:02:03``.

    >>> duration(5), duration(3723)
    ('0:05', '1:02:03')
    """
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"


def _short(number: float) -> str:
    for prefix in ("", "k", "M", "G"):
        if number < 1000 or prefix == "G":
            return f"{number:.3g}{prefix}"
        number /= 1000
    return ""


class _Right(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(task.fields.get("words", ""), overflow="ellipsis", no_wrap=True)
