"""A checkpoint that is taken up by itself, and removed when training is over."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from liuli.training.callbacks.base import Callback

if TYPE_CHECKING:
    from liuli.training.run import Run


class BackupAndRestore(Callback):
    """Write checkpoints to a folder, and go on from there where training was broken off: to the same bits

    ``fit(callbacks=[BackupAndRestore("backup")])`` is ``fit(checkpoint="backup/checkpoint.liuli",
    resume_from_checkpoint=True)``, with the file removed in the end.

    backup_dir:         the folder.
    delete_checkpoint:  whether to remove the checkpoint when training has come to its end.

    Example:
        >>> from liuli.callbacks import BackupAndRestore
        >>> BackupAndRestore("backup").path.as_posix()
        'backup/checkpoint.liuli'
    """

    every_epoch: ClassVar[bool] = False

    def __init__(self, backup_dir: str | Path, delete_checkpoint: bool = True) -> None:
        self.path, self.delete_checkpoint = Path(backup_dir) / "checkpoint.liuli", delete_checkpoint

    def on_fit_end(self, run: Run) -> None:
        over = run.epoch == run.epochs or (run.stopped is not None and not run.interrupted)
        if self.delete_checkpoint and over:
            self.path.unlink(missing_ok=True)


__all__ = ["BackupAndRestore"]
