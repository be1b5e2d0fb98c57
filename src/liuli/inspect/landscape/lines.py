"""The loss along a line: from the parameters in one direction, or from one model to another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from liuli.core.dials import dials
from liuli.core.errors import LiuliError
from liuli.core.fields import nearest
from liuli.core.precision import Precision, parameter_dtype, scope
from liuli.core.specs import with_fields
from liuli.inspect.batch import Batch, prepare
from liuli.inspect.curvature.objective import ROWS, Objective, cast, check_like
from liuli.inspect.display import number
from liuli.inspect.landscape import figures
from liuli.inspect.landscape.directions import check_grid, given
from liuli.training import Model
from liuli.training.arrays import declared_batch
from liuli.training.batches import padded_rows
from liuli.training.loop import measured_sums
from liuli.training.programs import evaluator, summarizer
from liuli.training.recipe import Recipe

_ROUNDED = 1e-6  # of the loss: a barrier below it is rounding


@dataclass(frozen=True, eq=False, repr=False)
class Line:
    """What :func:`along` found.

    at:         t, in lengths of the direction: (points,)
    losses:     L(w + t d): (points,)
    loss:       L(w).
    direction:  d, in the form of the parameters.

    Example:
        >>> import numpy as np
        >>> from liuli.inspect import Line
        >>> Line(np.array([-1.0, 0.0, 1.0]), np.array([4.0, 1.0, 2.0]), 1.0, {})
        loss 1 here; along 3 points from -1 to 1 it is 1 at least, at 0, and 4 at most, at -1
    """

    at: np.ndarray
    losses: np.ndarray
    loss: float
    direction: Any

    def plot(self, ax: Any = None, words: Mapping[str, str] | None = None) -> Any:
        """The loss along the line; returns the Matplotlib axis."""
        return figures.line(self.at, self.losses, self.loss, ax, words)

    def __repr__(self) -> str:
        low, high = int(np.nanargmin(self.losses)), int(np.nanargmax(self.losses))
        ends = f"{len(self.at)} points from {number(self.at[0])} to {number(self.at[-1])}"
        return (
            f"loss {number(self.loss)} here; along {ends} it is {number(self.losses[low])} at least, at "
            f"{number(self.at[low])}, and {number(self.losses[high])} at most, at {number(self.at[high])}"
        )


@dataclass(frozen=True, eq=False, repr=False)
class Between:
    """What :func:`between` found.

    at:    t, from 0 at the first model to 1 at the second: (points,)
    logs:  the loss and the metrics at each point: ``{"loss": (points,), "accuracy": (points,)}``.

    Example:
        >>> import numpy as np
        >>> from liuli.inspect import Between
        >>> found = Between(np.array([0.0, 0.5, 1.0]), {"loss": np.array([0.0, 3.0, 2.0])})
        >>> found.barrier, found.summit
        (2.0, 0.5)
    """

    at: np.ndarray
    logs: dict[str, np.ndarray]

    @property
    def losses(self) -> np.ndarray:
        """L((1 - t) a + t b): (points,)"""
        return self.logs["loss"]

    @property
    def above(self) -> np.ndarray:
        """L((1 - t) a + t b) - (1 - t) L(a) - t L(b): how far the loss rises above the straight line."""
        return self.losses - (1 - self.at) * self.losses[0] - self.at * self.losses[-1]

    @property
    def barrier(self) -> float:
        """The largest rise; 0 where the way is nowhere above the straight line."""
        return float(self.above.max())

    @property
    def summit(self) -> float:
        """Where it is."""
        return float(self.at[int(np.argmax(self.above))])

    def plot(self, name: str = "loss", ax: Any = None, words: Mapping[str, str] | None = None) -> Any:
        """The loss, or the metric of this name, on the way; the barrier of the loss marked. Returns the axis.

        Raises:
            LiuliError: nothing of this name was measured.
        """
        if name not in self.logs:
            fix = f"write {nearest(name, self.logs)}"
            raise LiuliError("between", got=f"the quantity {name!r}", expected="one that was measured", fix=fix)
        summit = int(np.argmax(self.above)) if name == "loss" else None
        return figures.way(self.at, self.logs[name], name, summit, ax, words)

    def __repr__(self) -> str:
        ends = f"loss {number(self.losses[0])} to {number(self.losses[-1])}"
        if self.barrier <= _ROUNDED * float(np.abs(self.losses).max()):
            return f"{ends} over {len(self.at)} points; no barrier"
        return f"{ends} over {len(self.at)} points; barrier {number(self.barrier)}, at {number(self.summit)} of the way"


def along(
    model: Model,
    x: Any,
    y: Any = None,
    direction: Any = None,
    reach: float = 1.0,
    points: int = 51,
    *,
    seed: int = 0,
    training: bool = False,
    precision: Precision | None = None,
    batch_size: int = ROWS,
) -> Line:
    """L(w + t d) for t from -reach to reach.

    x, y:        data as ``model.fit`` takes them.
    direction:   d: ``"random"``, with filters as long as those of the parameters; ``"gradient"``, of steepest descent,
                 of length 1; or a tree like ``model.params``, taken as it is.
    reach:       how far to both sides, in lengths of d.
    points:      on the line; an odd number has the parameters themselves in the middle.
    seed:        of a random direction.
    training:    whether dropout and batch statistics act, with the random key of the next step.
    precision:   computed in; that of the model by default.
    batch_size:  rows at a time.

    Raises:
        DataError, ShapeError: the data do not fit the network or the loss, or the direction not the parameters.
        LiuliError: the direction is zero, or the line has no length.

    Example:
        >>> import numpy as np, liuli as ll
        >>> model = ll.Model(ll.Sequential([ll.layers.Dense(1, use_bias=False)]), loss="mse").build((1,))
        >>> d = {"dense_1": {"kernel": model.params["dense_1"]["kernel"]}}
        >>> found = ll.inspect.along(model, np.ones((2, 1)), np.zeros((2, 1)), d, points=3)
        >>> (found.losses / found.loss).round(4).tolist()  # (1 + t)^2
        [0.0, 1.0, 4.0]

    Reference: Li, Xu, Taylor, Studer and Goldstein, *Visualizing the Loss Landscape of Neural Nets*, NeurIPS 2018.
    """
    check_grid("along", reach, points)
    objective = Objective(model, x, y, training=training, precision=precision, batch_size=batch_size)
    d = given(objective, direction, np.random.default_rng(seed))
    at = np.linspace(-reach, reach, points)
    *losses, loss = objective.values(d[None], np.append(at, 0.0)[:, None])
    return Line(at, np.array(losses), float(loss), objective.tree(d))


def between(
    first: Model, second: Model, x: Any, y: Any = None, points: int = 25, *, precision: Precision | None = None
) -> Between:
    """L((1 - t) a + t b) for t from 0 to 1, a and b the parameters of two models of one architecture, with the metrics.

    What layers keep besides parameters, such as running means, moves along as well, so that both ends are the models
    themselves. The barrier is how far the loss rises above the straight line between its ends.

    Reference: Goodfellow, Vinyals and Saxe, *Qualitatively characterizing neural network optimization problems*, ICLR
    2015; barrier: Frankle, Dziugaite, Roy and Carbin, *Linear Mode Connectivity and the Lottery Ticket Hypothesis*,
    ICML 2020.

    first, second:  the models; loss, metrics and dials are those of the first.
    x, y:           data as ``model.fit`` takes them.
    points:         on the way, both ends counted.
    precision:      computed in; that of the first model by default.

    Raises:
        DataError, ShapeError: the data do not fit the network or the loss, or the models not each other.

    Example:
        >>> import numpy as np, liuli as ll
        >>> a, b = (ll.Model(ll.Sequential([ll.layers.Dense(1)]), "mse", seed=seed).build((2,)) for seed in (0, 1))
        >>> x, y = np.eye(2), np.ones((2, 1))
        >>> found = ll.inspect.between(a, b, x, y, points=3)
        >>> bool(np.isclose(found.losses[-1], b.evaluate(x, y)["loss"])), found.barrier  # a linear model is convex
        (True, 0.0)
    """
    check_grid("between", 1.0, points)
    batch, _ = prepare(first, x, y), second.prepare(x, y)
    recipe = batch.recipe if precision is None else with_fields(batch.recipe, {"precision": precision})
    ends = [{"params": m.params, "state": m.state} for m in (first, second)]
    check_like(ends[1], ends[0], "second")
    measure, at = _measure(recipe, batch), np.linspace(0.0, 1.0, points)
    found = [measure(mixture(ends[0], ends[1], float(t), parameter_dtype(recipe.precision))) for t in at]
    return Between(at, {name: np.array([logs[name] for logs in found]) for name in found[0]})


def mixture(a: Any, b: Any, t: float, dtype: Any) -> Any:
    """(1 - t) a + t b in floats, leaf by leaf; of what is not a float, a."""

    def mixed(u: Any, v: Any) -> Any:
        if not jnp.issubdtype(u.dtype, jnp.floating):
            return u
        return ((1 - t) * np.asarray(u, np.float64) + t * np.asarray(v, np.float64)).astype(dtype)

    return jax.tree.map(mixed, a, b)


def _measure(recipe: Recipe, batch: Batch) -> Callable[[Any], dict[str, float]]:
    """``measure(tree)``: loss and metrics of these parameters and this state, as ``model.evaluate`` has them."""
    run, summarize, own = evaluator(recipe), summarizer(recipe), dials(recipe)
    rows, counts = padded_rows(len(batch.inputs[0]), ROWS, declared_batch(recipe.network))
    inputs, targets = (cast(arrays, parameter_dtype(recipe.precision)) for arrays in (batch.inputs, batch.targets))
    with scope(recipe.precision):
        data = jax.device_put((inputs, targets, None))

    def measure(tree: Any) -> dict[str, float]:
        with scope(recipe.precision):
            return measured_sums(run(tree["params"], tree["state"], own, data, rows, counts), summarize, own)

    return measure
