"""Trace: every value of one forward pass and every gradient of one backward pass, exactly as training computes them.

At each tap a zero is added, and the loss is differentiated with respect to it: dL/d(v + 0) is the gradient at v.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from rich.table import Table

from liuli.core.dials import dials, with_dials
from liuli.core.errors import LiuliError
from liuli.core.fields import nearest
from liuli.core.precision import scope
from liuli.core.trees import paths
from liuli.inspect.batch import prepare, with_values
from liuli.inspect.display import as_html, as_text, number
from liuli.layers.base import Shape
from liuli.networks.drawing import network, picture
from liuli.networks.graph import Graph
from liuli.training import Model
from liuli.training.recipe import Recipe, compiled_part, fuse
from liuli.training.step import context, forward, penalties, total_loss


@dataclass(frozen=True, eq=False)
class Tapped:
    """A value inside a network, and the gradient of the loss at it.

    value:     what was computed, batch first.
    gradient:  dL/dvalue, of the same shape; None where the value holds integers.

    Example:
        >>> import numpy as np
        >>> from liuli.inspect import Tapped
        >>> seen = Tapped(np.array([[0.0, 2.0]]), np.array([[1.0, 0.0]]))
        >>> seen.shape, seen.mean, seen.zeros
        ((1, 2), 1.0, 0.5)
    """

    value: np.ndarray
    gradient: np.ndarray | None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of both."""
        return self.value.shape

    @property
    def mean(self) -> float:
        """The mean of the value."""
        return float(self.value.mean()) if self.value.size else 0.0

    @property
    def std(self) -> float:
        """The standard deviation of the value, with 1 / N."""
        return float(self.value.std()) if self.value.size else 0.0

    @property
    def min(self) -> float:
        """The smallest element of the value."""
        return float(self.value.min()) if self.value.size else 0.0

    @property
    def max(self) -> float:
        """The largest element of the value."""
        return float(self.value.max()) if self.value.size else 0.0

    @property
    def zeros(self) -> float:
        """The share of elements of the value that are exactly zero."""
        return float((self.value == 0).mean()) if self.value.size else 0.0

    def at(self, step: int) -> Tapped:
        """The value and its gradient at one time step of (batch, time, ...)."""
        return Tapped(self.value[:, step], None if self.gradient is None else self.gradient[:, step])

    @property
    def norm(self) -> float | None:
        """The Euclidean length of the gradient."""
        return None if self.gradient is None else float(np.sqrt(np.square(self.gradient, dtype=np.float64).sum()))


class UnknownPathError(LiuliError, KeyError):
    """A trace has no value at this path; the near paths are listed. Also a KeyError, as of any mapping.

    Example:
        >>> from liuli.inspect import UnknownPathError
        >>> issubclass(UnknownPathError, KeyError)
        True
    """


