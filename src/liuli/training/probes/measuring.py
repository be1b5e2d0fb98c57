"""A training step that measures itself. What is measured are small sums, made where the values are.

A gradient at a value is not kept either: a zero is added to the value whose derivative, by a rule of its own, is what
is wanted of the gradient that arrives there.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Set
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from liuli import kernels
from liuli.networks.graph import Graph
from liuli.optimizers import Optimizer
from liuli.training.probes.saturation import Bounds, saturation_bounds
from liuli.training.probes.spec import Probes
from liuli.training.recipe import Fused
from liuli.training.state import TrainState
from liuli.training.step import Batch, Passed, Sums, moved_on, objective, of_samples

Facts = dict[str, jax.Array]  # by what is measured: "dense_1/mean"
Memory = dict[str, Any]  # what one measured step keeps for the next

_RANKED = 64  # samples from which the effective rank is made


def probed_step(
    fused: Fused, probes: Probes, now: TrainState, batch: Batch, memory: Memory
) -> tuple[TrainState, Sums, Facts, Memory]:
    """A training step, what was measured in it, and what the next one needs."""
    optimizer = fused.recipe.optimizer
    trained, value = objective(fused, now, batch)
    bounds, places = saturation_bounds(fused.recipe.network), told(fused.recipe.network, now.params)

    def watched(trained: Any, wanted: Mapping[str, Facts]) -> tuple[jax.Array, Any]:
        watch = _Looking(probes, places, bounds, wanted)
        loss, passed = value(trained, watch)
        return loss, (passed, watch.facts, watch.active, watch.shapes)

    shapes = jax.eval_shape(watched, trained, {})[1][3]
    arriving = {path: jax.eval_shape(functools.partial(_arriving, probes, path), v) for path, v in shapes.items()}
    wanted = {path: _nothing(facts) for path, facts in arriving.items()}
    both = jax.value_and_grad(watched, argnums=(0, 1), has_aux=True)
    (loss, (passed, facts, active, _)), (gradients, arrived) = both(trained, wanted)
    for own in arrived.values():
        facts |= own
    if type(optimizer).advance is Optimizer.advance:
        moved, slots = optimizer.apply(gradients, trained, now.slots, now.step)
    else:
        moved, slots, passed = optimizer.advance(value, trained, now.slots, now.step)
    facts |= {"loss": loss, "batch": jnp.asarray(len(batch[0][0]), jnp.float32)}
    of_parameters, moved, kept = _of_parameters(trained, moved, gradients, memory)
    facts |= of_parameters | _of_samples(fused, probes, passed, batch)
    if probes.noise:
        facts["noise/product"] = jnp.where(memory["step"] == now.step - 1, facts["noise/product"], jnp.nan)
    of_units, memory = _remembered(probes, now, kept if probes.noise else {}, active, memory)
    state, sums = moved_on(fused, now, batch, moved, slots, passed)
    return state, sums, {**facts, **of_units}, memory


def no_memory(like: Memory) -> Memory:
    """What is remembered before the first measured step, of these shapes."""
    zeros = jax.tree.map(lambda a: np.zeros(a.shape, a.dtype), like)
    never = {path: last - np.int32(1) for path, last in zeros["active"].items()}
    return {**zeros, "step": np.int32(-2), "active": never}


def memory_shapes(fused: Fused, probes: Probes, now: TrainState, batch: Batch) -> Memory:
    """The shapes and dtypes of what is remembered."""
    places = told(fused.recipe.network, now.params)

    def seen(now: TrainState, batch: Batch) -> Memory:
        watch = _Looking(probes, places, {}, {})
        trained, value = objective(fused, now, batch)
        value(trained, watch)
        active = {path: units.astype(jnp.int32) for path, units in watch.active.items()}
        one = jnp.zeros((), jnp.int32)
        return {"measured": one, "step": one, "active": active, "gradients": trained if probes.noise else {}}

    return jax.eval_shape(seen, now, batch)


class _Looking:
    """Measures the values at ``places``, and what arrives there on the way back."""

    def __init__(
        self, probes: Probes, places: Set[str], bounds: Mapping[str, Bounds], wanted: Mapping[str, Facts]
    ) -> None:
        self.probes, self.places, self.bounds, self.wanted = probes, places, bounds, wanted
        self.facts: Facts = {}
        self.active: dict[str, jax.Array] = {}
        self.shapes: dict[str, jax.Array] = {}

    def offset(self, path: str, like: Any) -> jax.Array | None:
        found = self.wanted.get(path)
        return None if found is None else _ghost(self.probes, path, like)(found)

    def record(self, path: str, value: jax.Array) -> None:
        name = path.removesuffix("/y")
        if path in self.shapes or name not in self.places or not jnp.issubdtype(value.dtype, jnp.inexact):
            return
        self.shapes[path] = value
        facts, self.active[name] = of_value(value, self.bounds.get(name), self.probes)
        self.facts |= {f"{name}/{fact}": v for fact, v in facts.items()}


def told(network: Graph, params: Any, prefix: str = "") -> set[str]:
    """The values that tell of learning, by path: what leaves layers that have parameters, activations, merges, and
    pooling, with which a convolution may be one operation."""
    found: set[str] = set()
    for value, node in network.calls():
        own = params.get(node.name, {})
        if isinstance(node.layer, Graph):
            found |= told(node.layer, own, f"{prefix}{value}/")
        elif own or node.layer.ends_in_activation or len(node.inputs) > 1 or hasattr(node.layer, "pool_size"):
            several = range(node.layer.output_count) if node.layer.output_count > 1 else ()
            found |= {f"{prefix}{value}", *(f"{prefix}{value}/y_{i}" for i in several)}
    return found


def of_value(value: jax.Array, bounds: Bounds | None, probes: Probes) -> tuple[Facts, jax.Array]:
    """The facts of one value, and which units are not 0 for all samples."""
    y = jax.lax.stop_gradient(rows(value))
    found = kernels.summary(y, *(bounds or ()))
    facts = {"mean": found.mean, "std": jnp.sqrt(jnp.maximum(found.variance, 0.0)), "zeros": found.zeros}
    if bounds is not None:
        facts["saturated"] = found.outside
    if probes.rank and y.shape[1] > 1:
        facts["rank"] = effective_rank(rows(jax.lax.stop_gradient(value[:_RANKED])))
    return {**facts, **_histogram(y, "values", probes)}, found.active


def effective_rank(y: jax.Array) -> jax.Array:
    """(sum of l)^2 / sum of l^2 over the eigenvalues l of the covariance of the units: 1 where all move together, the
    number of units where all move by themselves and equally far.

    y: (samples, units)
    """
    centred = y - y.mean(0, keepdims=True)
    gram = centred.T @ centred if y.shape[0] >= y.shape[1] else centred @ centred.T
    squares = jnp.square(gram).sum(0).sum()
    return jnp.square(jnp.trace(gram)) / jnp.maximum(squares, jnp.finfo(y.dtype).tiny)


def rows(value: jax.Array) -> jax.Array:
    """(samples, units): every axis but the last as samples."""
    value = value.astype(jnp.float32) if value.dtype.itemsize < 4 else value
    return value.reshape(-1, value.shape[-1]) if value.ndim > 1 else value[:, None]


def _ghost(probes: Probes, path: str, like: Any) -> Any:
    """A function that gives zeros like ``like``, and whose derivative is what is to be known of what arrives there."""

    @jax.custom_vjp
    def zeros(wanted: Facts) -> jax.Array:
        return jnp.zeros(like.shape, like.dtype)

    zeros.defvjp(lambda wanted: (zeros(wanted), None), lambda _, g: (_arriving(probes, path, g),))
    return zeros


def _arriving(probes: Probes, path: str, g: jax.Array) -> Facts:
    """The facts of the gradient at a value."""
    name = path.removesuffix("/y")
    bins = _histogram(rows(g), "gradients", probes) if probes.histograms else {}
    return {f"{name}/gradient": jnp.sqrt(kernels.squares(rows(g))), **{f"{name}/{fact}": v for fact, v in bins.items()}}


def _nothing(facts: Facts) -> Facts:
    return {name: jnp.zeros(fact.shape, fact.dtype) for name, fact in facts.items()}


def _histogram(y: jax.Array, name: str, probes: Probes) -> Facts:
    """Counts between the least and the largest, and these two."""
    if not probes.histograms:
        return {}
    least, most = y.min(), y.max()
    width = jnp.maximum(most - least, jnp.finfo(y.dtype).tiny)
    bins = jnp.clip((y - least) / width * probes.histograms, 0, probes.histograms - 1).astype(jnp.int32)
    counts = jnp.stack([(bins == i).sum(0).sum() for i in range(probes.histograms)])
    return {f"{name}/counts": counts.astype(y.dtype), f"{name}/edges": jnp.stack([least, most])}


def _of_parameters(before: Any, moved: Any, gradients: Any, memory: Memory) -> tuple[Facts, Any, Any]:
    """The norm of each parameter, of its update and of its gradient, and the product of all with the gradients that
    are remembered; the parameters after the update; and the gradients, to be remembered."""
    last, names = memory["gradients"] or gradients, list(gradients)
    products, after, kept = kernels.lengths([(before[p], moved[p], gradients[p], last[p]) for p in names])
    called = [f"{path}/{name}" for path in names for name in ("weight", "update", "gradient")]
    facts = dict(zip(called, jnp.sqrt(products[:, :3]).ravel(), strict=True))
    if memory["gradients"]:
        facts["noise/product"] = products[:, 3].sum()
    return facts, dict(zip(names, after, strict=True)), dict(zip(names, kept, strict=True))


def _of_samples(fused: Fused, probes: Probes, passed: Passed, batch: Batch) -> Facts:
    """The greatest losses, and at which places of the batch they are."""
    if not probes.worst:
        return {}
    each = of_samples(fused, passed, batch)
    losses, places = jax.lax.top_k(each, min(probes.worst, each.shape[0]))
    missing = probes.worst - losses.shape[0]  # of a batch with fewer rows
    return {
        "worst/loss": jnp.pad(losses, (0, missing), constant_values=jnp.nan),
        "worst/place": jnp.pad(places, (0, missing), mode="edge"),
    }


def _remembered(
    probes: Probes, now: TrainState, gradients: Any, active: dict[str, jax.Array], memory: Memory
) -> tuple[Facts, Memory]:
    """The share of dead units of each value, and what is kept of this step."""
    measured = memory["measured"]
    last = {path: jnp.where(active[path], measured, before) for path, before in memory["active"].items()}
    facts = {f"{path}/dead": (measured - when >= probes.window).mean() for path, when in last.items()}
    return facts, {"measured": measured + 1, "step": now.step, "active": last, "gradients": gradients}
