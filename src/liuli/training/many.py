"""Many networks of one kind, trained at once with settings of their own.

A setting is a dial, which compiled programs take as an argument: all members share one program. Members that are tiny
run side by side on the processor's cores; larger ones in blocks, each operation once for a whole block.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import Any

import jax
import numpy as np

from liuli.core.dials import check_dial, with_dials
from liuli.core.errors import DataError
from liuli.core.precision import scope
from liuli.training.batches import Batching, batching
from liuli.training.history import History
from liuli.training.model import Model
from liuli.training.programs import empty_sums, many_trainer, runs_whole, summarizer, trainer
from liuli.training.recipe import Recipe
from liuli.training.rows import on_device
from liuli.training.state import TrainState, initializer
from liuli.training.step import Batch

_BLOCK = 64  # members of a block: more make none of them faster


@dataclass(frozen=True)
class Many:
    """Networks that were trained at once.

    ``many["loss"]`` has a row for each member and a column for each epoch; ``many.model(i)`` is a member, ready to be
    evaluated, used, saved or trained further.

    settings:  what each member was trained with: its dials, and ``"seed"``.
    """

    settings: list[dict[str, float]]
    _histories: list[History]
    _members: Callable[[int], Model]

    def __len__(self) -> int:
        return len(self.settings)

    def __getitem__(self, name: str) -> np.ndarray:
        return np.array([history[name] for history in self._histories])

    def model(self, i: int) -> Model:
        """Member ``i``, with its history."""
        return self._members(i)

    def best(self, name: str = "loss", largest: bool = False) -> int:
        """The member whose last ``name`` is the smallest, or the largest; those that are not finite do not count."""
        last = self[name][:, -1] * (-1.0 if largest else 1.0)
        return int(np.argmin(np.where(np.isfinite(last), last, np.inf)))

    def __repr__(self) -> str:
        return f"Many({len(self)} networks, best {self.best()}: {self.settings[self.best()]})"


def fit_many(
    model: Model,
    x: Any,
    y: Any = None,
    *,
    settings: Mapping[str, Sequence[float]] | None = None,
    seeds: Sequence[int] | None = None,
    epochs: int = 1,
    batch_size: int | None = None,
    shuffle: bool = True,
) -> Many:
    """Train networks like that of ``model`` from new weights, each with its own settings. ``model`` stays as it is.

    settings:    for each dial that differs, its value for each member: ``{"optimizer/learning_rate": [0.1, 0.01]}``.
                 ``model.dials`` has all names.
    seeds:       of the initial weights and of dropout, for each member; by default 0, 1, 2, ...
    epochs:      passes over the data.
    batch_size:  rows a step. All members see the same batches.
    shuffle:     whether every epoch has its own order.

    Raises:
        DataError: the numbers of settings and seeds differ, or the data do not fit.
        SpecError: there is no such dial, or it cannot have that value.

    Example:
        >>> import numpy as np, liuli as ll
        >>> from liuli import layers
        >>> x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32); y = np.array([[0], [1], [1], [0]], np.float32)
        >>> net = ll.Sequential([layers.Dense(4, "tanh"), layers.Dense(1, "sigmoid")])
        >>> model = ll.Model(net, "binary_crossentropy", "sgd")
        >>> many = ll.fit_many(model, x, y, settings={"optimizer/learning_rate": [0.001, 1.0]}, epochs=500)
        >>> many["loss"].shape, many.best()
        ((2, 500), 1)
    """
    inputs, targets, recipe, _ = model.prepare(x, y)
    each = _settings(model, settings or {}, seeds)
    if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1:
        raise DataError("epochs", got=repr(epochs), expected="a whole number of at least 1", fix="epochs=10")
    plan = batching(len(inputs[0]), batch_size, shuffle, recipe.seed)
    with scope(recipe.precision):
        data = on_device((inputs, targets, None), in_batches=not plan.whole)
        training = _Training(recipe, data, plan, epochs)
        found = training.run(model.inputs, each)
    states, histories = zip(*found, strict=True)

    def member(i: int) -> Model:
        own = with_dials(recipe, each[i]).replace(seed=each[i]["seed"])
        return Model.of(own, jax.device_put(states[i]), model.inputs, histories[i])

    return Many(each, list(histories), member)


def _settings(model: Model, given: Mapping[str, Sequence[float]], seeds: Sequence[int] | None) -> list[dict[str, Any]]:
    """For each member all dials of the model, and its seed."""
    lengths = {name: len(values) for name, values in given.items()} | ({} if seeds is None else {"seeds": len(seeds)})
    if not lengths or len(set(lengths.values())) > 1 or 0 in lengths.values():
        counts = ", ".join(f"{n} of {name}" for name, n in lengths.items()) or "nothing"
        raise DataError("settings", got=counts, expected="as many of each", fix="seeds=range(16)")
    size = next(iter(lengths.values()))
    seeds = range(size) if seeds is None else seeds
    turned = [{name: check_dial(model.recipe, name, values[i]) for name, values in given.items()} for i in range(size)]
    return [{**model.dials, **own, "seed": int(seed)} for own, seed in zip(turned, seeds, strict=True)]


class _Training:
    def __init__(self, recipe: Recipe, data: Batch, plan: Batching, epochs: int) -> None:
        self.recipe, self.data, self.plan, self.epochs = recipe, data, plan, epochs
        self.orders = list(self._orders())

    def _orders(self) -> Iterator[tuple[int, Any, Any]]:
        """How many epochs run together, and the orders of their rows."""
        for first in range(0, self.epochs, self.plan.block()):
            together = min(self.plan.block(), self.epochs - first)
            yield together, *self.plan.orders(first, together)

    def run(self, inputs: Any, each: list[dict[str, Any]]) -> list[tuple[TrainState, History]]:
        """The state and the history of every member."""
        blocks = [each[i : i + _BLOCK] for i in range(0, len(each), _BLOCK)]
        starts = [self._start(inputs, block) for block in blocks]
        if not self._gain_nothing_together(starts[0], each[0]):
            return list(chain.from_iterable(map(self._block, starts, blocks)))
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            try:
                return list(pool.map(self._one, chain.from_iterable(map(_apart, starts)), each))
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def _gain_nothing_together(self, start: TrainState, own: dict[str, Any]) -> bool:
        one = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape[1:], a.dtype), start)
        epochs, order, _ = self.orders[0]
        return runs_whole(self.recipe, (one, empty_sums(self.recipe, self.data, epochs)), _dials(own), self.data, order)

    def _start(self, inputs: Any, block: list[dict[str, Any]]) -> TrainState:
        seeds = np.array([own["seed"] for own in block])
        return initializer(self.recipe, inputs, many=True)(seeds, _columns(block))

    def _one(self, state: TrainState, own: dict[str, Any]) -> tuple[TrainState, History]:
        dials, history = _dials(own), History()
        run, summarize = trainer(self.recipe, whole=True), summarizer(self.recipe)
        for epochs, order, rest in self.orders:
            sums = empty_sums(self.recipe, self.data, epochs)
            state, sums = run((state, sums), dials, self.data, order, 0, epochs * self.plan.steps)
            if rest is not None:
                state, sums = run((state, sums), dials, self.data, rest, 0, 1)
            history.extend({name: np.asarray(v).tolist() for name, v in summarize(dials, sums).items()})
        return state, history

    def _block(self, state: TrainState, block: list[dict[str, Any]]) -> list[tuple[TrainState, History]]:
        dials, histories = _columns(block), [History() for _ in block]
        run, summarize = many_trainer(self.recipe), jax.vmap(summarizer(self.recipe))
        for epochs, order, rest in self.orders:
            sums = {n: np.stack([v] * len(block)) for n, v in empty_sums(self.recipe, self.data, epochs).items()}
            state, sums = run((state, sums), dials, self.data, order, 0, epochs * self.plan.steps)
            if rest is not None:
                state, sums = run((state, sums), dials, self.data, rest, 0, 1)
            logs = {name: np.asarray(values).tolist() for name, values in summarize(dials, sums).items()}
            for i, history in enumerate(histories):
                history.extend({name: values[i] for name, values in logs.items()})
        return list(zip(_apart(state), histories, strict=True))


def _dials(own: dict[str, Any]) -> dict[str, float]:
    return {name: value for name, value in own.items() if name != "seed"}


def _columns(block: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    return {name: np.array([own[name] for own in block], float) for name in _dials(block[0])}


def _apart(stacked: TrainState) -> list[TrainState]:
    """The members of a block, each by itself, as they lie in memory: to take JAX's arrays apart is a program for each
    shape."""
    leaves, form = jax.tree.flatten(stacked)
    return [jax.tree.unflatten(form, own) for own in zip(*map(_rows, leaves), strict=True)]


def _rows(a: jax.Array) -> Iterable[Any]:
    if jax.numpy.issubdtype(a.dtype, jax.dtypes.prng_key):
        return map(jax.random.wrap_key_data, np.asarray(jax.random.key_data(a)))
    return np.asarray(a)
