"""The loss on a plane through the parameters: of two directions, through three models, or of a training's way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from liuli.core.errors import LiuliError
from liuli.core.precision import Precision
from liuli.inspect.curvature.objective import ROWS, Objective, check_like
from liuli.inspect.display import number
from liuli.inspect.landscape import figures
from liuli.inspect.landscape.directions import check_grid, given
from liuli.training import Model

_MARGIN = 0.2  # of what a plane is to show, around it


@dataclass(frozen=True, eq=False, repr=False)
class Plane:
    """What :func:`plane` found.

    a, b:        the coordinates of the columns and of the rows: (columns,), (rows,)
    losses:      L(w + a d1 + b d2): (rows, columns)
    loss:        L(w), at (0, 0).
    directions:  d1 and d2, in the form of the parameters.
    marks:       what lies where on the plane: names and (a, b).

    Example:
        >>> import numpy as np
        >>> from liuli.inspect import Plane
        >>> Plane(np.array([0.0, 1.0]), np.array([0.0, 1.0]), np.array([[1.0, 2.0], [3.0, 4.0]]), 1.0, ({}, {}))
        loss 1 at (0, 0); on 2 x 2 points it is 1 at least, at (0, 0), and 4 at most, at (1, 1)
    """

    a: np.ndarray
    b: np.ndarray
    losses: np.ndarray
    loss: float
    directions: tuple[Any, Any]
    marks: dict[str, tuple[float, float]] = field(default_factory=lambda: {"model": (0.0, 0.0)})

    def plot(self, ax: Any = None, words: Mapping[str, str] | None = None) -> Any:
        """Lines of equal loss, or a surface where ``ax`` has ``projection="3d"``; returns the Matplotlib axis."""
        return figures.plane(self, ax, words)

    def __repr__(self) -> str:
        low, high = (f(self.losses) for f in (np.nanargmin, np.nanargmax))
        shape = " x ".join(map(str, self.losses.shape))
        return (
            f"loss {number(self.loss)} at (0, 0); on {shape} points it is {number(self.losses.flat[low])} at least, at "
            f"{self._place(low)}, and {number(self.losses.flat[high])} at most, at {self._place(high)}"
        )

    def _place(self, index: Any) -> str:
        row, column = np.unravel_index(int(index), self.losses.shape)
        return f"({number(self.a[column])}, {number(self.b[row])})"


@dataclass(frozen=True, eq=False, repr=False)
class Trajectory(Plane):
    """What :func:`trajectory` found: a :class:`Plane` with the way of a training on it.

    path:       the coordinates of each set of parameters: (count, 2)
    explained:  the share of the way's squared distance from its end that lies along d1, and along d2.

    Example:
        >>> from liuli.inspect import Plane, Trajectory
        >>> issubclass(Trajectory, Plane)
        True
    """

    path: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))
    explained: tuple[float, float] = (1.0, 0.0)

    def __repr__(self) -> str:
        shares = " and ".join(f"{share:.1%}" for share in self.explained)
        return f"{super().__repr__()}; of the way, {shares} lie along the two directions"


def plane(
    model: Model,
    x: Any,
    y: Any = None,
    directions: Sequence[Any] | None = None,
    reach: float = 1.0,
    points: int = 25,
    *,
    models: Sequence[Model] | None = None,
    seed: int = 0,
    training: bool = False,
    precision: Precision | None = None,
    batch_size: int = ROWS,
) -> Plane:
    """L(w + a d1 + b d2) on a grid: of two directions, or through three models.

    Through ``models=(second, third)``: d1 leads to the second, d2 at a right angle to the side of the third, both of
    length 1; each of the three is marked. What layers keep besides parameters (running means) is mixed by how near a
    point is to each; ``training=True`` takes the statistics of the batch instead.

    Reference: Li, Xu, Taylor, Studer and Goldstein, *Visualizing the Loss Landscape of Neural Nets*, NeurIPS 2018;
    through three models: Garipov et al., *Loss Surfaces, Mode Connectivity, and Fast Ensembling of DNNs*, NeurIPS 2018.

    x, y:        data as ``model.fit`` takes them.
    directions:  two of what ``along`` takes; by default random, with filters as long as those of the parameters.
    reach:       how far to each side, in lengths of the directions; not through models.
    points:      on each side; an odd number has the parameters themselves in the middle.
    models:      the other two, of the same architecture.
    seed:        of random directions.
    training:    whether dropout and batch statistics act, with the random key of the next step.
    precision:   computed in; that of the model by default.
    batch_size:  rows at a time.

    Raises:
        DataError, ShapeError: the data do not fit the network or the loss, or a direction or model not the parameters.
        LiuliError: a direction is zero, or both are one.

    Example:
        >>> import numpy as np, liuli as ll
        >>> model = ll.Model(ll.Sequential([ll.layers.Dense(2, "tanh"), ll.layers.Dense(1)]), loss="mse")
        >>> x, y = np.eye(2), np.ones((2, 1))
        >>> found = ll.inspect.plane(model, x, y, points=3)
        >>> found.losses.shape, bool(np.isclose(found.losses[1, 1], model.evaluate(x, y)["loss"]))
        ((3, 3), True)
    """
    check_grid("plane", reach, points)
    how: dict[str, Any] = {"training": training, "precision": precision, "batch_size": batch_size}
    if models is not None:
        return _through(model, models, x, y, points, how)
    objective, rng = Objective(model, x, y, **how), np.random.default_rng(seed)
    if len(asked := directions if directions is not None else (None, None)) != 2:
        raise LiuliError("directions", got=f"{len(asked)} of them", expected="2", fix="leave them out")
    d = np.stack([given(objective, one, rng, f"directions[{i}]") for i, one in enumerate(asked)])
    _apart(d, "directions")
    at = np.linspace(-reach, reach, points)
    losses, loss = _grid(objective, d, at, at)
    return Plane(at, at, losses, loss, _trees(objective, d))


def trajectory(
    model: Model,
    x: Any,
    y: Any = None,
    *,
    way: Sequence[Any],
    points: int = 25,
    training: bool = False,
    precision: Precision | None = None,
    batch_size: int = ROWS,
) -> Trajectory:
    """The way of a training on the plane of the first two principal components of (w_1 - w_n, ..., w_n - w_n).

    The plane goes through the last parameters w_n; what layers keep besides parameters is that of the model.

    Reference: Li, Xu, Taylor, Studer and Goldstein, *Visualizing the Loss Landscape of Neural Nets*, NeurIPS 2018,
    section 7.

    x, y:        data as ``model.fit`` takes them.
    way:         parameters in order, trees like ``model.params``: at least 3.
    points:      on each side of the grid.
    training:    whether dropout and batch statistics act, with the random key of the next step.
    precision:   computed in; that of the model by default.
    batch_size:  rows at a time.

    Raises:
        DataError, ShapeError: the data do not fit the network or the loss, or the parameters not the model.
        LiuliError: there are too few, or they lie on a line.

    Example:
        >>> import jax, numpy as np, liuli as ll
        >>> x, y, way = np.random.default_rng(0).normal(size=(8, 2)), np.zeros((8, 1)), []
        >>> model = ll.Model(ll.Sequential([ll.layers.Dense(1)]), "mse", ll.optimizers.SGD(0.1))
        >>> keep = ll.callbacks.LambdaCallback(lambda run, logs: way.append(jax.device_get(run.state.params)))
        >>> history = model.fit(x, y, epochs=5, verbose=0, callbacks=[keep])
        >>> found = ll.inspect.trajectory(model, x, y, way=way, points=5)
        >>> found.path.shape, found.path[-1].tolist(), sum(found.explained) > 0.9
        ((5, 2), [0.0, 0.0], True)
    """
    check_grid("trajectory", 1.0, points)
    objective = Objective(model, x, y, training=training, precision=precision, batch_size=batch_size, frozen=True)
    if len(way) < 3:
        raise LiuliError("way", got=f"{len(way)} sets of parameters", expected="3 or more", fix="keep every epoch")
    for i, tree in enumerate(way):
        check_like(tree, objective.params, f"way[{i}]")
    rows = np.stack([objective.flat(tree) for tree in way])
    if not np.isfinite(rows).all():
        raise LiuliError("way", got="numbers that are not finite", expected="parameters", fix="leave those out")
    objective.start = rows[-1]
    d, path, explained = principal(rows - rows[-1])
    a, b = (_spread(path[:, i], points) for i in (0, 1))
    losses, loss = _grid(objective, d, a, b)
    marks = {"start": (float(path[0, 0]), float(path[0, 1])), "end": (0.0, 0.0)}
    return Trajectory(a, b, losses, loss, _trees(objective, d), marks, path, explained)


def principal(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple[float, float]]:
    """The first two principal directions (2, size) of rows (count, size) from the origin, the coordinates (count, 2)
    in them, and the share of the sum of squares that each takes.

    Raises:
        LiuliError: the rows lie on a line.
    """
    squares, turns = np.linalg.eigh(rows @ rows.T)
    if squares[-2] <= 1e-12 * max(squares[-1], np.finfo(float).tiny):
        raise LiuliError(
            "way", got="parameters that lie on a line", expected="a way that bends", fix="ll.inspect.along"
        )
    lengths = np.sqrt(squares[[-1, -2]])
    directions = turns[:, [-1, -2]].T @ rows / lengths[:, None]
    path = rows @ directions.T
    path[-1] = 0.0
    return directions, path, (float(squares[-1] / squares.sum()), float(squares[-2] / squares.sum()))


def _through(model: Model, others: Sequence[Model], x: Any, y: Any, points: int, how: dict[str, Any]) -> Plane:
    """The plane on which three models lie."""
    if len(others) != 2:
        raise LiuliError("models", got=f"{len(others)} of them", expected="the other 2", fix="models=(second, third)")
    objective = Objective(model, x, y, **how, frozen=True)
    for i, other in enumerate(others):
        other.prepare(x, y)
        mine, theirs = ({"params": m.params, "state": m.state} for m in (model, other))
        check_like(theirs, mine, f"models[{i}]")
    sides = np.stack([objective.flat(other.params) - objective.start for other in others])
    _apart(sides, "models")
    d = np.linalg.qr(sides.T)[0].T
    d = d * np.where(np.einsum("ds,ds->d", d, sides) < 0, -1.0, 1.0)[:, None]
    corners = np.concatenate([np.zeros((1, 2)), sides @ d.T])
    a, b = (_spread(corners[:, i], points) for i in (0, 1))
    losses, loss = _grid(objective, d, a, b, [m.state for m in (model, *others)], corners)
    names = ("first", "second", "third")
    marks = {name: (float(at[0]), float(at[1])) for name, at in zip(names, corners, strict=True)}
    return Plane(a, b, losses, loss, _trees(objective, d), marks)


def _grid(
    objective: Objective, d: np.ndarray, a: np.ndarray, b: np.ndarray, states: Sequence[Any] = (), corners: Any = None
) -> tuple[np.ndarray, float]:
    """The losses (rows, columns), and that of the origin."""
    places = np.stack([each.ravel() for each in np.meshgrid(a, b)], axis=1)
    places = np.concatenate([places, np.zeros((1, 2))])
    shares = None if corners is None else barycentric(places, corners)
    *losses, loss = objective.values(d, places, states, shares)
    return np.array(losses).reshape(len(b), len(a)), float(loss)


def barycentric(places: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """How near each place (count, 2) is to each corner of a triangle (3, 2): weights that sum to 1, none negative.

    Within the triangle they are barycentric coordinates; beyond, what is negative in these is left out.
    """
    weights = np.linalg.solve(np.vstack([corners.T, np.ones(3)]), np.vstack([places.T, np.ones(len(places))])).T
    inside = np.maximum(weights, 0.0)
    return inside / inside.sum(axis=1, keepdims=True)


def _spread(values: np.ndarray, points: int) -> np.ndarray:
    """Coordinates over all of ``values`` and a margin."""
    low, high = float(values.min()), float(values.max())
    margin = _MARGIN * (high - low)
    return np.linspace(low - margin, high + margin, points)


def _apart(d: np.ndarray, where: str) -> None:
    """Raise LiuliError where two directions are one, or zero."""
    squares = d @ d.T
    if np.linalg.det(squares) <= 1e-12 * squares[0, 0] * squares[1, 1]:
        raise LiuliError(where, got="directions that lie on one line", expected="a plane", fix="ll.inspect.along")


def _trees(objective: Objective, d: np.ndarray) -> tuple[Any, Any]:
    return objective.tree(d[0]), objective.tree(d[1])
