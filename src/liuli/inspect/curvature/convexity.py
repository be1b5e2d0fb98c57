"""Where a loss is not convex, with the proof: three points on a line.

A convex L has L((a + b) / 2) <= (L(a) + L(b)) / 2 for all a, b: one pair for which it fails proves that L is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from liuli.core.errors import LiuliError
from liuli.core.precision import Precision, compute_dtype
from liuli.inspect.curvature import figures
from liuli.inspect.curvature.hessian import Eigenpair, noise
from liuli.inspect.curvature.lanczos import extremes
from liuli.inspect.curvature.objective import ROWS, Objective
from liuli.inspect.display import number
from liuli.training import Model

_ROUNDED = 16.0  # a difference of losses below so many units in the last place is rounding


@dataclass(frozen=True, eq=False, repr=False)
class NegativeCurvature:
    """What :func:`negative_curvature` found: the loss along the direction of smallest curvature, and a chord below it.

    pair:      the smallest eigenvalue and its direction v, of length 1.
    at:        t: (points,)
    losses:    L(w + t v): (points,)
    bends:     d2L/dt2 = v^T H(w + t v) v: (points,)
    places:    a, (a + b) / 2 and b, the ends and the middle of the chord that lies furthest below the loss.
    heights:   the loss at each of them.
    noise:     differences of the loss below this are rounding.
    bend_noise:  eigenvalues closer to 0 than this are rounding.

    Example:
        >>> import numpy as np, liuli as ll
        >>> model = ll.Model(ll.Sequential([ll.layers.Dense(1)]), loss="mse")  # linear regression is convex
        >>> found = ll.inspect.negative_curvature(model, np.eye(3), np.ones((3, 1)))
        >>> found.found, found.pair.value > -1e-6
        (False, True)
    """

    pair: Eigenpair
    at: np.ndarray
    losses: np.ndarray
    bends: np.ndarray
    places: tuple[float, float, float]
    heights: tuple[float, float, float]
    noise: float
    bend_noise: float

    @property
    def excess(self) -> float:
        """L((a + b) / 2) - (L(a) + L(b)) / 2: how far the loss rises above the middle of the chord."""
        return self.heights[1] - (self.heights[0] + self.heights[2]) / 2

    @property
    def found(self) -> bool:
        """Whether the three points prove that the loss is not convex."""
        return self.excess > self.noise

    @property
    def negative(self) -> bool:
        """Whether the loss bends downwards at the parameters themselves."""
        return self.pair.value < -self.bend_noise

    def plot(self, ax: Any = None, words: Mapping[str, str] | None = None) -> Any:
        """The loss along the line, hatched where it bends downwards, with the chord; returns the Matplotlib axis."""
        return figures.chord(self, ax, words)

    def __repr__(self) -> str:
        value = f"smallest eigenvalue {number(self.pair.value)} (|H v - λ v| = {self.pair.residual:.1e})"
        here = f"{'negative' if self.negative else 'no negative'} curvature here: {value}"
        if not self.found:
            return f"{here}; along its direction the loss lies below every chord: no sign that it is not convex"
        (a, mid, b), (la, lm, lb) = (map(number, three) for three in (self.places, self.heights))
        mean = number((self.heights[0] + self.heights[2]) / 2)
        return (
            f"the loss is not convex: at {mid} along the direction it is {lm}, above {mean}, the mean of {la} at {a} "
            f"and {lb} at {b}, by {number(self.excess)}; {here}"
        )


def negative_curvature(
    model: Model,
    x: Any,
    y: Any = None,
    *,
    reach: float = 1.0,
    points: int = 101,
    tolerance: float = 1e-3,
    limit: int = 500,
    seed: int = 0,
    training: bool = False,
    precision: Precision | None = None,
    batch_size: int = ROWS,
) -> NegativeCurvature:
    """L(w + t v) for t from -reach to reach, v the direction in which the loss bends downwards most: H v = lambda v.

    Of all chords between two points of the line, the one that lies furthest below the loss in its middle is the proof
    that the loss is not convex. A convex loss (linear or logistic regression) has none, and the result says so.

    Reference: Dauphin et al., *Identifying and attacking the saddle point problem in high-dimensional non-convex
    optimization*, NIPS 2014; Boyd and Vandenberghe, *Convex Optimization*, 2004, section 3.1.

    x, y:        data as ``model.fit`` takes them.
    reach:       how far the line goes to both sides, as a length in the space of parameters.
    points:      on the line; an odd number has the parameters themselves in the middle.
    tolerance:   of |H v - lambda v|, as a share of the largest |lambda|.
    limit:       products with H, at most.
    seed:        of the vector that the search starts from.
    training:    whether dropout and batch statistics act, with the random key of the next step.
    precision:   computed in; that of the model by default.
    batch_size:  rows at a time.

    Raises:
        DataError, ShapeError: the data do not fit the network or the loss.
        LiuliError: the loss is not finite, the line has no length or fewer than 3 points.

    Example:
        >>> import numpy as np, liuli as ll
        >>> net = ll.Sequential([ll.layers.Dense(2, "tanh"), ll.layers.Dense(1)])
        >>> found = ll.inspect.negative_curvature(ll.Model(net, loss="mse"), np.eye(2), np.ones((2, 1)))
        >>> found.found, found.heights[1] > (found.heights[0] + found.heights[2]) / 2
        (True, True)
    """
    if points < 3 or not 0 < reach < np.inf:
        got = f"reach={reach}, points={points}"
        raise LiuliError("negative_curvature", got=got, expected="a length, and 3 points or more", fix="leave them out")
    objective = Objective(model, x, y, training=training, precision=precision, batch_size=batch_size)
    objective.width = 1
    _, gradient = objective.here()
    ends = extremes(objective.products, objective.size, 1, tolerance, limit, seed)
    direction = -ends.vectors[0] if ends.vectors[0] @ gradient > 0 else ends.vectors[0]
    at = np.linspace(-reach, reach, points)
    losses, _, bends = objective.bends(direction, at)
    three = highest(losses)
    unit = float(jnp.finfo(compute_dtype(objective.recipe.precision)).eps)
    return NegativeCurvature(
        pair=Eigenpair(float(ends.values[0]), float(ends.residuals[0]), objective.tree(direction)),
        at=at,
        losses=losses,
        bends=bends,
        places=(float(at[three[0]]), float(at[three[1]]), float(at[three[2]])),
        heights=(float(losses[three[0]]), float(losses[three[1]]), float(losses[three[2]])),
        noise=_ROUNDED * unit * float(np.nanmax(np.abs(losses))),
        bend_noise=noise(objective, ends.values),
    )


def highest(losses: np.ndarray) -> tuple[int, int, int]:
    """Of all i < m < j with m in the middle, those with the largest L_m - (L_i + L_j) / 2, where that is finite."""
    count = len(losses)
    i, j = np.triu_indices(count, 2)
    even = (j - i) % 2 == 0
    i, j = i[even], j[even]
    mid = (i + j) // 2
    excess = losses[mid] - (losses[i] + losses[j]) / 2
    best = int(np.argmax(np.where(np.isfinite(excess), excess, -np.inf)))
    return int(i[best]), int(mid[best]), int(j[best])
