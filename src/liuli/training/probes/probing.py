"""From the compiled loop to the records: what the training loop calls where probes are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from liuli.core.trees import paths
from liuli.networks.graph import Graph
from liuli.training.batches import Batching
from liuli.training.probes.program import empty_log, probing_trainer, shapes_of
from liuli.training.probes.records import Records
from liuli.training.probes.spec import Probes
from liuli.training.programs import Carry
from liuli.training.recipe import Recipe
from liuli.training.state import TrainState
from liuli.training.step import Batch


class Probing:
    """Trains as the program without probes does, and appends to ``records`` what was measured.

    ``rows`` are the row numbers of the data, where only some rows are trained on.
    """

    def __init__(
        self, recipe: Recipe, probes: Probes, now: TrainState, data: Any, plan: Batching, rows: np.ndarray | None
    ) -> None:
        self.probes, self.records, self.rows = probes, Records(), rows
        self.program = probing_trainer(recipe, probes)
        batch = jax.tree.map(lambda a: jax.ShapeDtypeStruct((plan.batch_size, *a.shape[1:]), a.dtype), data)
        self.shapes, memory = shapes_of(recipe, probes, now, batch)
        self.order = _in_order(recipe.network, list(self.shapes))
        width = sum(int(np.prod(shape)) for shape in self.shapes.values())
        steps = plan.block() * plan.steps
        self.log = empty_log(probes, width, steps, memory)

    def __call__(self, carry: Any, dials: Any, data: Batch, order: Any, start: int, stop: int) -> Carry:
        carry, self.log = self.program((carry, self.log), dials, data, order, start, stop)
        self._read()
        return carry

    def _read(self) -> None:
        """Move what the log holds into the records."""
        count = int(self.log["count"])
        steps, facts, worst = (np.asarray(self.log[part])[:count] for part in ("steps", "facts", "worst"))
        ends = np.cumsum([int(np.prod(shape)) for shape in self.shapes.values()])
        parts = zip(self.shapes.items(), np.split(facts, ends[:-1], axis=1), strict=True)
        columns = {name: part.reshape(count, *shape) for (name, shape), part in parts}
        columns = {name: columns[name] for name in self.order}
        if self.probes.worst:
            columns["worst/row"] = worst if self.rows is None else self.rows[worst]
        self.records.extend(steps.astype(np.int64), columns)
        self.log = {**self.log, "count": np.int32(0)}

    def memory(self) -> dict[str, Any]:
        """What a checkpoint keeps, by name."""
        kept = {_kept(path): np.asarray(leaf) for path, leaf in paths(self.log["memory"]).items()}
        return {"steps": self.records.steps, **kept, **{_column(name): self.records[name] for name in self.records}}

    def recall(self, memory: dict[str, Any]) -> None:
        """Go on from what :meth:`memory` gave."""
        before = self.log["memory"]
        leaves = [jnp.asarray(memory[_kept(path)], leaf.dtype) for path, leaf in paths(before).items()]
        self.log = {**self.log, "memory": jax.tree.unflatten(jax.tree.structure(before), leaves)}
        known = [*self.shapes, *(["worst/row"] if self.probes.worst else [])]
        steps = np.asarray(memory["steps"], np.int64)
        self.records.extend(steps, {name: np.asarray(memory[_column(name)]) for name in known if len(steps)})


def _in_order(network: Graph, names: list[str]) -> list[str]:
    """The names of facts, layer by layer as the network computes them."""
    places = {path: i for i, path in enumerate(_values(network))}

    def place(name: str) -> int:
        parts = name.split("/")
        return next((places[p] for n in range(len(parts), 0, -1) if (p := "/".join(parts[:n])) in places), len(places))

    return sorted(names, key=place)


def _values(network: Graph, prefix: str = "") -> Iterator[str]:
    for value, node in network.calls():
        if isinstance(node.layer, Graph):
            yield from _values(node.layer, f"{prefix}{value}/")
        yield f"{prefix}{value}"


def _kept(path: str) -> str:
    return f"memory.{path.replace('/', '.')}"


def _column(name: str) -> str:
    return f"column.{name.replace('/', '.')}"
