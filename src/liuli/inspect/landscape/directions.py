"""Directions in which the parameters move."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from liuli.core.errors import LiuliError
from liuli.core.trees import paths
from liuli.inspect.curvature.objective import Objective

_STILL = ("bias", "beta", "gamma")  # parameters of this name are not turned, whatever their rank


def filter_normalized(objective: Objective, rng: np.random.Generator) -> np.ndarray:
    """A random direction d in which each filter is as long as that of the parameters: |d_f| = |w_f|

    A filter is the weights that lead to one unit: all axes of a kernel but the last; of an embedding, one row. Biases
    and the parameters of normalizations do not move.

    Reference: Li, Xu, Taylor, Studer and Goldstein, *Visualizing the Loss Landscape of Neural Nets*, NeurIPS 2018.
    """
    leaves, found = paths(objective.params), []
    for path in objective.moving:
        leaf, name = np.asarray(leaves[path], np.float64), path.rpartition("/")[2]
        drawn = rng.normal(size=leaf.shape)
        if leaf.ndim < 2 or name in _STILL:
            found.append(np.zeros(leaf.size))
            continue
        axes = tuple(range(1, leaf.ndim)) if name == "embeddings" else tuple(range(leaf.ndim - 1))
        long, wanted = (np.sqrt(np.square(a).sum(axis=axes, keepdims=True)) for a in (drawn, leaf))
        found.append((drawn * (wanted / long)).ravel())
    direction = np.concatenate(found)
    if not direction.any():
        fix = "give the direction: a tree like model.params"
        raise LiuliError("direction", got="kernels that are all zero, or none", expected="weights to scale by", fix=fix)
    return direction


def descent(objective: Objective) -> np.ndarray:
    """- g / |g|, the direction of steepest descent, of length 1."""
    _, gradient = objective.here()
    length = np.linalg.norm(gradient)
    if not length:
        raise LiuliError("direction", got="a gradient of zero", expected="a slope", fix='direction="random"')
    return -gradient / length


NAMED: dict[str, Callable[[Objective, np.random.Generator], np.ndarray]] = {
    "random": filter_normalized,
    "gradient": lambda objective, rng: descent(objective),
}


def given(objective: Objective, direction: Any, rng: np.random.Generator, where: str = "direction") -> np.ndarray:
    """A direction by name, or from a tree like the parameters."""
    if direction is None or isinstance(direction, str):
        if (name := direction or "random") not in NAMED:
            names = " or ".join(map(repr, NAMED))
            raise LiuliError(where, got=repr(name), expected=f"{names}, or a tree like model.params", fix=names)
        return NAMED[name](objective, rng)
    return objective.direction(direction, where)


def check_grid(where: str, reach: float, points: int) -> None:
    """Raise LiuliError unless there is a line of some length with points on it."""
    if isinstance(points, bool) or points < 2 or not 0 < reach < np.inf:
        got = f"reach={reach}, points={points}"
        raise LiuliError(where, got=got, expected="a length, and 2 points or more", fix="leave them out")
