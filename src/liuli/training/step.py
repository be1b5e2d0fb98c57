"""One step of training: forward, loss, backward, update. A pure function of a recipe, a state and a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from liuli.core.keys import fold
from liuli.core.precision import compute_dtype, parameter_dtype
from liuli.layers.base import Context, Watch
from liuli.training.recipe import Fused, Output, Recipe
from liuli.training.state import TrainState, join, split

Batch = tuple[tuple[jax.Array, ...], tuple[jax.Array, ...], jax.Array | None]  # inputs, targets, sample weights
Sums = dict[str, jax.Array]
Masks = tuple[jax.Array | None, ...]  # of each output: True where a time step counts, (batch, time), or None


class Passed(NamedTuple):
    """What a training step met on its way: outputs and their masks, targets, new state of the network, penalty."""

    values: tuple[jax.Array, ...]
    masks: Masks
    targets: tuple[jax.Array, ...]
    state: Any
    penalty: jax.Array


def context(
    fused: Fused, training: bool, key: jax.Array | None = None, watch: Watch | None = None, inside: bool = True
) -> Context:
    """The context of a call of the whole network."""
    dtype = compute_dtype(fused.recipe.precision)
    half = dtype != parameter_dtype(fused.recipe.precision)
    return Context(training, key, watch=watch, dtype=dtype if half else None, penalties=[], inside=inside)


def penalties(fused: Fused, params: Any, ctx: Context) -> jax.Array:
    """What regularizers add to the loss: those of the parameters, and those of the activity that ``ctx`` has seen."""
    asked = [fused.recipe.network.penalty(params), *(ctx.penalties or ())]
    return jnp.asarray(sum(jnp.asarray(each, float) for each in asked))


def augmented(recipe: Recipe, inputs: tuple[jax.Array, ...], targets: tuple[jax.Array, ...], key: jax.Array) -> Any:
    """Inputs and targets of a batch, mixed where the recipe says so."""
    for i, mixing in enumerate(recipe.augment):
        mixed = mixing.mix(inputs[0], targets[0], fold(key, f"augment/{i}"))
        inputs, targets = (mixed[0],), (mixed[1],)
    return inputs, targets


def forward(
    fused: Fused, params: Any, state: Any, inputs: tuple[jax.Array, ...], ctx: Context
) -> tuple[tuple[jax.Array, ...], Masks, Any]:
    """The values that leave the network, in the dtype of the parameters, their masks, and its new state."""
    values, masks, state = fused.recipe.network.run(params, state, inputs, ctx)
    values, masks = (both if isinstance(both, tuple) else (both,) for both in (values, masks))
    dtype = parameter_dtype(fused.recipe.precision)
    return tuple(v.astype(dtype) if jnp.issubdtype(v.dtype, jnp.inexact) else v for v in values), masks, state


def total_loss(
    fused: Fused,
    values: tuple[jax.Array, ...],
    masks: Masks,
    targets: tuple[jax.Array, ...],
    weight: jax.Array | None = None,
) -> jax.Array:
    """The weighted sum of the losses of all outputs, without penalties."""
    each = zip(fused.recipe.outputs, targets, values, masks, strict=True)
    return sum(jnp.asarray(output.weighed(output.loss(y, v, weight, mask))) for output, y, v, mask in each)  # type: ignore[return-value]


def train_step(fused: Fused, now: TrainState, batch: Batch) -> tuple[TrainState, Sums]:
    """The state after one update, and what the batch adds to the sums of the epoch."""
    trained, value = objective(fused, now, batch)
    moved, slots, aux = fused.recipe.optimizer.advance(value, trained, now.slots, now.step)
    return moved_on(fused, now, batch, moved, slots, aux)


def objective(fused: Fused, now: TrainState, batch: Batch) -> tuple[Any, Callable[..., tuple[jax.Array, Passed]]]:
    """The parameters that are trained, and ``value(trained, watch=None)``: the loss of the next step at them, and what
    was passed on the way."""
    recipe, (inputs, targets, weight) = fused.recipe, batch
    trained, frozen = split(recipe.network, now.params)
    key = jax.random.fold_in(now.key, now.step)
    inputs, targets = augmented(recipe, inputs, targets, key)

    def value(trained: Any, watch: Watch | None = None) -> tuple[jax.Array, Passed]:
        params, ctx = join(now.params, trained, frozen), context(fused, True, key, watch, inside=False)
        values, masks, state = forward(fused, params, now.state, inputs, ctx)
        penalty = penalties(fused, params, ctx)
        return total_loss(fused, values, masks, targets, weight) + penalty, Passed(
            values, masks, targets, state, penalty
        )

    return trained, value


def moved_on(
    fused: Fused, now: TrainState, batch: Batch, moved: Any, slots: Any, passed: Passed
) -> tuple[TrainState, Sums]:
    """The state after an update to the parameters ``moved``, and what the batch adds to the sums of the epoch."""
    recipe = fused.recipe
    params = recipe.network.constrained(join(now.params, moved, split(recipe.network, now.params)[1]))
    sums = measure(fused, passed.values, passed.masks, passed.targets, batch[2], passed.penalty)
    return TrainState(params, passed.state, slots, now.key, now.step + 1), sums


def of_samples(fused: Fused, passed: Passed, batch: Batch) -> jax.Array:
    """The loss of each sample, of all outputs together: (batch,)."""
    each = zip(fused.recipe.outputs, passed.targets, passed.values, passed.masks, strict=True)
    return sum(jnp.asarray(o.weighed(o.loss.weighted(y, v, batch[2], mask))) for o, y, v, mask in each)  # type: ignore[return-value]


def measure(
    fused: Fused, values: Any, masks: Masks, targets: Any, weight: jax.Array | None, penalty: Any, count: Any = None
) -> Sums:
    """What a batch adds to the sums from which losses and metrics are made.

    ``count`` is the number of samples that count (rows that only fill a batch have weight 0).
    """
    dtype = values[0].dtype
    size = jnp.asarray(values[0].shape[0] if count is None else count, dtype)
    weights = jnp.ones(values[0].shape[0], dtype) if weight is None else weight.astype(dtype)
    sums = {"count": size, "penalty": jnp.asarray(penalty, dtype) * size}
    predictions = fused.predictions(values)
    for (prefix, output), y, v, p, mask in zip(_named(fused), targets, values, predictions, masks, strict=True):
        sums[f"{prefix}loss"] = output.loss.weighted(y, v, weights, mask).sum()
        for metric in output.metrics:
            sums[f"{prefix}{metric.label}"] = metric.sums(output.raw(y), output.raw(p), weights, mask)
    return sums


def results(fused: Fused, sums: Sums) -> tuple[jax.Array, ...]:
    """Losses and metrics from the sums over an epoch, in the order of :func:`result_names`."""
    found: list[jax.Array] = []
    total = sums["penalty"] / sums["count"]
    for prefix, output in _named(fused):
        loss = sums[f"{prefix}loss"] / (sums["count"] if output.loss.reduction == "mean" else 1.0)
        total = total + output.weighed(loss)
        found += [loss] if prefix else []
        found += [metric.result(sums[f"{prefix}{metric.label}"]) for metric in output.metrics]
    return (total, *found)


def result_names(fused: Fused) -> tuple[str, ...]:
    """What training logs: ``loss``, then the loss of each output where there are several, and the metrics."""
    own = [
        [f"{prefix}loss"] * bool(prefix) + [f"{prefix}{m.label}" for m in output.metrics]
        for prefix, output in _named(fused)
    ]
    return ("loss", *(name for names in own for name in names))


def _named(fused: Fused) -> list[tuple[str, Output]]:
    """Each output with what its logs begin with: nothing where there is one output only."""
    outputs = fused.recipe.outputs
    prefixes = [""] if len(outputs) == 1 else [f"{name}_" for name in fused.recipe.network.outputs]
    return list(zip(prefixes, outputs, strict=True))
