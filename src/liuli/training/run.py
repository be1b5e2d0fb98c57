"""A training that is going on: what callbacks see, and what a checkpoint holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import jax

from liuli.core.dials import check_dial, with_dials
from liuli.core.errors import SpecError
from liuli.core.fields import nearest
from liuli.core.trees import paths
from liuli.training.history import History
from liuli.training.probes import Probing
from liuli.training.recipe import Recipe
from liuli.training.saving import Inputs, save_model
from liuli.training.state import TrainState, averaged


class Run:
    """The training that is going on.

    ``state`` is the TrainState after ``epoch`` whole epochs (during an epoch: after the last compiled call),
    ``dials`` are the numbers that may be changed between calls, ``history`` holds the logs, ``epochs`` is how
    many are asked for, ``probing`` measures while training goes on, or is None.
    """

    def __init__(
        self,
        recipe: Recipe,
        state: TrainState,
        dials: dict[str, float],
        history: History,
        epochs: int,
        rows: int,
        inputs: Inputs,
    ) -> None:
        self.recipe, self.state, self.dials, self.history = recipe, state, dials, history
        self.epochs, self.rows, self.inputs = epochs, rows, inputs
        self.epoch = len(history)
        self.stopped: str | None = None
        self.interrupted = False
        self.partial: Callable[[], dict[str, float]] = dict
        self.probing: Probing | None = None

    def measure(self, probing: Probing) -> None:
        """Let ``probing`` run the steps, and its records be part of the history."""
        self.probing, self.history.probes = probing, probing.records

    def stop(self, reason: str) -> None:
        """End training after the call that is running; the first reason counts."""
        self.stopped = self.stopped or reason

    def dial(self, name: str) -> float:
        """The value of a dial, such as ``"optimizer/learning_rate"``."""
        if name not in self.dials:
            raise SpecError(
                name,
                got="no such dial",
                expected="a number that may be changed",
                fix=f"write {nearest(name, self.dials)}",
            )
        return self.dials[name]

    @property
    def rates(self) -> list[str]:
        """The dials that are learning rates: one, or one for each optimizer that the optimizer is made of.

        Raises:
            SpecError: there is none, because the rate is a schedule.
        """
        found = [name for name in self.dials if name.startswith("optimizer/") and name.endswith("/learning_rate")]
        if not found:
            raise SpecError(
                "optimizer/learning_rate",
                got="no such dial: the learning rate is a schedule",
                expected="a number",
                fix="give the optimizer a number, or leave the rate to the schedule",
            )
        return found

    def set_dial(self, name: str, value: float) -> None:
        """Turn a dial: in force from the next compiled call, without compiling again."""
        self.dials = {**self.dials, name: check_dial(self.recipe, name, value)}

    def restore(self, weights: dict[str, jax.Array]) -> None:
        """Put back parameters and network state that were copied by path."""
        now = {"params": self.state.params, "state": self.state.state}
        tree = jax.tree.unflatten(jax.tree.structure(now), [weights[path] for path in paths(now)])
        self.state = TrainState(tree["params"], tree["state"], self.state.slots, self.state.key, self.state.step)

    def averaged(self) -> TrainState:
        """The state to evaluate and to save: with the average of the weights, where the optimizer keeps one."""
        return averaged(with_dials(self.recipe, self.dials), self.state)

    def save(self, path: str | Path) -> None:
        """Write the model as it is now."""
        save_model(path, with_dials(self.recipe, self.dials), self.averaged(), self.inputs)
