"""Compiled programs: many steps in one call. One program serves every setting of the dials and every number of steps.

The bounds of a loop are arguments, so that how steps are grouped into calls neither recompiles nor changes a bit
of the result.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from liuli.core.dials import dials, with_dials
from liuli.core.runtime import frugal
from liuli.kernels import compiled_whole, fits_whole
from liuli.training.recipe import Fused, Recipe, compiled_part, fuse
from liuli.training.rows import is_rows, taken_rows
from liuli.training.state import TrainState
from liuli.training.step import Batch, Sums, context, forward, measure, penalties, result_names, results, train_step

Carry = tuple[TrainState, Sums]
_KEPT = 64  # programs
_FEW = 1 << 16  # numbers in a batch: what predictions of them compute is little


def trainer(recipe: Recipe, whole: bool = False) -> Callable[..., Carry]:
    """``run(carry, dials, data, order, start, stop)``: steps ``start`` to ``stop`` of ``order`` (steps, batch).

    The carry holds the training state and the sums of each epoch: arrays with a leading axis of epochs, over which the
    rows of ``order`` are spread evenly. Without an order every step takes all data. The carry is donated. ``whole``
    says that :func:`runs_whole` is known to hold.
    """
    return _trainer(compiled_part(recipe), whole)


def many_trainer(recipe: Recipe) -> Callable[..., Carry]:
    """The same for several networks at once: the carry and the dials have a leading axis of networks."""
    return _many_trainer(compiled_part(recipe))


def runs_whole(recipe: Recipe, carry: Any, dials: Any, data: Batch, order: Any) -> bool:
    """Whether :func:`trainer` compiles into one function without calls, so that networks gain nothing together."""
    return fits_whole(_steps(compiled_part(recipe)), carry, dials, data, order, 0, 1)


def evaluator(recipe: Recipe) -> Callable[..., Sums]:
    """``run(params, state, dials, data, rows, counts)``: the sums over all batches in ``rows`` (batches, batch),
    where ``counts`` (batches, batch) is 1 for rows that count and 0 for rows that fill the last batch."""
    return _evaluator(compiled_part(recipe))


def predictor(recipe: Recipe) -> Callable[..., tuple[jax.Array, ...]]:
    """``run(params, state, dials, inputs)``: the predictions of one batch, after the last activation."""
    of_few, of_many = (_predictor(compiled_part(recipe), small) for small in (True, False))
    own = tuple(dials(recipe.network))

    def run(params: Any, state: Any, values: Any, inputs: tuple[Any, ...]) -> tuple[jax.Array, ...]:
        chosen = of_few if sum([x.size for x in inputs]) <= _FEW else of_many
        return chosen(params, state, {name: values[name] for name in own}, inputs)

    return run


def summarizer(recipe: Recipe) -> Callable[..., dict[str, jax.Array]]:
    """``run(dials, sums)``: losses and metrics from sums with a leading axis of epochs."""
    return _summarizer(compiled_part(recipe))


def empty_sums(recipe: Recipe, data: Batch, epochs: int) -> dict[str, np.ndarray]:
    """Sums of nothing yet, for ``epochs`` epochs."""
    shapes, _ = _measured(recipe, data)
    return {name: np.zeros((epochs, *shape), dtype) for name, (shape, dtype) in shapes.items()}


def penalizes_activity(recipe: Recipe, data: Batch) -> bool:
    """Whether layers add a penalty on what they make of a batch to the loss."""
    return _measured(recipe, data)[1]


def _measured(recipe: Recipe, data: Batch) -> tuple[dict[str, tuple[Any, Any]], bool]:
    leaves, form = jax.tree.flatten(data, is_leaf=is_rows)
    return _measured_of(compiled_part(recipe), form, tuple((a.shape[1:], str(a.dtype)) for a in leaves))


@lru_cache(maxsize=_KEPT)
def _trainer(recipe: Recipe, whole: bool) -> Callable[..., Carry]:
    options = frugal(small=True) if whole else None
    return jax.jit(compiled_whole(_steps(recipe)), donate_argnums=0, compiler_options=options)


@lru_cache(maxsize=_KEPT)
def _many_trainer(recipe: Recipe) -> Callable[..., Carry]:
    return jax.jit(jax.vmap(_steps(recipe), in_axes=(0, 0, None, None, None, None)), donate_argnums=0)


def _steps(recipe: Recipe) -> Callable[..., Carry]:
    fused = fuse(recipe)

    def run(carry: Carry, dials: Any, data: Batch, order: jax.Array | None, start: Any, stop: Any) -> Carry:
        exact = exactly(fused, dials)

        def body(i: jax.Array, carry: Carry) -> Carry:
            state, measured = train_step(exact, carry[0], taken(data, order, i))
            return state, added(carry[1], measured, order, i)

        return jax.lax.fori_loop(start, stop, body, carry)

    return run


def taken(data: Batch, order: jax.Array | None, i: Any) -> Batch:
    """The batch of step ``i`` of ``order``: all data where there is none."""
    return data if order is None else jax.tree.map(lambda a: taken_rows(a, order[i]), data, is_leaf=is_rows)


def added(sums: Sums, measured: Sums, order: jax.Array | None, i: Any) -> Sums:
    """The sums of each epoch, with what was measured in step ``i`` of ``order`` in those of its epoch."""
    steps = 1 if order is None else order.shape[0] // sums["count"].shape[0]
    return jax.tree.map(lambda total, new: total.at[i // steps].add(new), sums, measured)


def exactly(fused: Fused, dials: Any) -> Fused:
    """The recipe with its dials in force: numbers or traced arrays."""
    return dataclasses.replace(fused, recipe=with_dials(fused.recipe, dials))


@lru_cache(maxsize=_KEPT)
def _evaluator(recipe: Recipe) -> Callable[..., Sums]:
    fused = fuse(recipe)

    def run(params: Any, state: Any, dials: Any, data: Batch, rows: jax.Array, counts: jax.Array) -> Sums:
        exact = exactly(fused, dials)

        def body(i: Any, sums: Sums | None) -> Sums:
            inputs, targets, weight = taken(data, rows, i)
            ctx = context(exact, training=False)
            values, masks, _ = forward(exact, params, state, inputs, ctx)
            weight = counts[i] if weight is None else weight * counts[i]
            penalty = penalties(exact, params, ctx)
            measured = measure(exact, values, masks, targets, weight, penalty, counts[i].sum())
            return measured if sums is None else jax.tree.map(jnp.add, sums, measured)

        zeros = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), jax.eval_shape(lambda: body(0, None)))
        return jax.lax.fori_loop(0, rows.shape[0], body, zeros)

    return jax.jit(run)


@lru_cache(maxsize=_KEPT)
def _predictor(recipe: Recipe, small: bool) -> Callable[..., tuple[jax.Array, ...]]:
    fused = fuse(recipe)

    def run(params: Any, state: Any, dials: Any, inputs: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        exact = exactly(fused, dials)
        return exact.predictions(forward(exact, params, state, inputs, context(exact, training=False))[0])

    return jax.jit(run, compiler_options=frugal(small))


@lru_cache(maxsize=_KEPT)
def _summarizer(recipe: Recipe) -> Callable[..., dict[str, jax.Array]]:
    fused = fuse(recipe)
    names = result_names(fused)
    each = jax.jit(
        lambda dials, sums: jax.vmap(lambda s: results(exactly(fused, dials), s))(sums),
        compiler_options=frugal(small=True),
    )
    return lambda dials, sums: dict(zip(names, each(dials, sums), strict=True))


@lru_cache(maxsize=_KEPT)
def _measured_of(recipe: Recipe, form: Any, leaves: tuple[Any, ...]) -> tuple[dict[str, tuple[Any, Any]], bool]:
    """The shape and dtype of each sum, and whether activity is penalized."""
    fused = fuse(recipe)
    inputs, targets, weight = jax.tree.unflatten(
        form, [jax.ShapeDtypeStruct((2, *shape), dtype) for shape, dtype in leaves]
    )
    ctx = context(fused, training=False)

    def sums(inputs: Any, targets: Any, weight: Any) -> Sums:
        params, state = fused.recipe.network.init(jax.random.key(0), inputs)
        values, masks, _ = forward(fused, params, state, inputs, ctx)
        return measure(fused, values, masks, targets, weight, 0.0)

    shapes = jax.eval_shape(sums, inputs, targets, weight)
    return {name: (s.shape, s.dtype) for name, s in shapes.items()}, bool(ctx.penalties)
