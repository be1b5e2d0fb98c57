"""How sharp a minimum is: how much the loss rises nearby."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from liuli.core.errors import LiuliError
from liuli.core.precision import Precision
from liuli.inspect.curvature.lanczos import extremes
from liuli.inspect.curvature.objective import ROWS, Objective
from liuli.inspect.display import number
from liuli.inspect.landscape import figures
from liuli.training import Model

_POINTS = 21  # on the ways that are drawn


@dataclass(frozen=True, eq=False, repr=False)
class Sharpness:
    """What :func:`sharpness` found.

    loss:        L(w).
    box:         100 (max L(w + z) - L(w)) / (1 + L(w)), over |z_i| <= epsilon (|w_i| + 1): Keskar's, in percent.
    ball:        L(w + rho g / |g|) - L(w): the one-step estimate of the rise in a ball of radius rho.
    eigenvalue:  the largest of the Hessian.
    residual:    how far that is from exact, at most.
    epsilon, rho:  the sizes of the box and of the ball.
    at:          shares of the way from w to the worst point that was found: (points,)
    to_box, to_ball:  the loss on the way to the worst point of the box, and of the ball: (points,)

    Example:
        >>> import numpy as np
        >>> from liuli.inspect import Sharpness
        >>> Sharpness(0.5, 3.0, 0.1, 2.0, 0.0, 1e-3, 0.05, np.zeros(1), np.zeros(1), np.zeros(1)).highest
        0.545
    """

    loss: float
    box: float
    ball: float
    eigenvalue: float
    residual: float
    epsilon: float
    rho: float
    at: np.ndarray
    to_box: np.ndarray
    to_ball: np.ndarray

    @property
    def highest(self) -> float:
        """The largest loss that was found in the box."""
        return self.loss + self.box / 100 * (1 + self.loss)

    def plot(self, ax: Any = None, words: Mapping[str, str] | None = None) -> Any:
        """The loss on the ways to the worst points of box and ball; returns the Matplotlib axis."""
        return figures.ways(self, ax, words)

    def __repr__(self) -> str:
        return (
            f"sharpness {number(self.box)} % (in a box of epsilon {number(self.epsilon)} the loss rises from "
            f"{number(self.loss)} to {number(self.highest)}); {number(self.ball)} (one step of {number(self.rho)} up "
            f"the gradient); largest eigenvalue {number(self.eigenvalue)} (|H v - λ v| = {self.residual:.1e})"
        )


def sharpness(
    model: Model,
    x: Any,
    y: Any = None,
    *,
    epsilon: float = 1e-3,
    rho: float = 0.05,
    ascent: int = 20,
    starts: int = 2,
    tolerance: float = 1e-3,
    limit: int = 500,
    seed: int = 0,
    training: bool = False,
    precision: Precision | None = None,
    batch_size: int = ROWS,
) -> Sharpness:
    """100 (max_z L(w + z) - L(w)) / (1 + L(w)) over |z_i| <= epsilon (|w_i| + 1), beside two other measures.

    The maximum is sought by projected ascent, z <- clip(z + step sign(grad L(w + z))), from random points of the box
    and from its middle: it is a lower bound. Beside it stand what sharpness-aware minimization measures,
    L(w + rho g / |g|) - L(w), and the largest eigenvalue of the Hessian.

    Reference: Keskar, Mudigere, Nocedal, Smelyanskiy and Tang, *On Large-Batch Training for Deep Learning:
    Generalization Gap and Sharp Minima*, ICLR 2017; Foret, Kleiner, Mobahi and Neyshabur, *Sharpness-Aware Minimization
    for Efficiently Improving Generalization*, ICLR 2021. Both depend on the scale of the weights: Dinh, Pascanu, Bengio
    and Bengio, *Sharp Minima Can Generalize For Deep Nets*, ICML 2017.

    x, y:        data as ``model.fit`` takes them.
    epsilon:     the size of the box; Keskar et al. take 1e-3 and 5e-4.
    rho:         the radius of the ball.
    ascent:      steps from each start.
    starts:      random points of the box to start from, besides its middle.
    tolerance:   of |H v - lambda v|, as a share of the largest |lambda|.
    limit:       products with H, at most.
    seed:        of the starts.
    training:    whether dropout and batch statistics act, with the random key of the next step.
    precision:   computed in; ``"float64"`` sees smaller rises.
    batch_size:  rows at a time.

    Raises:
        DataError, ShapeError: the data do not fit the network or the loss.
        LiuliError: the loss is not finite, or a number is out of bounds.

    Example:
        >>> import numpy as np, liuli as ll
        >>> model = ll.Model(ll.Sequential([ll.layers.Dense(1, use_bias=False)]), loss="mse")
        >>> found = ll.inspect.sharpness(model, np.array([[1.0], [3.0]]), np.zeros((2, 1)))
        >>> round(found.eigenvalue, 3), found.box > 0
        (10.0, True)
    """
    if min(epsilon, rho) <= 0 or min(ascent, limit) < 1 or starts < 0:
        got = f"epsilon={epsilon}, rho={rho}, ascent={ascent}, starts={starts}, limit={limit}"
        raise LiuliError("sharpness", got=got, expected="sizes and numbers above 0", fix="leave them out")
    objective = Objective(model, x, y, training=training, precision=precision, batch_size=batch_size)
    objective.width = 1
    loss, gradient = objective.here()
    z = _worst(objective, epsilon, ascent, starts, seed)
    length = float(np.linalg.norm(gradient))
    step = rho * gradient / length if length else np.zeros(objective.size)
    at = np.linspace(0.0, 1.0, _POINTS)
    ways = objective.values(np.stack([z, step]), np.concatenate([np.outer(at, e) for e in np.eye(2)]))
    to_box, to_ball = ways[:_POINTS], ways[_POINTS:]
    ends = extremes(objective.products, objective.size, 1, tolerance, limit, seed)
    return Sharpness(
        loss=loss,
        box=float(100 * (to_box[-1] - to_box[0]) / (1 + loss)),
        ball=float(to_ball[-1] - to_ball[0]),
        eigenvalue=float(ends.values[-1]),
        residual=float(ends.residuals[-1]),
        epsilon=epsilon,
        rho=rho,
        at=at,
        to_box=to_box,
        to_ball=to_ball,
    )


def _worst(objective: Objective, epsilon: float, ascent: int, starts: int, seed: int) -> np.ndarray:
    """Where in the box the loss is largest of all points that were seen."""
    room, rng = epsilon * (np.abs(objective.start) + 1), np.random.default_rng(seed)
    best, highest = np.zeros(objective.size), -np.inf
    for start in range(starts + 1):
        z = room * rng.uniform(-1, 1, objective.size) if start else np.zeros(objective.size)
        for taken in range(ascent + 1):
            loss, gradient = objective.gradient(objective.start + z)
            if loss > highest:
                best, highest = z, loss
            share = 2.0 * (1 - taken / (ascent + 1))  # the first steps cross the box
            z = np.clip(z + share * room * np.sign(gradient), -room, room)
    return best
