"""Looking for a learning rate: a short run in which the rate grows from step to step, on a copy of the weights.

rate_i = least (largest / least)^(i / (steps - 1)); where the loss falls fastest, the rate is good; where it rises, too
large.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from liuli.core.errors import DataError
from liuli.core.figures import axis
from liuli.training.batches import Batching
from liuli.training.loop import measured_sums
from liuli.training.programs import empty_sums, summarizer, trainer
from liuli.training.run import Run
from liuli.training.step import Batch

_MEMORY = 0.9  # of the smoothed loss
_WINDOWS = 10  # in which the fall is measured: single steps are noisy
_DIVERGED = 4.0  # times the best smoothed loss: then the rest is not run


@dataclass(frozen=True)
class RateSearch:
    """What a search found.

    rates:       the learning rate of each step.
    losses:      the loss of the batch before each step.
    smoothed:    the mean of the losses, with a memory that fades.
    suggestion:  the rate at which the smoothed loss falls fastest.

    Example:
        >>> import numpy as np
        >>> RateSearch(np.array([0.1, 1.0]), np.array([1.0, 0.5]), np.array([1.0, 0.7]), 0.1)
        learning rate 0.1: the loss falls fastest there; lowest at 1; 2 steps up to 1
    """

    rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray
    suggestion: float

    def plot(self, ax: Any = None) -> Any:
        """The smoothed loss against the rate, with the suggestion marked; returns the Matplotlib axis."""
        ax = axis(ax)
        ax.plot(self.rates, self.smoothed)
        ax.axvline(self.suggestion, linestyle="--", color="0.5", label=f"{self.suggestion:.2g}")
        ax.set(xscale="log", xlabel="learning rate", ylabel="loss")
        ax.legend(frameon=False)
        return ax

    def __repr__(self) -> str:
        lowest = self.rates[int(np.argmin(self.smoothed))]
        return (
            f"learning rate {self.suggestion:.2g}: the loss falls fastest there; lowest at {lowest:.2g}; "
            f"{len(self.rates)} steps up to {self.rates[-1]:.2g}"
        )


def search(run: Run, data: Batch, plan: Batching, least: float, largest: float, steps: int) -> RateSearch:
    """Train ``run`` for ``steps`` steps, each with a larger rate.

    Raises:
        DataError: the bounds are not in order, or there are too few steps.
        SpecError: the learning rate of the optimizer is a schedule.
    """
    if not (0 < least < largest and steps >= 3):
        got = f"rates from {least} to {largest} in {steps} steps"
        raise DataError("find_learning_rate", got=got, expected="0 < least < largest, 3 steps or more", fix="steps=100")
    rates = np.geomspace(least, largest, steps)
    program, summarize, order = trainer(run.recipe), summarizer(run.recipe), _order(plan, steps)
    shares = _shares(run)
    carry, losses, means, smooth = (run.state, empty_sums(run.recipe, data, steps)), [], [], 0.0
    for i, rate in enumerate(rates.tolist()):
        for name, share in shares.items():
            run.set_dial(name, rate * share)
        carry = program(carry, run.dials, data, order, i, i + 1)
        losses.append(measured_sums({name: total[i] for name, total in carry[1].items()}, summarize, run.dials)["loss"])
        smooth = _MEMORY * smooth + (1 - _MEMORY) * losses[-1]
        means.append(smooth / (1 - _MEMORY ** (i + 1)))
        if not math.isfinite(means[-1]) or means[-1] > _DIVERGED * min(means):
            break
    return _found(rates[: len(losses)], np.array(losses), np.array(means))


def _shares(run: Run) -> dict[str, float]:
    """Each learning rate as a share of the largest: where there are several, they grow together."""
    rates = {name: run.dial(name) for name in run.rates}
    top = max(rates.values())
    return {name: rate / top if top else 1.0 for name, rate in rates.items()}


def _found(rates: np.ndarray, losses: np.ndarray, smoothed: np.ndarray) -> RateSearch:
    """The suggestion: the middle of the window with the largest fall, before the lowest point."""
    finite = np.isfinite(smoothed)
    rates, losses, smoothed = rates[finite], losses[finite], smoothed[finite]
    if len(rates) < 2:
        raise DataError(
            "find_learning_rate",
            got="a loss that is not finite from the start",
            expected="a loss",
            fix="a smaller least",
        )
    lowest, width = int(np.argmin(smoothed)), max(1, len(rates) // _WINDOWS)
    falls = smoothed[:-width] - smoothed[width:]
    i = int(np.argmax(falls[: max(1, lowest)]))
    return RateSearch(rates, losses, smoothed, float(np.sqrt(rates[i] * rates[i + width])))


def _order(plan: Batching, steps: int) -> np.ndarray | None:
    """The rows of each step: whole batches, epoch after epoch."""
    if plan.whole:
        return None
    orders = [plan.orders(epoch, 1)[0] for epoch in range(-(-steps // plan.steps))]
    return np.concatenate([order for order in orders if order is not None])[:steps]


__all__ = ["RateSearch"]
