"""Checkpoints during training, and going on from one: to the same bits as if nothing had happened."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from liuli.core.errors import FileError
from liuli.core.specs import to_json
from liuli.training.batches import Batching
from liuli.training.callbacks.backup import BackupAndRestore
from liuli.training.callbacks.base import Callback
from liuli.training.saving import load_checkpoint, save_checkpoint

if TYPE_CHECKING:
    from liuli.training.probes import Probes
    from liuli.training.run import Run

_PAUSE = 2.0  # seconds between checkpoints, at least


class Checkpoints(Callback):
    """Write the whole state of training to ``path``, every ``_PAUSE`` seconds at most and at the end.

    ``restores`` says that training starts from that file, where it exists.
    """

    every_epoch: ClassVar[bool] = False

    def __init__(self, path: str | Path, fingerprint: str, others: Sequence[Callback], restores: bool) -> None:
        self.path, self.fingerprint, self.others, self.restores = Path(path), fingerprint, others, restores
        self.when = time.monotonic()

    def on_block_end(self, run: Run) -> None:
        last = run.epoch == run.epochs or run.stopped is not None
        if last or time.monotonic() - self.when >= _PAUSE:
            self._write(run)

    def _write(self, run: Run) -> None:
        callbacks = {f"{i}": callback.memory() for i, callback in enumerate(self.others)}
        told = {
            "fingerprint": self.fingerprint,
            "history": run.history.epochs,
            "stopped": None if run.interrupted else run.stopped,
        }
        dials = {name.replace("/", "."): value for name, value in run.dials.items()}
        probes = run.probing.memory() if run.probing else {}
        save_checkpoint(self.path, run.state, {**told, "dials": dials, "callbacks": callbacks, "probes": probes})
        self.when = time.monotonic()


def checkpoints(
    path: str | Path | None, restores: bool, callbacks: Sequence[Callback], fingerprint: Callable[[], str]
) -> Checkpoints | None:
    """What writes to ``path``, or where a BackupAndRestore says; None where nobody asks for it.

    Raises:
        FileError: the path is a folder.
    """
    for callback in callbacks:
        if isinstance(callback, BackupAndRestore):
            path, restores = callback.path, True
    if path is None:
        return None
    if Path(path).is_dir():
        raise FileError(
            str(path), got="a folder", expected="a file", fix=f"checkpoint={str(path)!r} + '/checkpoint.liuli'"
        )
    return Checkpoints(path, fingerprint(), callbacks, restores)


def resume(run: Run, checkpoint: Checkpoints) -> None:
    """Put ``run`` and the callbacks where the checkpoint left them.

    Raises:
        FileError: the checkpoint is damaged, or was written with other data, another network or other settings.
    """
    state, memory = load_checkpoint(checkpoint.path, run.state)
    if memory.get("fingerprint") != checkpoint.fingerprint:
        got = "a checkpoint of another training (other data, network or settings)"
        raise FileError(
            str(checkpoint.path), got=got, expected="one of this training", fix="use the same arguments or another file"
        )
    run.state, run.history.epochs, run.stopped = state, memory["history"], memory["stopped"]
    run.dials = {name: memory["dials"][name.replace("/", ".")] for name in run.dials}
    run.epoch = len(run.history)
    if run.probing:
        run.probing.recall(memory["probes"])
    for i, callback in enumerate(checkpoint.others):
        callback.recall(memory.get("callbacks", {}).get(str(i), {}))


def fingerprint(recipe: Any, plan: Batching, probes: Probes | None, arrays: Sequence[np.ndarray]) -> str:
    """What must be equal for a checkpoint to fit: the recipe, the batches, what is measured, the data."""
    digest = hashlib.sha256(f"{to_json(recipe)}{plan}{probes}".encode())
    for array in arrays:
        digest.update(f"{array.shape}{array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