@dataclass(frozen=True, eq=False, repr=False)
class Trace(Mapping[str, Tapped]):
    """What :func:`trace` saw: a mapping from paths (``"dense_1/z"``) to :class:`Tapped`, in the order of computation.

    taps:         the same as a dict.
    params:       the parameters in their nested dicts, with value and gradient.
    loss:         the total that training makes small: all outputs, by weight, and the penalties.
    penalty:      the share of the regularizers in it.
    predictions:  what ``model.predict`` would give, before the schema turns it into units of the data.
    targets:      what the predictions were compared with, one array for each output.
    masks:        which time steps of each output count, (batch, time), or None.
    recipe:       what the model is made of, its dials as they stood.
    state:        what layers keep besides parameters.
    key:          the random key of the call, None in inference.

    Example:
        >>> import numpy as np, liuli as ll
        >>> model = ll.Model(ll.Sequential([ll.layers.Dense(1)]), loss="mse")
        >>> t = ll.inspect.trace(model, np.zeros((2, 3)), np.ones((2, 1)))
        >>> list(t)
        ['input_1/y', 'dense_1/z', 'dense_1/y']
        >>> t.loss, t["dense_1/z"].gradient.tolist()
        (1.0, [[-1.0], [-1.0]])
    """

    taps: dict[str, Tapped]
    params: dict[str, Any]
    loss: float
    penalty: float
    predictions: Any
    targets: tuple[np.ndarray, ...]
    masks: tuple[np.ndarray | None, ...]
    recipe: Recipe
    state: dict[str, Any]
    key: jax.Array | None = None

    def __getitem__(self, path: str) -> Tapped:
        if path not in self.taps:
            fix = f"write {nearest(str(path), self.taps)}"
            raise UnknownPathError("trace", got=f"the path {path!r}", expected="a value of this network", fix=fix)
        return self.taps[path]

    def __contains__(self, path: object) -> bool:
        return path in self.taps

    def __iter__(self) -> Iterator[str]:
        return iter(self.taps)

    def __len__(self) -> int:
        return len(self.taps)

    def __repr__(self) -> str:
        return as_text(self)

    def __rich__(self) -> Table:
        table = Table(
            caption=f"loss {number(self.loss)}, of it penalties {number(self.penalty)}", caption_justify="left"
        )
        for column in _COLUMNS:
            table.add_column(column, justify="left" if column == "value" else "right", overflow="fold")
        for path, seen in (*self.taps.items(), *paths(self.params).items()):
            figures = (seen.mean, seen.std, seen.min, seen.max)
            norm = "" if seen.norm is None else number(seen.norm)
            table.add_row(path, str(seen.shape), *map(number, figures), f"{seen.zeros:.0%}", norm)
        return table

    def _repr_html_(self) -> str:
        return picture(self.recipe.network, notes=self.notes("en")) + as_html(self)

    def plot(self, ax: Any = None, language: str = "en") -> Any:
        """The network drawn on a Matplotlib axis, with mean and spread of each value and the norm of its gradient."""
        return network(self.recipe.network, ax=ax, language=language, notes=self.notes(language))

    def notes(self, language: str = "en") -> dict[str, tuple[str, ...]]:
        """What is drawn beside each value of the network."""
        said = {}
        for value, _ in self.recipe.network.calls():
            if (seen := self.taps.get(f"{value}/y")) is not None:
                arrived = "" if seen.norm is None else f"|dL/da| {number(seen.norm)}"
                said[value] = (f"{_AVERAGE[language]} {number(seen.mean)} ± {number(seen.std)}", arrived)
        return said


def trace(model: Model, x: Any, y: Any, training: bool = False) -> Trace:
    """One forward and one backward pass, with every value and gradient: dL/dv for each v that a layer taps.

    A softmax or sigmoid that training moved into its cross entropy is shown as it was written: ``dense_2/z`` has the
    gradient that training uses, (p - t) / n, and ``dense_2/y`` is p = f(z), whose gradient dL/dp is that of the loss
    written on probabilities, computed apart; there p is cut to [1e-7, 1 - 1e-7], and has no gradient beyond.

    x, y:      a batch, as ``model.fit`` takes it.
    training:  whether dropout and batch statistics act as in training, with the random key of the next step.

    Raises:
        DataError, ShapeError: the batch does not fit the network or the loss.

    Example:
        >>> import numpy as np, liuli as ll
        >>> net = ll.Sequential([ll.layers.Dense(3, "relu"), ll.layers.Dense(2, "softmax")])
        >>> model = ll.Model(net, loss="categorical_crossentropy")
        >>> t = ll.inspect.trace(model, np.ones((4, 5)), np.array([0, 1, 1, 0]))
        >>> t["dense_1/z"].shape, t["dense_2/z"].gradient.shape
        ((4, 3), (4, 2))
        >>> t.params["dense_1"]["kernel"].gradient.shape
        (5, 3)
    """
    batch = prepare(model, x, y)
    now, recipe = batch.now, batch.recipe
    with scope(recipe.precision):
        key = batch.key(training)
        run = _tracer(compiled_part(recipe), training)
        found = jax.device_get(run(now.params, now.state, dials(recipe), key, batch.inputs, batch.targets))
    taps, of_taps, of_params, loss, penalty, predictions, masks = found
    return Trace(
        taps={path: Tapped(_wide(v), _wide(of_taps[path]) if path in of_taps else None) for path, v in taps.items()},
        params=jax.tree.map(lambda v, g: Tapped(_wide(v), _wide(g)), now.params, of_params),
        loss=float(loss),
        penalty=float(penalty),
        predictions=predictions[0] if len(predictions) == 1 else predictions,
        targets=batch.targets,
        masks=masks,
        recipe=recipe,
        state=jax.device_get(now.state),
        key=key,
    )


