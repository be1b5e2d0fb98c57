"""The state of training: everything that a step changes, as one pytree."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import is_
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from liuli.core.dials import dials, with_dials
from liuli.core.errors import ShapeError
from liuli.core.keys import at_once, fold
from liuli.core.runtime import frugal
from liuli.core.trees import paths
from liuli.layers.base import Context
from liuli.networks.edit import trainable
from liuli.networks.graph import Graph
from liuli.training.recipe import Recipe, compiled_part

_HASTY = {"xla_backend_optimization_level": 1}  # for what runs once: compiled in half the time, to the same numbers


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TrainState:
    """params and state of the network, slots of the optimizer, the key of the run, the number of updates made."""

    params: Any
    state: Any
    slots: Any
    key: jax.Array
    step: jax.Array


def initialize(recipe: Recipe, inputs: Any) -> TrainState:
    """The state before the first step, made in one compiled call. ``inputs`` are ShapeDtypeStructs with a batch
    axis."""
    return initializer(recipe, inputs)(recipe.seed, dials(recipe))


def initializer(recipe: Recipe, inputs: Any, many: bool = False) -> Callable[[Any, Any], TrainState]:
    """``make(seed, dials)``, compiled; with ``many`` both have a row for each network."""
    return _initializer(compiled_part(recipe), tuple((x.shape, str(x.dtype)) for x in inputs), many)


def fresh(recipe: Recipe, inputs: Any, key: jax.Array) -> TrainState:
    """The same, not compiled: for shapes."""
    params, state = recipe.network.init(fold(key, "weights"), inputs)
    return TrainState(params, state, optimizer_slots(recipe, params), fold(key, "steps"), jnp.zeros((), jnp.int32))


@functools.lru_cache(maxsize=64)
def _initializer(recipe: Recipe, shapes: tuple[Any, ...], many: bool) -> Any:
    inputs = tuple(jax.ShapeDtypeStruct(shape, dtype) for shape, dtype in shapes)
    options = frugal(small=True)
    if options and not jax.config.read("jax_disable_most_optimizations"):
        options = options | _HASTY

    def make(seed: Any, values: Any) -> TrainState:
        return at_once(functools.partial(fresh, with_dials(recipe, values), inputs))(jax.random.key(seed))

    return jax.jit(jax.vmap(make) if many else make, compiler_options=options)


def optimizer_slots(recipe: Recipe, params: Any) -> Any:
    """What the optimizer remembers, before the first step."""
    return recipe.optimizer.init(split(recipe.network, params)[0])


def averaged(recipe: Recipe, now: TrainState) -> TrainState:
    """The state to evaluate and to save: with the average of the weights, where the optimizer keeps one."""
    trained, frozen = split(recipe.network, now.params)
    means = recipe.optimizer.averaged(trained, now.slots)
    if means is trained:
        return now
    params = recipe.network.constrained(join(now.params, jax.tree.map(jnp.copy, means), frozen))
    return TrainState(params, now.state, now.slots, now.key, now.step)


def split(network: Graph, params: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parameters that are trained and those that are frozen, by path."""
    mask, flat = paths(trainable(network, params)), paths(params)
    return {p: a for p, a in flat.items() if mask[p]}, {p: a for p, a in flat.items() if not mask[p]}


def join(like: Any, trained: dict[str, Any], frozen: dict[str, Any]) -> Any:
    """The inverse of :func:`split`, in the form of ``like``."""
    every = {**trained, **frozen}
    return jax.tree.unflatten(jax.tree.structure(like), [every[path] for path in paths(like)])


def adjusted(recipe: Recipe, now: TrainState, inputs: Sequence[np.ndarray], batch_size: int) -> TrainState:
    """Before the first step: the state in which layers that ask for it started from the first batch."""
    network = recipe.network
    if not network.adjusts or int(now.step):
        return now
    first = [a[:batch_size] for a in inputs]
    x = tuple(first) if len(first) > 1 else first[0]
    ctx = Context(training=True, key=fold(now.key, "adjust"))
    params, state = jax.jit(lambda p, s, x: network.adjust(p, s, x, ctx))(now.params, now.state, x)
    return TrainState(params, state, recipe.optimizer.init(split(network, params)[0]), now.key, now.step)


@jax.jit
def owned(state: TrainState) -> TrainState:
    """A copy, so that what the caller holds survives when buffers are handed to the compiled step."""
    return jax.tree.map(jnp.copy, state)


class Built:
    """The parameters that a network was built with: their shapes and dtypes.

    Example:
        >>> import jax.numpy as jnp
        >>> Built({"w": jnp.ones(3)}).fits({"w": jnp.zeros(3)})
        True
    """

    def __init__(self, params: Any) -> None:
        self.wanted = jax.tree.map(lambda p: jax.ShapeDtypeStruct(p.shape, p.dtype), params)
        leaves, self.form = jax.tree.flatten(self.wanted)
        self.kinds = [(leaf.shape, leaf.dtype) for leaf in leaves]
        self.seen: list[Any] = [None] * len(leaves)

    def fits(self, params: Any) -> bool:
        """Whether ``params`` are such arrays, all of them on a device. Those that fitted last fit again."""
        leaves, form = jax.tree.flatten(params)
        if form != self.form:
            return False
        if not all(map(is_, leaves, self.seen)):
            if [(p.shape, p.dtype) for p in leaves if isinstance(p, jax.Array)] != self.kinds:
                return False
            self.seen = leaves
        return True

    def state(self, now: TrainState) -> TrainState:
        """The state, after parameters may have been assigned: shapes as built, NumPy arrays as JAX's.

        Raises:
            ShapeError: what was assigned does not fit the network.
        """
        if self.fits(now.params):
            return now
        check_params(now.params, self.wanted)
        params = jax.tree.map(lambda p, like: jnp.asarray(p, like.dtype), now.params, self.wanted)
        return TrainState(params, now.state, now.slots, now.key, now.step)


def check_params(params: Any, expected: Any) -> None:
    """Raise ShapeError where parameters were assigned that do not fit the network."""
    got, wanted = paths(params), paths(expected)
    for path in sorted(got.keys() ^ wanted.keys()):
        words = ("a parameter", "none of this name") if path in got else ("nothing", "a parameter")
        raise ShapeError(f"params/{path}", got=words[0], expected=words[1], fix="assign only what model.params holds")
    for path, leaf in wanted.items():
        if jnp.shape(got[path]) != leaf.shape:
            raise ShapeError(
                f"params/{path}",
                got=f"shape {jnp.shape(got[path])}",
                expected=f"{leaf.shape}",
                fix="transpose or reshape it",
            )
