"""One number for each row, as a function of the value at one place in the network; and its gradient there.

s_i = f(v_i), the score of a class before the softmax, an output, or the loss;   g_i = ds_i / dv_i
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np

from liuli.activations import LogSoftmax, Sigmoid, Softmax
from liuli.core.dials import with_dials
from liuli.core.errors import DataError, LiuliError, ShapeError
from liuli.core.fields import nearest
from liuli.core.precision import parameter_dtype, scope
from liuli.core.specs import with_fields
from liuli.inspect.seeing.running import (
    class_names,
    class_number,
    inputs_of,
    names_classes,
    one_input,
    one_output,
    read,
    tap_shapes,
    target_name,
    unknown,
)
from liuli.inspect.trace import Watching
from liuli.networks.edit import is_used_elsewhere, last_activation, without_activation
from liuli.training import Model
from liuli.training.arrays import Arrays
from liuli.training.recipe import Fused, Recipe, compiled_part, fuse
from liuli.training.step import context, forward

Of = Literal["score", "output", "loss"]
Fixed = tuple[Any, Any, Any, Any, Any]  # params, state, dials, inputs, and what is asked of each row


@dataclass(frozen=True, eq=False)
class Question:
    """What is asked: of which recipe, at which tap, of which number; with everything that stays as it is.

    start:   the value at the tap, (rows, ...).
    target:  the element of the output that is looked at, (rows,); its name.
    """

    recipe: Recipe
    at: str
    of: Of
    fixed: Fixed
    start: np.ndarray
    target: np.ndarray
    names: tuple[str, ...]

    def run(self, program: Callable[..., Any], *values: Any) -> Any:
        """What a program of this module's kind answers."""
        with scope(self.recipe.precision):
            return jax.device_get(program(self.recipe, self.at, self.of)(self.fixed, *values))


def question(model: Model, x: Any, y: Any, target: Any, of: Of, at: str | None, what: str) -> Question:
    """The question that a caller asks, checked.

    Raises:
        DataError, ShapeError: rows, labels or the target do not fit.
        UnknownPathError: there is no such tap.
    """
    if of not in get_args(Of):
        raise DataError(
            f"{what}: of", got=repr(of), expected="score, output or loss", fix=nearest(str(of), get_args(Of))
        )
    one_output(model, what)
    inputs, at = _entrance(model, inputs_of(model, x), at, what)
    entering = dict(zip((f"{name}/y" for name in model.recipe.network.inputs), inputs, strict=True))
    start = entering[at] if at in entering else read(model, inputs, (at,))[at]
    if start.dtype.kind != "f":
        raise DataError(f"{what}: at", got=f"{at!r}, which holds integers", expected="numbers", fix="give another tap")
    if of == "loss":
        against, names = model.prepare(x, y)[1][0], ("loss",) * len(start)
        chosen = np.zeros(len(start), np.int32)
    else:
        chosen, names = _targets(model, x, target, what)
        against = chosen
    fixed = (model.params, model.state, dict(model.dials), inputs, against)
    return Question(compiled_part(model.recipe), at, of, fixed, start, chosen, names)


@lru_cache(maxsize=64)
def gradient(recipe: Recipe, at: str, of: Of) -> Callable[..., Any]:
    """``run(fixed, value)``: s, (rows,), and ds/dv, like v."""
    return jax.jit(with_gradient(recipe, at, of))


def with_gradient(recipe: Recipe, at: str, of: Of) -> Callable[..., tuple[jax.Array, jax.Array]]:
    """The same, not compiled: rows do not touch each other, so that the gradient of the sum is that of each."""
    score = scorer(recipe, at, of)

    def run(fixed: Fixed, value: jax.Array) -> tuple[jax.Array, jax.Array]:
        def total(v: jax.Array) -> tuple[jax.Array, jax.Array]:
            each = score(fixed, v)
            return each.sum(), each

        (_, each), slope = jax.value_and_grad(total, has_aux=True)(value)
        return each, slope

    return run


def scorer(recipe: Recipe, at: str, of: Of) -> Callable[[Fixed, jax.Array], jax.Array]:
    """``run(fixed, value)``: s, (rows,), where the value at the tap is ``value``."""
    fused = fuse(recipe) if of == "loss" else Fused(_bare(recipe) if of == "score" else recipe, ())

    def run(fixed: Fixed, value: jax.Array) -> jax.Array:
        params, state, dials, inputs, against = fixed
        exact = Fused(with_dials(fused.recipe, dials), fused.activations)
        ctx = context(exact, training=False, watch=_Put(at, value))
        (left,), (mask,), _ = forward(exact, params, state, inputs, ctx)
        if of == "loss":
            return exact.recipe.outputs[0].loss.weighted(against, left, None, mask)
        return jnp.take_along_axis(left.reshape(left.shape[0], -1), against[:, None], axis=1)[:, 0]

    return run


