"""What a callback is: something that acts between compiled calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from liuli.training.run import Run

Logs = dict[str, float]


class Callback:
    """Methods that training calls; override those that you need. ``run`` is the training that is going on:
    its ``state``, ``dials``, ``history``, ``epoch`` (epochs finished), ``epochs`` (asked for), and ``stop(reason)``.

    ``every_epoch`` says that ``on_epoch_end`` needs the state as it was at that epoch; a callback that only reads the
    logs sets it to False, so that many small epochs can run in one compiled call.

    Example:
        >>> from liuli.callbacks import Callback
        >>> class StopAtTen(Callback):
        ...     def on_epoch_end(self, run, logs):
        ...         if run.epoch == 10:
        ...             run.stop("ten are enough")
    """

    every_epoch: ClassVar[bool] = True

    def on_fit_begin(self, run: Run) -> None:
        """Before the first step."""

    def on_chunk_end(self, run: Run, done: float) -> None:
        """After each compiled call; ``done`` is the share of this epoch's steps that is done."""

    def on_epoch_end(self, run: Run, logs: Logs) -> None:
        """After each epoch, in order. ``logs`` may be added to."""

    def on_block_end(self, run: Run) -> None:
        """After an epoch, or several small ones: ``run.state`` is that of ``run.epoch``."""

    def on_fit_end(self, run: Run) -> None:
        """After the last step, however training ended."""

    def memory(self) -> dict[str, Any]:
        """What must survive in a checkpoint: numbers, text, None, arrays, and dicts of them."""
        return {}

    def recall(self, memory: dict[str, Any]) -> None:
        """Take up what :meth:`memory` gave."""

    @property
    def needs_every_epoch(self) -> bool:
        """Whether epochs must be run one at a time for this callback."""
        return self.every_epoch and type(self).on_epoch_end is not Callback.on_epoch_end
