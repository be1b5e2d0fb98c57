"""The rows that fared worst: those with the greatest loss, and what the model said of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from liuli.core.dials import with_dials
from liuli.core.errors import DataError
from liuli.core.precision import scope
from liuli.inspect.seeing.attribution import picture
from liuli.inspect.seeing.drawing import BLUE, axis, below, brief, short, tiles, titled
from liuli.inspect.seeing.running import BATCH, class_names, names_classes, scores_of
from liuli.inspect.seeing.texts import Language, said
from liuli.training import Model
from liuli.training.arrays import declared_batch
from liuli.training.batches import padded
from liuli.training.recipe import Fused, Recipe, compiled_part, fuse
from liuli.training.step import context, forward


@dataclass(frozen=True, eq=False)
class Worst:
    """The k rows of the greatest loss, the worst first.

    rows:         their numbers, (k,).
    losses:       l(y, yhat) of each, (k,); of several outputs the sum by weight.
    predictions:  what ``model.predict`` says of them, (k, ...); a tuple of several outputs.
    targets:      what is true of them: names of classes, or values in units of the target; arrays of several outputs.
    answers:      what the model takes them for, as the targets are.
    inputs:       what the network was given, (k, ...); a tuple of several inputs.
    probability:  of the predicted class, (k,); None where there is none.
    all:          the losses of all rows, (rows,).

    Example:
        >>> import numpy as np, liuli as ll
        >>> from liuli.inspect.seeing import worst
        >>> model = ll.Model(ll.Sequential([ll.layers.Dense(1)]), loss="mse")
        >>> found = worst(model, np.zeros((3, 2)), np.array([[1.0], [-3.0], [2.0]]), k=2)
        >>> found.rows.tolist(), found.losses.tolist()
        ([1, 2], [9.0, 4.0])
    """

    rows: np.ndarray
    losses: np.ndarray
    predictions: Any
    targets: Any
    answers: Any
    inputs: Any
    probability: np.ndarray | None
    all: np.ndarray


def worst(model: Model, x: Any, y: Any = None, k: int = 10) -> Worst:
    """The k rows with the greatest l(y_i, yhat_i); of equal ones the first.

    x, y:  rows with what is true of them, as ``model.evaluate`` takes them.
    k:     how many, at most.

    Raises:
        DataError, ShapeError: they do not fit.

    Example:
        >>> import liuli as ll
        >>> from liuli.inspect.seeing import worst
        >>> data = ll.data.load("iris")
        >>> net = ll.Sequential([ll.layers.Dense(3, "softmax")])
        >>> worst(ll.Model(net, loss="categorical_crossentropy"), data, k=5).predictions.shape
        (5, 3)
    """
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise DataError("worst: k", got=repr(k), expected="a whole number of at least 1", fix="k=10")
    inputs, targets = model.prepare(x, y)[:2]
    losses = losses_of(model, inputs, targets)
    rows = np.argsort(-losses, kind="stable")[:k]
    outputs = model.predict(x)
    one, single = len(targets) == 1, len(inputs) == 1
    said_of = tuple(np.asarray(o)[rows] for o in (outputs if isinstance(outputs, tuple) else (outputs,)))
    true = tuple(t[rows] for t in targets)
    predictions, entering = said_of[0] if one else said_of, tuple(a[rows] for a in inputs)
    names, answers, p = _named(model, x, true[0], said_of[0]) if one else (true, said_of, None)
    return Worst(rows, losses[rows], predictions, names, answers, entering[0] if single else entering, p, losses)


def losses_of(model: Model, inputs: Any, targets: Any) -> np.ndarray:
    """The loss of each row, (rows,), without penalties; ``inputs`` and ``targets`` as ``model.prepare`` makes them."""
    rows = len(inputs[0])
    size = declared_batch(model.recipe.network) or min(BATCH, 1 << (rows - 1).bit_length())
    with scope(model.recipe.precision):
        run = partial(_losses(compiled_part(model.recipe)), model.params, model.state, dict(model.dials))
        cut = [tuple(tuple(padded(a[i : i + size], size) for a in part) for part in (inputs, targets))
               for i in range(0, rows, size)]  # fmt: skip
        return np.concatenate([np.asarray(run(*both)) for both in cut])[:rows]


def plot_worst(
    worst: Worst, image_shape: tuple[int, ...] | None = None, ax: Any = None, language: Language = "en"
) -> Any:
    """Images with what is true of them and what they were taken for; of other rows bars of the loss. Returns the axis.

    worst:        what :func:`worst` found.
    image_shape:  (height, width) or (height, width, channels) of rows that are flat images.
    ax:           the Matplotlib axis to draw on; a new one where it is not given.
    language:     "en" or "zh".

    Example:
        >>> import numpy as np, liuli as ll
        >>> from matplotlib.figure import Figure
        >>> from liuli.inspect.seeing import plot_worst, worst
        >>> model = ll.Model(ll.Sequential([ll.layers.Dense(1)]), loss="mse")
        >>> found = worst(model, np.zeros((3, 2)), np.array([[1.0], [-3.0], [2.0]]), k=2)
        >>> ax = plot_worst(found, ax=Figure().subplots())
        >>> [label.get_text() for label in ax.get_yticklabels()]
        ['row 1: true -3, predicted 0', 'row 2: true 2, predicted 0']
    """
    images = _images(worst.inputs, image_shape)
    texts = [_text(worst, i, language) for i in range(len(worst.rows))]
    if images is not None:
        texts = [text.replace(", predicted", "\npredicted").replace("，预测", "\n预测") for text in texts]
        ax = _gallery(images, texts, ax)
        titled(ax, f"{said('loss of row', language)}: {brief(worst.losses[-1])} … {brief(worst.losses[0])}")
        return ax
    ax, places = axis(ax), np.arange(len(worst.rows))
    ax.barh(places, worst.losses, color=BLUE, height=0.7)
    numbered = zip(worst.rows, texts, strict=True)
    names = [
        f"{said('row', language, n=row)}: {text}" if text else said("row", language, n=row) for row, text in numbered
    ]
    ax.set_yticks(places, names, fontsize=8, parse_math=False)
    ax.invert_yaxis()
    below(ax, said("loss of row", language))
    return ax


@lru_cache(maxsize=64)
def _losses(recipe: Recipe) -> Callable[..., jax.Array]:
    fused = fuse(recipe)

    def run(params: Any, state: Any, dials: Any, inputs: Any, targets: Any) -> jax.Array:
        exact = Fused(with_dials(fused.recipe, dials), fused.activations)
        values, masks, _ = forward(exact, params, state, inputs, context(exact, training=False))
        each = zip(exact.recipe.outputs, targets, values, masks, strict=True)
        return jnp.stack([jnp.asarray(o.weighed(o.loss.weighted(y, v, None, m))) for o, y, v, m in each]).sum(0)

    return jax.jit(run)


def _named(model: Model, x: Any, true: np.ndarray, outputs: np.ndarray) -> tuple[Any, Any, np.ndarray | None]:
    """What is true and what was said as names of classes with the probability, or as values."""
    if names_classes(model) and outputs.ndim <= 2 and (outputs.size == len(outputs) or _which(model)):
        chosen, scores, p = scores_of(model, outputs, "worst")
        names = np.array(class_names(model, x, scores.shape[1]), object)
        one_hot = true.ndim == 2 and true.shape[1] > 1
        numbers = true.argmax(1) if one_hot else np.maximum(np.rint(true.reshape(-1)), 0).astype(int)
        return names[numbers], names[chosen], None if p is None else p[np.arange(len(p)), chosen]
    schema = model.recipe.schema
    return (true if schema is None else schema.decode(true)), outputs, None


def _which(model: Model) -> bool:
    return model.recipe.outputs[0].loss.question == "which"


def _text(worst: Worst, i: int, language: Language) -> str:
    """What is true of a row and what was said, as far as both are single words or numbers."""
    if isinstance(worst.targets, tuple) or np.size(worst.targets[i]) != 1 or np.size(worst.answers[i]) != 1:
        return ""
    both = {"true": _word(worst.targets[i]), "predicted": _word(worst.answers[i])}
    if worst.probability is None:
        return said("true and predicted", language, **both)
    return said("true and predicted of", language, **both, p=f"{worst.probability[i]:.2f}")


def _word(value: Any) -> str:
    return short(value, 14) if isinstance(value, str) else brief(np.asarray(value).reshape(-1)[0])


def _images(inputs: Any, shape: tuple[int, ...] | None) -> np.ndarray | None:
    if isinstance(inputs, tuple):
        return None
    flat = inputs.ndim == 2 and shape is not None and np.prod(shape) == inputs.shape[1]
    if not (flat or inputs.ndim == 4):
        return None
    return inputs.reshape(len(inputs), *shape[:2], -1) if flat and shape else inputs


def _gallery(images: np.ndarray, texts: list[str], ax: Any) -> Any:
    shown = np.stack([picture(image.astype(np.float64)) for image in images])
    return tiles(shown, texts, ax, columns=min(5, len(images)), room=0.34)[0]