def moved(recipe: Recipe) -> dict[str, int]:
    """The taps of last activations that moved into the loss, each with the number of its output."""
    fused = fuse(recipe)
    ends = enumerate(zip(recipe.network.outputs, fused.recipe.outputs, recipe.outputs, strict=True))
    return {path: i for i, (name, now, was) in ends if now != was for path in _ends(recipe.network, name)}


class Watching:
    """Keeps what is tapped, by path, and adds to it the zeros that it was given."""

    def __init__(self, zeros: Mapping[str, jax.Array] | None = None) -> None:
        self.zeros = zeros or {}
        self.values: OrderedDict[str, jax.Array] = OrderedDict()

    def offset(self, path: str, like: Shape) -> jax.Array | None:
        return self.zeros.get(self._name(path))

    def record(self, path: str, value: jax.Array) -> None:
        self.values[self._name(path)] = value

    def _name(self, path: str) -> str:
        """The path, or ``path@2`` where a call makes several values under one name."""
        names = (path if use == 1 else f"{path}@{use}" for use in range(1, len(self.values) + 2))
        return next(name for name in names if name not in self.values)


@lru_cache(maxsize=64)
def _tracer(recipe: Recipe, training: bool) -> Callable[..., Any]:
    fused, ends = fuse(recipe), moved(recipe)

    def run(params: Any, state: Any, values: Any, key: Any, inputs: Any, targets: Any) -> Any:
        exact, written = with_values(fused, values), with_dials(recipe, values)

        def objective(params: Any, zeros: Any) -> tuple[jax.Array, Any]:
            watch = Watching(zeros)
            ctx = context(exact, training, key, watch)
            left, masks, _ = forward(exact, params, state, inputs, ctx)
            penalty = penalties(exact, params, ctx)
            return total_loss(exact, left, masks, targets) + penalty, (watch.values, left, masks, penalty)

        _, (shapes, *_) = jax.eval_shape(objective, params, {})
        floats = {path: s for path, s in shapes.items() if jnp.issubdtype(s.dtype, jnp.inexact)}
        zeros = {path: jnp.zeros(s.shape, s.dtype) for path, s in floats.items()}
        both = jax.value_and_grad(objective, argnums=(0, 1), has_aux=True)
        (loss, (taps, left, masks, penalty)), (of_params, of_taps) = both(params, zeros)
        predictions = exact.predictions(left)
        for path, i in ends.items():
            taps[path] = predictions[i]
            of_taps[path] = _on_probabilities(written, i, targets[i], predictions[i], masks[i])
        return taps, of_taps, of_params, loss, penalty, predictions, masks

    return jax.jit(run)


def _on_probabilities(recipe: Recipe, i: int, target: jax.Array, p: jax.Array, mask: jax.Array | None) -> jax.Array:
    """dL/dp of output ``i``, whose loss is written on probabilities."""
    output = recipe.outputs[i]
    return jax.grad(lambda p: jnp.asarray(output.weighed(output.loss(target, p, mask=mask))))(p)


def _ends(net: Graph, output: str) -> list[str]:
    """Every tap that sees the value which leaves ``net`` as ``output``, down through graphs within it."""
    layer = dict(net.calls())[output].layer
    inner = _ends(layer, layer.outputs[0]) if isinstance(layer, Graph) else []
    return [f"{output}/y", *(f"{output}/{path}" for path in inner)]


def _wide(array: np.ndarray) -> np.ndarray:
    """Half precision as float32, which NumPy computes well in."""
    half = jnp.issubdtype(array.dtype, jnp.inexact) and array.dtype.itemsize < 4
    return array.astype(np.float32) if half else np.asarray(array)


_AVERAGE = {"en": "mean", "zh": "均值"}
_COLUMNS = ("value", "shape", "mean", "std", "min", "max", "zeros", "|gradient|")
