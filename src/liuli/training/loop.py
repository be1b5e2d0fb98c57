"""The loop: compiled calls of many steps, and what happens between them.

How many steps a call holds follows the clock, so that progress and Ctrl-C are answered about twice a second;
the bits of the result do not depend on it.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import jax
import numpy as np

from liuli.training.arrays import declared_batch
from liuli.training.batches import Batching, padded, padded_rows, unpadded
from liuli.training.callbacks import Callback
from liuli.training.programs import empty_sums, evaluator, penalizes_activity, summarizer, trainer
from liuli.training.recipe import Recipe
from liuli.training.rows import on_border, on_device
from liuli.training.run import Run
from liuli.training.state import TrainState
from liuli.training.step import Batch, Sums

Dials = dict[str, float]
Logs = dict[str, float]

_CALL_SECONDS = 0.5


def train(
    run: Run,
    data: Batch,
    plan: Batching,
    callbacks: Sequence[Callback],
    validate: Callable[[Run], dict[str, float]] | None,
) -> None:
    """Train until ``run.epochs`` or until something stops it. ``validate`` measures the state after each epoch."""
    loop = _Loop(run, data, plan, callbacks, validate)
    with _interruptible(run):
        try:
            for callback in callbacks:
                callback.on_fit_begin(run)
            while run.epoch < run.epochs and run.stopped is None:
                loop.block()
            run.state = run.averaged()
        finally:
            for callback in callbacks:
                callback.on_fit_end(run)
            run.partial = dict  # the data on the device go with the loop


class _Loop:
    def __init__(self, run: Run, data: Batch, plan: Batching, callbacks: Sequence[Callback], validate: Any) -> None:
        self.run, self.data, self.plan, self.callbacks, self.validate = run, data, plan, callbacks, validate
        alone = validate is not None or any(c.needs_every_epoch for c in callbacks)
        self.epochs = 1 if alone else min(plan.block(), run.epochs)
        self.nothing = empty_sums(run.recipe, data, self.epochs)
        self.program, self.summarize = run.probing or trainer(run.recipe), summarizer(run.recipe)
        self.acting = [c for c in callbacks if type(c).on_epoch_end is not Callback.on_epoch_end]
        shapes = tuple((a.shape, str(a.dtype)) for a in jax.tree.leaves(data))
        self.pace = _Pace() if run.probing else _pace(self.program, plan, shapes)

    def block(self) -> None:
        """One epoch, or several small ones in the same calls."""
        run, plan = self.run, self.plan
        epochs = min(self.epochs, run.epochs - run.epoch)
        order, rest = plan.orders(run.epoch, self.epochs)
        self.sums = {name: zeros.copy() for name, zeros in self.nothing.items()}  # calls may write where these lie
        self.total = epochs * plan.steps + (rest is not None)
        self.done = 0
        run.partial = self._so_far
        while self.done < epochs * plan.steps and not run.interrupted:
            self._call(order, self.done, min(epochs * plan.steps, self.done + self.pace.steps), paced=True)
        if rest is not None and not run.interrupted:
            self._call(rest, 0, 1, paced=False)
        each = self.total // epochs
        self._finish(self.done // each)
        if self.done % each == 0:
            for callback in self.callbacks:
                callback.on_block_end(run)

    def _call(self, order: np.ndarray | None, start: int, stop: int, paced: bool) -> None:
        began = time.perf_counter()
        carry = (self.run.state, self.sums)  # given away: what replaces it is taken before it is waited for
        self.run.state, self.sums = self.program(carry, self.run.dials, self.data, order, start, stop)
        jax.block_until_ready(self.sums)
        if paced:
            self.pace.took(stop - start, time.perf_counter() - began)
        self.done += stop - start
        for callback in self.callbacks:
            callback.on_chunk_end(self.run, self.done / self.total * min(self.epochs, self.run.epochs - self.run.epoch))

    def _finish(self, epochs: int) -> None:
        """Log the epochs that were finished, and let the callbacks act."""
        columns = {name: np.asarray(v)[:epochs] for name, v in self.summarize(self.run.dials, self.sums).items()}
        finite = np.isfinite(columns["loss"])
        logs = {name: values.astype(float).tolist() for name, values in columns.items()}
        if self.validate is None and not self.acting:
            self.run.epoch += epochs
            self.run.history.extend(logs)
        else:
            for i in range(epochs):
                self._act({name: values[i] for name, values in logs.items()})
        if not finite.all():
            first = int(np.argmin(finite))
            self.run.stop(f"the loss became {logs['loss'][first]} in epoch {self.run.epoch - epochs + first + 1}")

    def _act(self, entry: dict[str, float]) -> None:
        """Log one epoch, measured on the held-out rows too, and tell the callbacks."""
        self.run.epoch += 1
        if self.validate is not None:
            entry |= {f"val_{name}": value for name, value in self.validate(self.run).items()}
        self.run.history.add(entry)
        for callback in self.acting:
            callback.on_epoch_end(self.run, entry)

    def _so_far(self) -> dict[str, float]:
        """Losses and metrics of the epoch that is running."""
        logs = self.summarize(self.run.dials, self.sums)
        now = min(self.epochs - 1, max(0, self.done - 1) // max(1, self.plan.steps))
        return {name: float(values[now]) for name, values in logs.items()}


class _Pace:
    """How many steps the next call holds: as many as take about ``_CALL_SECONDS``, grown carefully."""

    def __init__(self) -> None:
        self.steps, self.calls = 1, 0

    def took(self, steps: int, seconds: float) -> None:
        self.calls += 1
        if self.calls == 1:  # the first call compiled
            return
        fitting = int(_CALL_SECONDS / max(seconds / steps, 1e-9))
        self.steps = max(1, min(fitting, self.steps * 64))


@lru_cache(maxsize=64)
def _pace(program: Any, plan: Batching, data: tuple[Any, ...]) -> _Pace:
    """That of earlier runs of the same program, so that a second call of ``fit`` need not find it again."""
    return _Pace()


@contextmanager
def _interruptible(run: Run) -> Iterator[None]:
    """Ctrl-C ends training after the call that is running; a second one raises KeyboardInterrupt at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: Any) -> None:
        if run.interrupted:
            raise KeyboardInterrupt
        run.interrupted = True
        run.stop("interrupted")

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def evaluating(recipe: Recipe, data: Any, batch_size: int) -> Callable[[TrainState, Dials], Logs]:
    """What measures a state, under its dials, on ``data``: losses and metrics by name."""
    exact = declared_batch(recipe.network)
    batches = padded_rows(data[0][0].shape[0], batch_size, exact)
    parts = unpadded(*batches) if exact is None and penalizes_activity(recipe, data) else [batches]
    run, summarize = evaluator(recipe), summarizer(recipe)

    def measured(now: TrainState, dials: Dials) -> Logs:
        each = [run(now.params, now.state, dials, data, *part) for part in parts]
        return measured_sums(jax.tree.map(lambda *sums: sum(sums[1:], sums[0]), *each), summarize, dials)

    return measured


def validator(recipe: Recipe, held: Any) -> Callable[[Run], Logs] | None:
    """What measures a training on held-out inputs and targets; None where there are none."""
    if held is None:
        return None
    measure = evaluating(recipe, on_device((*held, None), in_batches=True), 1024)
    return lambda run: measure(run.averaged(), run.dials)


def predicting(run: Callable[..., Any], inputs: Sequence[np.ndarray], size: int) -> tuple[np.ndarray, ...]:
    """The outputs of ``run`` for all rows, ``size`` at a time."""
    rows = len(inputs[0])
    if rows == size:
        return tuple([np.array(y) for y in run(on_border(inputs))])
    cut = (tuple([padded(a[i : i + size], size) for a in inputs]) for i in range(0, rows, size))
    columns = zip(*[run(on_border(batch)) for batch in cut], strict=True)
    return tuple([np.concatenate(parts)[:rows] for parts in columns])


def measured_sums(sums: Sums, summarize: Any, dials: Dials) -> Logs:
    """Losses and metrics from the sums of one evaluation."""
    logs = summarize(dials, {name: value[None] for name, value in sums.items()})
    return {name: float(value[0]) for name, value in logs.items()}
