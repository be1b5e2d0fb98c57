"""Gradient check: automatic differentiation against central differences, both in float64.

dL/dw_i is compared with (L(w_i + h) - L(w_i - h)) / 2h. Where the slopes to the left and to the right differ, the loss
has a kink (a ReLU at zero) and no gradient: such elements are counted, not compared.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from rich.table import Table

from liuli.core.dials import dials
from liuli.core.errors import LiuliError
from liuli.core.fields import nearest
from liuli.core.precision import scope
from liuli.core.specs import with_fields
from liuli.core.trees import paths
from liuli.inspect.batch import Batch, prepare, with_values
from liuli.inspect.display import as_html, as_text
from liuli.training import Model
from liuli.training.recipe import Recipe, compiled_part, fuse
from liuli.training.step import context, forward, penalties, total_loss

Moving = tuple[Any, dict[str, Any]]  # parameters, inputs by name

TOLERANCE = 1e-5  # the largest relative error that passes
_SMALL = 1e-3  # gradients below this share of the loss are measured against it: differences of the loss are rounded
_KINK = 1e-3  # slopes to both sides of a smooth loss differ by much less, relatively


@dataclass(frozen=True)
class Checked:
    """The gradient with respect to one parameter or input, at its worst element.

    path:      ``"dense_1/kernel"``, or the name of an input.
    elements:  how many elements were compared.
    kinks:     how many were not, because the loss has a kink there.
    index:     which element is worst.
    analytic:  its gradient by automatic differentiation.
    numeric:   its gradient by central differences.
    error:     the relative error between the two.

    Example:
        >>> from liuli.inspect import Checked
        >>> Checked("dense_1/bias", 3, 0, (0,), 0.5, 0.25, 0.5).ok
        False
    """

    path: str
    elements: int
    kinks: int
    index: tuple[int, ...]
    analytic: float
    numeric: float
    error: float

    @property
    def ok(self) -> bool:
        """Whether the error is within 1e-5."""
        return self.error <= TOLERANCE


@dataclass(frozen=True, repr=False)
class GradCheck:
    """What :func:`gradcheck` found. Prints as a table.

    checks:  one for each parameter and input.

    Example:
        >>> from liuli.inspect import Checked, GradCheck
        >>> GradCheck((Checked("dense_1/bias", 3, 0, (0,), 0.5, 0.25, 0.5),)).worst.path
        'dense_1/bias'
    """

    checks: tuple[Checked, ...]

    @property
    def ok(self) -> bool:
        """Whether every gradient is right."""
        return all(check.ok for check in self.checks)

    @property
    def worst(self) -> Checked:
        """The check with the largest error."""
        return max(self.checks, key=lambda check: check.error)

    def __repr__(self) -> str:
        return as_text(self)

    def __rich__(self) -> Table:
        table = Table(caption=self._verdict(), caption_justify="left")
        for column in _COLUMNS:
            table.add_column(column, justify="left" if column == "gradient of" else "right", overflow="fold")
        for check in self.checks:
            worst = f"{list(check.index)}", f"{check.analytic:.8g}", f"{check.numeric:.8g}"
            mark = "" if check.ok else " wrong"
            table.add_row(check.path, str(check.elements), str(check.kinks), *worst, f"{check.error:.1e}{mark}")
        return table

    def _repr_html_(self) -> str:
        return as_html(self)

    def _verdict(self) -> str:
        worst = self.worst
        where = f"{worst.path}{list(worst.index)}"
        if self.ok:
            compared = sum(check.elements for check in self.checks)
            return f"all {compared} gradients are right; the largest relative error is {worst.error:.1e}, at {where}"
        return f"wrong: {where} is {worst.analytic:.6g} but changes the loss at a rate of {worst.numeric:.6g}"


def gradcheck(
    model: Model,
    x: Any,
    y: Any,
    parameters: Sequence[str] | None = None,
    samples: int = 20,
    step: float = 1e-6,
    seed: int = 0,
    training: bool = False,
) -> GradCheck:
    """dL/dw by automatic differentiation against (L(w + h) - L(w - h)) / 2h, on a few elements of every parameter.

    The network is run again in float64, its parameters and the batch cast. The relative error is the difference divided
    by the larger of the two, or by a thousandth of the loss where both are smaller; up to 1e-5 passes.

    x, y:        a batch, as ``model.fit`` takes it.
    parameters:  paths of parameters (``"dense_1/kernel"``) and names of inputs; all of them by default.
    samples:     how many elements of each are compared at most, drawn at random.
    step:        h, for elements of size up to 1, and in proportion beyond.
    seed:        of the draw.
    training:    whether dropout and batch statistics act, with the random key of the next step in every run.

    Raises:
        LiuliError: ``parameters`` names something that is not there, or there is nothing to check.

    Example:
        >>> import numpy as np, liuli as ll
        >>> model = ll.Model(ll.Sequential([ll.layers.Dense(2, "tanh"), ll.layers.Dense(1)]), loss="mse")
        >>> found = ll.inspect.gradcheck(model, np.ones((4, 3)), np.zeros((4, 1)))
        >>> found.ok
        True
        >>> [check.path for check in found.checks]
        ['dense_1/bias', 'dense_1/kernel', 'dense_2/bias', 'dense_2/kernel', 'input_1']
    """
    if samples < 1 or step <= 0:
        raise LiuliError(
            "gradcheck", got=f"samples={samples}, step={step}", expected="both above 0", fix="leave them out"
        )
    batch = prepare(model, x, y)
    recipe = with_fields(batch.recipe, {"precision": "float64"})
    with scope("float64"):
        moving, fixed = _double(_moving(batch)), _double(_fixed(batch, training))
        loss, gradient = _programs(compiled_part(recipe), training)
        analytic = _by_path(jax.device_get(gradient(moving, fixed)))
        chosen = _chosen(parameters, analytic)
        slopes = _Slopes(lambda moved: float(loss(moved, fixed)), moving, step)
        rng = np.random.default_rng(seed)
        return GradCheck(tuple(_check(path, analytic[path], slopes, samples, rng) for path in chosen))


class _Slopes:
    """The slopes of the loss along single elements of what moves."""

    def __init__(self, loss: Callable[[Moving], float], moving: Moving, step: float) -> None:
        self.loss, self.moving, self.step = loss, moving, step
        self.here = loss(moving)

    def at(self, path: str, element: int) -> tuple[float, float, float]:
        """(L(w + h) - L(w - h)) / 2h, (L(w) - L(w - h)) / h and (L(w + h) - L(w)) / h."""
        w = float(_by_path(self.moving)[path].flat[element])
        h = self.step * max(1.0, abs(w))
        below, above = self._moved(path, element, w - h), self._moved(path, element, w + h)
        return (above - below) / (2 * h), (self.here - below) / h, (above - self.here) / h

    def _moved(self, path: str, element: int, to: float) -> float:
        leaves = _by_path(self.moving)
        leaves[path] = leaves[path].copy()
        leaves[path].flat[element] = to
        return self.loss(jax.tree.unflatten(jax.tree.structure(self.moving), list(leaves.values())))


def _check(path: str, analytic: np.ndarray, slopes: _Slopes, samples: int, rng: np.random.Generator) -> Checked:
    """The worst of up to ``samples`` elements; for each at a kink another is drawn, up to as many again."""
    found, kinks = [Checked(path, 0, 0, (), 0.0, 0.0, 0.0)], 0
    for element in rng.permutation(analytic.size)[: 2 * samples]:
        if len(found) > samples:
            break
        exact, (central, left, right) = float(analytic.flat[element]), slopes.at(path, int(element))
        scale = max(abs(exact), abs(central), _SMALL * max(1.0, abs(slopes.here)))
        if abs(right - left) > _KINK * scale:
            kinks += 1
            continue
        index = tuple(int(i) for i in np.unravel_index(element, analytic.shape))
        error = abs(exact - central) / scale if np.isfinite([exact, central]).all() else np.inf
        found.append(Checked(path, len(found), 0, index, exact, central, error))
    worst = max(found[1:] or found, key=lambda check: check.error)
    return dataclasses.replace(worst, elements=len(found) - 1, kinks=kinks)


def _moving(batch: Batch) -> Moving:
    """What is differentiated: parameters, and inputs of floats by name."""
    inputs = zip(batch.recipe.network.inputs, batch.inputs, strict=True)
    return batch.now.params, {name: a for name, a in inputs if np.issubdtype(a.dtype, np.floating)}


def _fixed(batch: Batch, training: bool) -> dict[str, Any]:
    """What is not."""
    inputs = zip(batch.recipe.network.inputs, batch.inputs, strict=True)
    integers = {name: a for name, a in inputs if not np.issubdtype(a.dtype, np.floating)}
    own = {"integers": integers, "state": batch.now.state, "targets": batch.targets}
    return {**own, "dials": dials(batch.recipe), "key": batch.key(training)}


def _by_path(moving: Moving) -> dict[str, np.ndarray]:
    """Every leaf by its path, in the order of the pytree."""
    return {**paths(moving[0]), **paths(moving[1])}


def _chosen(parameters: Sequence[str] | None, values: dict[str, np.ndarray]) -> list[str]:
    chosen = list(values) if parameters is None else [parameters] if isinstance(parameters, str) else list(parameters)
    for path in chosen:
        if path not in values:
            fix = f"write {nearest(str(path), values)}"
            raise LiuliError("parameters", got=repr(path), expected="a parameter or a float input", fix=fix)
    if not any(values[path].size for path in chosen):
        raise LiuliError("gradcheck", got="nothing", expected="parameters or float inputs", fix="add a layer")
    return [path for path in chosen if values[path].size]


@lru_cache(maxsize=64)
def _programs(recipe: Recipe, training: bool) -> tuple[Callable[..., jax.Array], Callable[..., Moving]]:
    """The loss as a function of everything that moves, and its gradient; both compiled."""
    fused = fuse(recipe)

    def loss(moving: Moving, fixed: dict[str, Any]) -> jax.Array:
        exact, (params, floats) = with_values(fused, fixed["dials"]), moving
        inputs = {**floats, **fixed["integers"]}
        entering = tuple(inputs[name] for name in exact.recipe.network.inputs)
        ctx = context(exact, training, fixed["key"])
        left, masks, _ = forward(exact, params, fixed["state"], entering, ctx)
        return total_loss(exact, left, masks, fixed["targets"]) + penalties(exact, params, ctx)

    return jax.jit(loss), jax.jit(jax.grad(loss))


def _double(tree: Any) -> Any:
    """Floats as float64 in NumPy; the rest (integers, keys, dials) as it is."""
    return jax.tree.map(lambda a: np.asarray(a, np.float64) if _is_float(a) else a, tree)


def _is_float(a: Any) -> bool:
    return hasattr(a, "dtype") and jnp.issubdtype(a.dtype, jnp.floating)


_COLUMNS = ("gradient of", "elements", "kinks", "worst element", "analytic", "numeric", "relative error")
