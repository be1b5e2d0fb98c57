"""The compiled loop that measures. Steps in between run as they do without probes; measured ones by themselves."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from liuli.training.probes.measuring import Facts, Memory, memory_shapes, no_memory, probed_step
from liuli.training.probes.spec import Probes
from liuli.training.programs import Carry, added, exactly, taken
from liuli.training.recipe import Recipe, compiled_part, fuse
from liuli.training.state import TrainState
from liuli.training.step import Batch, train_step

Log = dict[str, Any]
"""count: the measured steps that are written down;  steps, facts, worst: of each;  memory: what the next one needs."""


def probing_trainer(recipe: Recipe, probes: Probes) -> Callable[..., tuple[Carry, Log]]:
    """``run((carry, log), dials, data, order, start, stop)``: as ``trainer``, writing into the log."""
    return _probing_trainer(compiled_part(recipe), probes)


def shapes_of(recipe: Recipe, probes: Probes, now: TrainState, batch: Batch) -> tuple[dict[str, tuple[int, ...]], Any]:
    """The shape of everything that is measured, by name in the order in which it is written down; and the shapes and
    dtypes of what is remembered."""
    leaves, form = jax.tree.flatten((now, batch))
    return _shapes_of(
        compiled_part(recipe), probes, form, tuple(jax.ShapeDtypeStruct(a.shape, a.dtype) for a in leaves)
    )


@lru_cache(maxsize=64)
def _shapes_of(recipe: Recipe, probes: Probes, form: Any, leaves: tuple[Any, ...]) -> tuple[dict[str, Any], Any]:
    fused = fuse(recipe)

    now, batch = jax.tree.unflatten(form, leaves)
    memory = memory_shapes(fused, probes, now, batch)
    facts = jax.eval_shape(lambda *given: probed_step(fused, probes, *given)[2], now, batch, memory)
    return {name: facts[name].shape for name in _written(facts)}, memory


def empty_log(probes: Probes, width: int, steps: int, memory: Memory) -> Log:
    """A log with room for all that is measured in ``steps`` steps; ``memory`` has the shapes of what is remembered."""
    room = min(steps, (steps // probes.every + 2) * probes.span)
    return {
        "count": np.int32(0),
        "steps": np.zeros(room, np.int32),
        "facts": np.zeros((room, width), np.float32),
        "worst": np.zeros((room, probes.worst), np.int32),
        "memory": no_memory(memory),
    }


@lru_cache(maxsize=64)
def _probing_trainer(recipe: Recipe, probes: Probes) -> Callable[..., tuple[Carry, Log]]:
    fused, every, span = fuse(recipe), probes.every, probes.span

    def run(both: Any, dials: Any, data: Batch, order: jax.Array | None, start: Any, stop: Any) -> Any:
        exact = exactly(fused, dials)
        ahead = both[0][0].step - start  # how many steps of the whole training come before step 0 of this order

        def plain(i: jax.Array, carry: Carry) -> Carry:
            state, measured = train_step(exact, carry[0], taken(data, order, i))
            return state, added(carry[1], measured, order, i)

        def measuring(i: jax.Array, both: tuple[Carry, Log]) -> tuple[Carry, Log]:
            (now, sums), log = both
            state, measured, facts, memory = probed_step(exact, probes, now, taken(data, order, i), log["memory"])
            return (state, added(sums, measured, order, i)), _write(log, now.step, facts, memory, order, i)

        def stretch(carried: Any) -> Any:
            """The steps up to the next that are measured, and these."""
            i, (carry, log) = carried
            into = (i + ahead) % every
            first = jnp.minimum(jnp.where(into < span, i, i + every - into), stop)
            last = jnp.minimum(jnp.where(into < span, i + span - into, first + span), stop)
            carry = jax.lax.fori_loop(i, first, plain, carry)
            return last, jax.lax.fori_loop(first, last, measuring, (carry, log))

        if every == span:
            return jax.lax.fori_loop(start, stop, measuring, both)
        return jax.lax.while_loop(lambda carried: carried[0] < stop, stretch, (start, both))[1]

    return jax.jit(run, donate_argnums=0)


def _write(log: Log, step: jax.Array, facts: Facts, memory: Memory, order: jax.Array | None, i: Any) -> Log:
    line, places = log["count"], facts.get("worst/place")
    page = jnp.concatenate([facts[name].astype(jnp.float32).ravel() for name in _written(facts)])
    written = {"steps": log["steps"].at[line].set(step), "facts": log["facts"].at[line].set(page)}
    if places is not None:
        written["worst"] = log["worst"].at[line].set(places if order is None else order[i][places])
    return {**log, **written, "count": line + 1, "memory": memory}


def _written(facts: Facts) -> list[str]:
    return sorted(facts.keys() - {"worst/place"})
