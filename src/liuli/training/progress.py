"""How training is shown: a live bar on a terminal, plain lines elsewhere, nothing with ``verbose=0``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, ClassVar, Literal

from liuli.training.callbacks.base import Callback, Logs
from liuli.training.clock import Clock, worded

if TYPE_CHECKING:
    from rich.console import Console

    from liuli.training.run import Run

Verbosity = Literal["auto", 0, 1]
_LINES = 60  # at most about this many plain lines for one training


def progress(verbose: Verbosity) -> list[Callback]:
    """The callback that shows training as ``verbose`` asks: ``"auto"`` and 1 show a bar on a terminal, else lines."""
    if verbose == 0:
        return []
    from rich.console import Console

    from liuli.training.bar import Bar

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