class _Put(Watching):
    """Lets a tap have a value of its own."""

    def __init__(self, at: str, value: jax.Array) -> None:
        super().__init__()
        self.at, self.value = at, value

    def offset(self, path: str, like: Any) -> jax.Array | None:
        if self._name(path) != self.at:
            return None
        if isinstance(like, jax.ShapeDtypeStruct):
            fix = "give the output of the layer, such as at='lstm_1/y'"
            raise LiuliError("at", got=f"{path!r}, within a loop over time", expected="a value outside of it", fix=fix)
        return self.value.astype(like.dtype) - like


def _bare(recipe: Recipe) -> Recipe:
    """The recipe whose output is the score before a last softmax or sigmoid."""
    network, output = recipe.network, recipe.network.outputs[0]
    squashed = isinstance(last_activation(network, output), (Softmax, Sigmoid, LogSoftmax))
    if not squashed or is_used_elsewhere(network, output):
        return recipe
    return with_fields(recipe, {"network": without_activation(network, output)})


def _entrance(model: Model, inputs: Arrays, at: str | None, what: str) -> tuple[Arrays, str]:
    """The tap that is looked at, and the inputs: as they enter, as floats where they are whole numbers, or, where these
    are numbers of words, the first layer's vectors."""
    shapes = tap_shapes(model, inputs)
    if at is not None:
        if at not in shapes:
            raise unknown(at, shapes)
        return (inputs if jnp.issubdtype(shapes[at].dtype, jnp.inexact) else _floats(model, inputs)), at
    name = one_input(model, what, f"say which: at='{model.recipe.network.inputs[0]}/y'")
    if inputs[0].dtype.kind == "f":
        return inputs, f"{name}/y"
    try:
        tap_shapes(model, _floats(model, inputs))
    except (LiuliError, TypeError, ValueError):
        vectors = (p for p, s in shapes.items() if p.endswith("/y") and jnp.issubdtype(s.dtype, jnp.inexact))
        return inputs, next(vectors)
    return _floats(model, inputs), f"{name}/y"


def _floats(model: Model, inputs: Arrays) -> Arrays:
    dtype = parameter_dtype(model.recipe.precision)
    return tuple(a if a.dtype.kind == "f" else a.astype(dtype) for a in inputs)


def _targets(model: Model, x: Any, target: Any, what: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """The element of the output, numbered through, that is asked for in each row; and its name."""
    outputs = np.asarray(model.predict(x))
    rows, shape = len(outputs), outputs.shape[1:]
    width = int(np.prod(shape))
    if width == 1:
        return np.zeros(rows, np.int32), (_only(model, x, target, what),) * rows
    names = class_names(model, x, width) if names_classes(model) else tuple(map(str, range(width)))
    if target is None:
        if len(shape) != 1:
            got, fix = f"outputs of shape {shape} a row", "target=(step, unit)"
            raise ShapeError(f"{what}: target", got=got, expected="the element to explain", fix=fix)
        chosen = outputs.argmax(1)
    elif isinstance(target, tuple):
        if len(target) != len(shape) or not all(0 <= i < n for i, n in zip(target, shape, strict=True)):
            got, expected = repr(target), f"an index into outputs of shape {shape}"
            raise DataError(f"{what}: target", got=got, expected=expected, fix=f"target={(0,) * len(shape)}")
        chosen = np.full(rows, np.ravel_multi_index(target, shape))
    elif isinstance(target, (str, int, np.integer)):
        chosen = np.full(rows, class_number(target, names))
    else:
        chosen = np.array([class_number(each, names) for each in target])
        if len(chosen) != rows:
            got, fix = f"{len(chosen)} targets for {rows} rows", "one for each row, or one for all"
            raise DataError(f"{what}: target", got=got, expected=f"{rows}", fix=fix)
    return chosen.astype(np.int32), tuple(names[i] for i in chosen)


def _only(model: Model, x: Any, target: Any, what: str) -> str:
    """What the only element of the output is called."""
    if not names_classes(model):
        if target not in (None, 0):
            raise DataError(f"{what}: target", got=repr(target), expected="one output, 0", fix="leave target out")
        return target_name(model, x) or "0"
    names = class_names(model, x, 2)
    if target is not None and class_number(target, names) == 0:
        got = f"the class {names[0]!r} of a network with one unit, which speaks for {names[1]!r}"
        raise DataError(f"{what}: target", got=got, expected=repr(names[1]), fix="leave target out, and turn the sign")
    return names[1]
