"""One step of training: forward, loss, backward, update. A pure function of a recipe, a state and a batch."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax

from liuli.core.precision import compute_dtype, parameter_dtype
from liuli.layers.base import Context, Watch
from liuli.training.recipe import Fused, Output
from liuli.training.state import TrainState, join, split

Batch = tuple[tuple[jax.Array, ...], tuple[jax.Array, ...], jax.Array | None]  # inputs, targets, sample weights
Sums = dict[str, jax.Array]


def context(fused: Fused, training: bool, key: jax.Array | None = None, watch: Watch | None = None) -> Context:
    """The context of a call of the whole network."""
    dtype = compute_dtype(fused.recipe.precision)
    half = dtype != parameter_dtype(fused.recipe.precision)
    return Context(training=training, key=key, watch=watch, dtype=dtype if half else None)


def forward(
    fused: Fused, params: Any, state: Any, inputs: tuple[jax.Array, ...], ctx: Context
) -> tuple[tuple[jax.Array, ...], Any]:
    """The values that leave the network, in the dtype of the parameters, and its new state."""
    values, state = fused.recipe.network.apply(params, state, inputs, ctx)
    values = values if isinstance(values, tuple) else (values,)
    dtype = parameter_dtype(fused.recipe.precision)
    return tuple(v.astype(dtype) if jnp.issubdtype(v.dtype, jnp.inexact) else v for v in values), state


def total_loss(
    fused: Fused, values: tuple[jax.Array, ...], targets: tuple[jax.Array, ...], weight: jax.Array | None
) -> jax.Array:
    """The weighted sum of the losses of all outputs, without penalties."""
    pairs = zip(fused.recipe.outputs, targets, values, strict=True)
    return sum(jnp.asarray(output.weighed(output.loss(y, v, weight))) for output, y, v in pairs)  # type: ignore[return-value]


def train_step(fused: Fused, now: TrainState, batch: Batch) -> tuple[TrainState, Sums]:
    """The state after one update, and what the batch adds to the sums of the epoch."""
    recipe, (inputs, targets, weight) = fused.recipe, batch
    trained, frozen = split(recipe.network, now.params)
    ctx = context(fused, training=True, key=jax.random.fold_in(now.key, now.step))

    def objective(trained: Any) -> tuple[jax.Array, Any]:
        params = join(now.params, trained, frozen)
        values, state = forward(fused, params, now.state, inputs, ctx)
        loss, penalty = total_loss(fused, values, targets, weight), jnp.asarray(recipe.network.penalty(params), float)
        return loss + penalty, (values, state, penalty)

    (_, (values, state, penalty)), gradients = jax.value_and_grad(objective, has_aux=True)(trained)
    updates, slots = recipe.optimizer.transform(now.step).update(gradients, now.slots, trained)
    moved: Any = optax.apply_updates(trained, updates)
    params = recipe.network.constrained(join(now.params, moved, frozen))
    return TrainState(params, state, slots, now.key, now.step + 1), measure(fused, values, targets, weight, penalty)


def measure(fused: Fused, values: Any, targets: Any, weight: jax.Array | None, penalty: Any, count: Any = None) -> Sums:
    """What a batch adds to the sums from which losses and metrics are made.

    ``count`` is the number of samples that count (rows that only fill a batch have weight 0).
    """
    dtype = values[0].dtype
    size = values[0].shape[0] if count is None else count
    weights = jnp.ones(values[0].shape[0], dtype) if weight is None else weight.astype(dtype)
    sums = {"count": jnp.asarray(size, dtype), "penalty": jnp.asarray(penalty * size, dtype)}
    predictions = fused.predictions(values)
    for (prefix, output), y, v, p in zip(_named(fused), targets, values, predictions, strict=True):
        sums[f"{prefix}loss"] = (output.loss.per_sample(y, v) * weights).sum()
        for metric in output.metrics:
            sums[f"{prefix}{metric.label}"] = metric.measure(output.raw(y), output.raw(p), weights)
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
