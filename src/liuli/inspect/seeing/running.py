"""From a model and rows, raw or encoded, to its values: inputs checked, taps read, answers as classes or numbers."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from liuli.core.dials import with_dials
from liuli.core.errors import DataError, LiuliError, ShapeError
from liuli.core.fields import nearest
from liuli.core.precision import scope
from liuli.data import ClassTarget, Dataset, Table
from liuli.inspect.trace import UnknownPathError, Watching, _wide
from liuli.layers.convolution.base import Convolutional
from liuli.losses import Loss
from liuli.networks import Graph
from liuli.networks.graph import output_shapes
from liuli.training import Model
from liuli.training.arrays import Arrays, as_inputs, check_built, declared_batch
from liuli.training.batches import padded
from liuli.training.recipe import Fused, Output, Recipe, compiled_part
from liuli.training.step import context, forward

BATCH = 1024  # rows that are computed at once


@dataclass(frozen=True)
class Classified:
    """Rows in classes: true and predicted (rows,), probabilities (rows, classes) or None, the names of the classes."""

    true: np.ndarray
    predicted: np.ndarray
    probabilities: np.ndarray | None
    names: tuple[str, ...]


def inputs_of(model: Model, x: Any) -> Arrays:
    """The arrays that the network takes for rows ``x``: encoded where the model has a schema, checked; the network is
    built where that has not happened.

    Raises:
        DataError, ShapeError: the rows do not fit the model.
    """
    schema, recipe = model.recipe.schema, model.recipe
    if schema is None and isinstance(x, Table):
        fix = "give the model schema=ll.data.Schema.fit(train), or encode the rows first"
        raise DataError("x", got="a table of raw rows, and a model without a schema", expected="arrays", fix=fix)
    encoded = schema.encode(x) if schema is not None else getattr(x, "x", x)
    inputs = as_inputs(recipe.network, encoded, recipe.precision)
    try:
        built = model.inputs
    except LiuliError:
        model.build(*(a.shape[1:] for a in inputs), dtypes=[a.dtype for a in inputs])
        built = model.inputs
    check_built(recipe.network, inputs, built)
    return inputs


def one_input(model: Model, what: str, fix: str = "look at a part of it as a model of its own") -> str:
    """The name of the network's only input.

    Raises:
        ShapeError: it has several.
    """
    names: Any = model.recipe.network.inputs
    if len(names) > 1:
        got = f"a network of the inputs {', '.join(names)}"
        raise ShapeError(what, got=got, expected="one input", fix=fix)
    return names[0]


def one_output(model: Model, what: str) -> Output:
    """What the network's only output is trained by.

    Raises:
        ShapeError: it has several.
    """
    names = model.recipe.network.outputs
    if len(names) > 1:
        got = f"a network of the outputs {', '.join(names)}"
        raise ShapeError(what, got=got, expected="one output", fix="look at a part of it as a model of its own")
    return model.recipe.outputs[0]


def convolutions(net: Graph) -> list[str]:
    """The paths of all calls of convolutions in order, those within graphs too."""
    found: list[str] = []
    for value, node in net.calls():
        if isinstance(node.layer, Graph):
            found += [f"{value}/{path}" for path in convolutions(node.layer)]
        elif isinstance(node.layer, Convolutional):
            found.append(value)
    return found


# Taps -------------------------------------------------------------------------------------------------------------


def tap_shapes(model: Model, inputs: Arrays) -> OrderedDict[str, jax.ShapeDtypeStruct]:
    """The shape of every tapped value for these inputs, by path, in the order of computation."""
    with scope(model.recipe.precision):
        like = tuple(jax.ShapeDtypeStruct(a.shape, a.dtype) for a in inputs)
        run = values_at(compiled_part(model.recipe), None)
        return jax.eval_shape(run, model.params, model.state, dict(model.dials), like)


def read(model: Model, inputs: Arrays, wanted: tuple[str, ...]) -> dict[str, np.ndarray]:
    """The values of the taps ``wanted``, (rows, ...) each, in inference.

    Raises:
        UnknownPathError: there is no such tap.
        ShapeError: a tap has no value for each row.
    """
    rows, shapes = len(inputs[0]), tap_shapes(model, inputs)
    for path in wanted:
        _known(path, shapes, rows)
    size = declared_batch(model.recipe.network) or min(BATCH, 1 << (rows - 1).bit_length())
    with scope(model.recipe.precision):
        run = partial(_reader(compiled_part(model.recipe), wanted), model.params, model.state, dict(model.dials))
        batches = (tuple(padded(a[i : i + size], size) for a in inputs) for i in range(0, rows, size))
        parts = [jax.device_get(run(batch)) for batch in batches]
    return {path: np.concatenate([_wide(part[path]) for part in parts])[:rows] for path in wanted}


def values_at(recipe: Recipe, wanted: tuple[str, ...] | None) -> Callable[..., OrderedDict[str, jax.Array]]:
    """``run(params, state, dials, inputs)``: the taps ``wanted``, or all of them."""

    def run(params: Any, state: Any, dials: Any, inputs: Any) -> OrderedDict[str, jax.Array]:
        watch, plain = Watching(), Fused(with_dials(recipe, dials), ())
        forward(plain, params, state, inputs, context(plain, training=False, watch=watch))
        return OrderedDict((p, v) for p, v in watch.values.items() if wanted is None or p in wanted)

    return run


def unknown(path: str, known: Any) -> UnknownPathError:
    """What is raised where a network has no such value."""
    fix = f"write {nearest(str(path), known)}"
    return UnknownPathError("at", got=f"the path {path!r}", expected="a value of this network", fix=fix)


def _known(path: str, shapes: OrderedDict[str, jax.ShapeDtypeStruct], rows: int) -> None:
    if path not in shapes:
        raise unknown(path, shapes)
    if shapes[path].shape[:1] != (rows,):
        got = f"{path!r} of shape {shapes[path].shape} for {rows} rows"
        raise ShapeError("at", got=got, expected="a value for each row", fix="choose another path")


@lru_cache(maxsize=64)
def _reader(recipe: Recipe, wanted: tuple[str, ...]) -> Callable[..., dict[str, jax.Array]]:
    return jax.jit(values_at(recipe, wanted))


# Answers ----------------------------------------------------------------------------------------------------------


def names_classes(model: Model) -> bool:
    """Whether the only output names one class for each row."""
    output = one_output(model, "model").loss
    target = getattr(model.recipe.schema, "target", None)
    return isinstance(target, ClassTarget) or output.question in ("which", "whether")


def class_names(model: Model, x: Any, classes: int) -> tuple[str, ...]:
    """The names of the classes: the schema's, the data set's, or numbers."""
    target = getattr(model.recipe.schema, "target", None)
    found = target.classes if isinstance(target, ClassTarget) else getattr(x, "class_names", ())
    return tuple(found) if len(found) == classes else tuple(map(str, range(classes)))


def class_number(target: Any, names: tuple[str, ...]) -> int:
    """The number of a class, given by number or by name.

    Raises:
        DataError: there is no such class.
    """
    if isinstance(target, str) and target in names:
        return names.index(target)
    if isinstance(target, (int, np.integer)) and not isinstance(target, bool) and 0 <= target < len(names):
        return int(target)
    fix = f"write {nearest(str(target), names)}"
    raise DataError("class", got=repr(target), expected=f"0 to {len(names) - 1}, or the name of a class", fix=fix)


def require_classes(model: Model, shape: tuple[int, ...], what: str) -> None:
    """Raise ShapeError unless predictions of this shape, rows first, name one class for each row."""
    loss = one_output(model, what).loss
    several = loss.question == "whether" and len(shape) == 2 and shape[1] > 1
    if len(shape) not in (1, 2) or several or not names_classes(model):
        got = f"predictions of shape ({', '.join(['rows', *map(str, shape[1:])])}) under {type(loss).__name__}"
        fix = "use a model that ends in a softmax over the classes, or in one sigmoid unit"
        raise ShapeError(what, got=got, expected="one class for each row", fix=fix)


def answer_shape(model: Model) -> tuple[int, ...]:
    """The shape of the only output, rows first."""
    with scope(model.recipe.precision):
        return output_shapes(model.recipe.network, model.inputs)[0].shape


def scores_of(model: Model, outputs: np.ndarray, what: str) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """From predictions the class of each row, the scores (rows, classes), and the probabilities where there are any.

    Raises:
        ShapeError: the predictions are not one class for each row.
    """
    loss = one_output(model, what).loss
    require_classes(model, outputs.shape, what)
    z = outputs[:, None] if outputs.ndim == 1 else outputs
    p = _probabilities(loss, z)
    if z.shape[1] > 1:
        return z.argmax(1), z, p
    yes = (z[:, 0] > loss.boundary).astype(int)
    both = np.concatenate([2 * loss.boundary - z, z], axis=1)
    return yes, both if p is None else p, p


def classified(model: Model, x: Any, y: Any, what: str) -> Classified:
    """What is true of labelled rows, and what the model says.

    Raises:
        DataError, ShapeError: rows or labels do not fit, or the model does not predict classes.
    """
    one_output(model, what)
    inputs_of(model, x)
    require_classes(model, answer_shape(model), what)
    targets = model.prepare(x, y)[1][0]
    predicted, scores, p = scores_of(model, np.asarray(model.predict(x), np.float64), what)
    one_hot = targets.ndim == 2 and targets.shape[1] > 1
    true = targets.argmax(1) if one_hot else np.rint(targets.reshape(-1)).astype(int)
    true = np.where(true < 0, 0, true) if scores.shape[1] == 2 else true  # hinge: -1 for no
    return Classified(true, predicted, p, class_names(model, x, scores.shape[1]))


def target_name(model: Model, x: Any) -> str:
    """What is predicted, where that has a name; else nothing."""
    target = getattr(model.recipe.schema, "target", None)
    return str(target.name if target is not None else x.target_name if isinstance(x, Dataset | Table) else "")


def feature_names(model: Model, x: Any) -> tuple[str, ...]:
    """A name for each number of a flat encoded row, where they have some."""
    schema = model.recipe.schema
    found = schema.feature_names if schema is not None else getattr(x, "feature_names", ())
    return tuple(found)


def _probabilities(loss: Loss, z: np.ndarray) -> np.ndarray | None:
    """(rows, classes), from probabilities or logits; None where scores are neither."""
    if loss.space == "values":
        return None
    if loss.space == "logits":
        if loss.matched is None:
            return None
        z = np.asarray(loss.matched()(jnp.asarray(z, float)), np.float64)
    return np.concatenate([1 - z, z], axis=1) if z.shape[1] == 1 else z
