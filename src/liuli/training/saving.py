"""Models and checkpoints on disk. A model holds a recipe, parameters and state; a checkpoint all that training needs
to go on."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from liuli.core.errors import FileError, LiuliError
from liuli.core.precision import scope
from liuli.core.specs import Spec, from_plain, plain
from liuli.core.trees import flatten, paths, unflatten
from liuli.networks import storage
from liuli.training.recipe import Recipe
from liuli.training.state import TrainState, fresh, initialize, optimizer_slots

Inputs = tuple[jax.ShapeDtypeStruct, ...]


def save_model(path: str | Path, recipe: Recipe, state: TrainState, inputs: Inputs = ()) -> Path:
    """Write a model file: the recipe as JSON, parameters and network state as arrays."""
    arrays = flatten({"params": _named(state.params), "state": _named(state.state)})
    return storage.write(path, "model", arrays, {"recipe": plain(recipe), "inputs": _shapes(inputs)})


def load_model(path: str | Path, registry: Iterable[type[Spec]] = ()) -> tuple[Recipe, TrainState, Inputs]:
    """Read a model file: nothing in it runs, and arrays must be exactly those that its recipe asks for.

    Raises:
        FileError: the file is missing, damaged, of another version, or does not fit its own recipe.
        SpecError: it names a class that is not registered.
    """
    arrays, header = storage.read(path, "model")
    try:
        recipe, inputs = _recipe(path, header, registry), _inputs(header)
        with scope(recipe.precision):
            like = jax.eval_shape(lambda: fresh(recipe, inputs, jax.random.key(0)))
            tree = jax.tree.map(jnp.asarray, unflatten(arrays, {"params": like.params, "state": like.state}))
            start, slots = initialize(recipe, inputs), optimizer_slots(recipe, tree["params"])
    except LiuliError as error:
        raise error.at(str(path)) from None
    except (TypeError, ValueError, KeyError, OverflowError, MemoryError, RecursionError) as error:
        raise FileError(
            str(path), got=f"a damaged file ({error})", expected="a whole model", fix="save it again"
        ) from error
    return recipe, TrainState(tree["params"], tree["state"], slots, start.key, start.step), inputs


def save_checkpoint(path: str | Path, state: TrainState, memory: dict[str, Any]) -> Path:
    """Write a checkpoint: the training state and ``memory``, a nested dict of numbers, text, None and arrays."""
    flat = flatten({"memory": memory})
    arrays = {k: np.asarray(v) for k, v in flat.items() if isinstance(v, (jax.Array, np.ndarray))}
    values = {k: v for k, v in flat.items() if k not in arrays}
    return storage.write(path, "checkpoint", {**_named({"train": _plain_key(state)}), **arrays}, {"memory": values})


def load_checkpoint(path: str | Path, like: TrainState) -> tuple[TrainState, dict[str, Any]]:
    """The state, in the form of ``like``, and the memory that :func:`save_checkpoint` wrote."""
    arrays, header = storage.read(path, "checkpoint")
    train = {name: a for name, a in arrays.items() if name.startswith("train/")}
    state = jax.tree.map(jnp.asarray, unflatten(train, {"train": _plain_key(like)})["train"])
    rest = {name: jnp.asarray(a) for name, a in arrays.items() if name.startswith("memory/")}
    memory = _nested({**header["memory"], **rest})["memory"]
    return TrainState(state.params, state.state, state.slots, jax.random.wrap_key_data(state.key), state.step), memory


def _recipe(path: str | Path, header: dict[str, Any], registry: Iterable[type[Spec]]) -> Recipe:
    found = from_plain(header.get("recipe"), registry)
    if not isinstance(found, Recipe):
        raise FileError("recipe", got=type(found).__name__, expected="a recipe", fix="save the model again")
    return found


def _shapes(inputs: Inputs) -> list[Any]:
    return [[list(x.shape[1:]), str(x.dtype)] for x in inputs]


def _inputs(header: dict[str, Any]) -> Inputs:
    return tuple(jax.ShapeDtypeStruct((1, *shape), dtype) for shape, dtype in header["inputs"])


def _named(tree: Any) -> dict[str, Any]:
    """Every array of a pytree by path, as NumPy."""
    return {path: np.asarray(leaf) for path, leaf in paths(tree).items()}


def _plain_key(state: TrainState) -> TrainState:
    """The state with its key as plain integers."""
    return TrainState(state.params, state.state, state.slots, jax.random.key_data(state.key), state.step)


def _nested(flat: dict[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path, value in flat.items():
        *folders, name = path.split("/")
        inner = tree
        for folder in folders:
            inner = inner.setdefault(folder, {})
        inner[name] = value
    return tree
