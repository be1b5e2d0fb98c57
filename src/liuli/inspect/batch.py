"""From a model and a batch to what compiled functions take: checked arrays, the recipe and the state as they stand."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import jax

from liuli.core.dials import with_dials
from liuli.training import Model
from liuli.training.arrays import Arrays
from liuli.training.recipe import Fused, Recipe
from liuli.training.state import TrainState


class Batch(NamedTuple):
    """recipe: with its dials in force;   now: parameters and state;   inputs, targets: one array each."""

    recipe: Recipe
    now: TrainState
    inputs: Arrays
    targets: Arrays

    def key(self, training: bool) -> jax.Array | None:
        """The random key of the next training step."""
        return jax.random.fold_in(self.now.key, self.now.step) if training else None


def prepare(model: Model, x: Any, y: Any) -> Batch:
    """Check a batch against the model, which is built where that has not happened.

    Raises:
        DataError, ShapeError: the batch does not fit the network or the loss.
    """
    inputs, targets, recipe, now = model.prepare(x, y)
    return Batch(recipe, now, inputs, targets)


def with_values(fused: Fused, dials: dict[str, Any]) -> Fused:
    """The fused recipe with its dials set, to numbers or traced arrays."""
    return dataclasses.replace(fused, recipe=with_dials(fused.recipe, dials))
