"""The live bar that shows training on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

from liuli.training.callbacks.base import Callback, Logs
from liuli.training.clock import Clock, worded

if TYPE_CHECKING:
    from liuli.training.run import Run


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


class _Right(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(task.fields.get("words", ""), overflow="ellipsis", no_wrap=True)
