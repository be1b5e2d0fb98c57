"""Callbacks that watch one quantity: early stopping, a rate that falls on a plateau, the best model kept."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import jax

from liuli.core.errors import LiuliError, SpecError
from liuli.core.fields import nearest
from liuli.core.trees import flatten, paths
from liuli.training.callbacks.base import Callback, Logs

if TYPE_CHECKING:
    from liuli.training.run import Run
    from liuli.training.state import TrainState

Mode = Literal["auto", "min", "max"]


class Best:
    """The best value so far of a quantity, and for how many epochs there was none better.

    A change counts where it is larger than ``min_delta``. ``"auto"`` takes losses and errors as better when
    smaller, and accuracies, scores, areas, precision and recall when larger.
    """

    def __init__(
        self, monitor: str, mode: Mode = "auto", min_delta: float = 0.0, baseline: float | None = None
    ) -> None:
        self.monitor, self.min_delta = monitor, abs(min_delta)
        rising = mode == "max" or (mode == "auto" and any(word in monitor for word in _RISING))
        self.sign = -1.0 if rising else 1.0
        self.value = math.inf if baseline is None else self.sign * baseline
        self.waited = 0

    def improved(self, logs: Logs) -> bool:
        """Whether ``logs`` hold a new best value."""
        if self.monitor not in logs:
            raise LiuliError(
                "monitor", got=repr(self.monitor), expected="something that is logged", fix=nearest(self.monitor, logs)
            )
        value = self.sign * logs[self.monitor]
        better = value < self.value - self.min_delta
        self.value = value if better else self.value
        self.waited = 0 if better else self.waited + 1
        return better


class EarlyStopping(Callback):
    """Stop when a quantity has not improved for ``patience`` epochs, and put back the best weights.

    monitor:               the quantity, as it is named in the history.
    min_delta:             the smallest change that counts.
    patience:              epochs to wait for an improvement.
    mode:                  whether smaller or larger is better; ``"auto"`` goes by the name.
    baseline:              a value that must be beaten.
    restore_best_weights:  whether the weights of the best epoch are put back at the end (Keras: False by default).
    start_from_epoch:      epochs at the beginning that are not looked at.

    Reference: Prechelt, *Early Stopping - But When?*, 1998.

    Example:
        >>> from liuli.callbacks import EarlyStopping
        >>> EarlyStopping("val_accuracy", patience=5).patience
        5
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0.0,
        patience: int = 0,
        mode: Mode = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = True,
        start_from_epoch: int = 0,
    ) -> None:
        self.best = Best(monitor, mode, min_delta, baseline)
        self.patience, self.restore_best_weights = patience, restore_best_weights
        self.start_from_epoch = start_from_epoch
        self.best_epoch = 0
        self.weights: dict[str, jax.Array] = {}

    def on_epoch_end(self, run: Run, logs: Logs) -> None:
        if run.epoch <= self.start_from_epoch:
            return
        if self.best.improved(logs):
            self.best_epoch = run.epoch
            self.weights = _copied(run.averaged()) if self.restore_best_weights else {}
        elif self.best.waited >= self.patience:
            run.stop(f"{self.best.monitor} has not improved since epoch {self.best_epoch}")

    def on_fit_end(self, run: Run) -> None:
        if self.weights and self.best_epoch != run.epoch:
            run.restore(self.weights)

    def memory(self) -> dict[str, Any]:
        best = {"value": _finite(self.best.value), "waited": self.best.waited, "epoch": self.best_epoch}
        return {**best, "weights": self.weights}

    def recall(self, memory: dict[str, Any]) -> None:
        value = memory["value"]
        self.best.value, self.best.waited = math.inf if value is None else value, memory["waited"]
        self.best_epoch, self.weights = memory["epoch"], flatten(memory.get("weights", {}))


class ReduceLROnPlateau(Callback):
    """Multiply the learning rate by ``factor`` when a quantity has not improved for ``patience`` epochs.

    monitor:    the quantity, as it is named in the history.
    factor:     what the rate is multiplied by.
    patience:   epochs to wait for an improvement.
    mode:       whether smaller or larger is better; ``"auto"`` goes by the name.
    min_delta:  the smallest change that counts.
    cooldown:   epochs after a reduction in which nothing is counted.
    min_lr:     the lowest rate.

    The rate is a dial, so nothing is compiled again. Where there are several, each is multiplied.

    Reference: the practice of Krizhevsky, Sutskever and Hinton, NIPS 2012, section 5.

    Example:
        >>> from liuli.callbacks import ReduceLROnPlateau
        >>> ReduceLROnPlateau(factor=0.5).factor
        0.5
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        mode: Mode = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        if not 0.0 < factor < 1.0:
            raise SpecError(
                "ReduceLROnPlateau.factor", got=str(factor), expected="a number between 0 and 1", fix="factor=0.1"
            )
        self.best = Best(monitor, mode, min_delta)
        self.factor, self.patience, self.cooldown, self.min_lr = factor, patience, cooldown, min_lr
        self.cooling = 0

    def on_epoch_end(self, run: Run, logs: Logs) -> None:
        self.best.improved(logs)
        if self.cooling:
            self.cooling, self.best.waited = self.cooling - 1, 0
        elif self.best.waited >= self.patience:
            for rate in run.rates:
                run.set_dial(rate, max(self.min_lr, run.dial(rate) * self.factor))
            self.cooling, self.best.waited = self.cooldown, 0

    def memory(self) -> dict[str, Any]:
        return {"value": _finite(self.best.value), "waited": self.best.waited, "cooling": self.cooling}

    def recall(self, memory: dict[str, Any]) -> None:
        value = memory["value"]
        self.best.value, self.best.waited = math.inf if value is None else value, memory["waited"]
        self.cooling = memory["cooling"]


class ModelCheckpoint(Callback):
    """Save the model after each epoch, or after each epoch that is the best so far.

    path:            the file; ``{epoch}`` stands for the number of the epoch, ``{val_loss:.3f}`` for what is logged.
    monitor:         the quantity that decides what is best.
    save_best_only:  whether to save only then.
    mode:            whether smaller or larger is better; ``"auto"`` goes by the name.
    initial_value_threshold:  a value that must be beaten for the first save.

    Example:
        >>> from liuli.callbacks import ModelCheckpoint
        >>> ModelCheckpoint("best.liuli", save_best_only=True).save_best_only
        True
    """

    def __init__(
        self,
        path: str | Path,
        monitor: str = "val_loss",
        save_best_only: bool = False,
        mode: Mode = "auto",
        initial_value_threshold: float | None = None,
    ) -> None:
        self.path, self.save_best_only = str(path), save_best_only
        self.best = Best(monitor, mode, baseline=initial_value_threshold)

    def on_epoch_end(self, run: Run, logs: Logs) -> None:
        if not self.save_best_only or self.best.improved(logs):
            run.save(self.path.format(**{**logs, "epoch": run.epoch}))

    def memory(self) -> dict[str, Any]:
        return {"value": _finite(self.best.value), "waited": self.best.waited}

    def recall(self, memory: dict[str, Any]) -> None:
        value = memory["value"]
        self.best.value, self.best.waited = math.inf if value is None else value, memory["waited"]


def _copied(state: TrainState) -> dict[str, jax.Array]:
    return {path: leaf.copy() for path, leaf in paths({"params": state.params, "state": state.state}).items()}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


_RISING = ("acc", "auc", "precision", "recall", "f1", "r2", "score", "cosine")

__all__ = ["Best", "EarlyStopping", "ModelCheckpoint", "ReduceLROnPlateau"]
