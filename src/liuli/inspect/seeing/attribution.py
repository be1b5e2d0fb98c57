"""What an answer owes to each part of the input, and how that is drawn: over images, columns of tables, tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from liuli.core.errors import DataError, ShapeError
from liuli.data import Schema
from liuli.inspect.seeing.drawing import (
    AMOUNT,
    BLUE,
    ORANGE,
    SIGNED,
    axis,
    bar,
    bare,
    below,
    beside,
    brief,
    hatch,
    largest,
    short,
    titled,
)
from liuli.inspect.seeing.running import feature_names
from liuli.inspect.seeing.scores import Of, Question
from liuli.inspect.seeing.texts import Language, said
from liuli.training import Model

SIZES = ("gradient", "smoothgrad")  # methods whose numbers are slopes, of which no sum is meant


@dataclass(frozen=True, eq=False)
class Attribution:
    """a_ij: what the score s_i of row i owes to element j of its value at one place in the network.

    values:     (rows, ...), like the value there.
    inputs:     the value itself.
    at:         the tap: an input such as "input_1/y", or the vectors of an embedding.
    method:     "gradient", "gradient x input", "smoothgrad" or "integrated gradients".
    of:         what s is: "score", "output" or "loss".
    targets:    the class or output that s is of, a name for each row.
    scores:     s, (rows,).
    baselines:  s at the baseline, (rows,); None where there is none.
    names:      a name for each number of a flat row, where they have some.
    groups:     for each of them the raw column that it was made from; empty where there is no schema of columns.

    Example:
        >>> import numpy as np, liuli as ll
        >>> from liuli.inspect.seeing import saliency
        >>> model = ll.Model(ll.Sequential([ll.layers.Dense(1)]), loss="mse")
        >>> found = saliency(model, np.eye(2))
        >>> bool((found.values[0] == np.asarray(model.params["dense_1"]["kernel"])[:, 0]).all())
        True
    """

    values: np.ndarray
    inputs: np.ndarray
    at: str
    method: str
    of: Of
    targets: tuple[str, ...]
    scores: np.ndarray
    baselines: np.ndarray | None = None
    names: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    @property
    def total(self) -> np.ndarray:
        """sum over j of a_ij, (rows,)."""
        return self.values.reshape(len(self.values), -1).sum(axis=1, dtype=np.float64)

    @property
    def gap(self) -> np.ndarray:
        """How far attributions are from being complete, (rows,): sum over j of a_ij - (s_i - s_i at the baseline).

        Raises:
            DataError: the method has no baseline.
        """
        if self.baselines is None:
            fix = "use integrated_gradients"
            raise DataError("gap", got=f"the method {self.method!r}", expected="one with a baseline", fix=fix)
        return self.total - (self.scores.astype(np.float64) - self.baselines)

    @property
    def tokens(self) -> np.ndarray:
        """One number for each step of sequences (rows, time, features): the sum over features, of slopes the length.

        Raises:
            ShapeError: the rows are not sequences.
        """
        if self.values.ndim != 3:
            got = f"attributions of shape {self.values.shape[1:]} a row"
            raise ShapeError("tokens", got=got, expected="sequences (time, features)", fix="look at values")
        if self.method in SIZES:
            return np.linalg.norm(self.values, axis=-1)
        return self.values.sum(-1)

    def by_column(self) -> Attribution:
        """The same with one number for each raw column: the sum over the features that were made from it. Of slopes,
        which cannot be added, as it is."""
        if self.method in SIZES or not self.groups:
            return self
        names = tuple(dict.fromkeys(self.groups))
        whose = np.array([names.index(group) for group in self.groups])
        values = np.stack([self.values[:, whose == i].sum(1) for i in range(len(names))], axis=1)
        return replace(self, values=values, names=names, groups=())


def attribution(
    model: Model, x: Any, asked: Question, values: Any, method: str, scores: Any, baselines: Any = None
) -> Attribution:
    """What a method found, with the names of what it speaks of."""
    flat = asked.start.ndim == 2 and asked.at == f"{model.recipe.network.inputs[0]}/y"
    names = feature_names(model, x) if flat else ()
    names = names if len(names) == asked.start.shape[-1] else ()
    schema = model.recipe.schema
    groups: tuple[str, ...] = ()
    if names and isinstance(schema, Schema):
        groups = tuple(column.name for column in schema.columns for _ in column.feature_names)
    values, scores = np.asarray(values), np.asarray(scores)
    return Attribution(
        values, asked.start, asked.at, method, asked.of, asked.names, scores, baselines, names, groups
    )  # fmt: skip


def plot_attribution(
    attribution: Attribution,
    row: int = 0,
    tokens: Sequence[str] | None = None,
    image_shape: tuple[int, ...] | None = None,
    ax: Any = None,
    most: int = 15,
    language: Language = "en",
) -> Any:
    """The attributions of one row: beside its image, as bars of columns, or as bars of tokens. Returns the axis.

    attribution:  what ``saliency`` or ``integrated_gradients`` found.
    row:          which row.
    tokens:       what each step of a sequence is called.
    image_shape:  (height, width) or (height, width, channels) of rows that are flat images.
    ax:           the Matplotlib axis to draw on; a new one where it is not given.
    most:         how many columns are shown at most, the largest first.
    language:     "en" or "zh".

    Raises:
        DataError: there is no such row.
        ShapeError: the rows are neither flat, nor images, nor sequences.

    Example:
        >>> import numpy as np, liuli as ll
        >>> from matplotlib.figure import Figure
        >>> from liuli.inspect.seeing import plot_attribution, saliency
        >>> model = ll.Model(ll.Sequential([ll.layers.Dense(1)]), loss="mse")
        >>> found = saliency(model, np.eye(2), method="gradient x input")
        >>> ax = plot_attribution(found, ax=Figure().subplots())
        >>> [label.get_text() for label in ax.get_yticklabels()]
        ['x1', 'x2']
    """
    if not 0 <= row < len(attribution.values):
        raise DataError("row", got=str(row), expected=f"0 to {len(attribution.values) - 1}", fix="row=0")
    ax = axis(ax)
    values, inputs = attribution.values[row], attribution.inputs[row]
    if image_shape is not None and values.ndim == 1 and np.prod(image_shape) == values.size:
        values, inputs = (a.reshape(*image_shape[:2], -1) for a in (values, inputs))
    if values.ndim == 3:
        _image(attribution, row, values, inputs, ax, language)
    elif values.ndim == 2:
        _tokens(attribution, row, tokens, ax, language)
    elif values.ndim == 1:
        _bars(attribution.by_column(), row, ax, most, language)
    else:
        got, fix = f"attributions of shape {values.shape}", "draw a slice of values"
        raise ShapeError("plot_attribution", got=got, expected="a flat row, an image or a sequence", fix=fix)
    added = "" if attribution.baselines is None else f"\n{complete(attribution, row, language)}"
    titled(ax, f"{attribution.method}, {attribution.at}{added}")
    return ax


def _bars(attribution: Attribution, row: int, ax: Any, most: int, language: Language) -> None:
    """A bar for each column, the largest above."""
    values = attribution.values[row]
    names = attribution.names or tuple(f"x{i + 1}" for i in range(len(values)))
    kept = np.argsort(-np.abs(values), kind="stable")[:most]
    if len(kept) == len(values) and not np.any(values):
        kept = np.arange(len(values))
    ax.barh(np.arange(len(kept)), values[kept], color=[BLUE if v >= 0 else ORANGE for v in values[kept]], height=0.7)
    ax.set_yticks(np.arange(len(kept)), [short(names[i], 26) for i in kept], parse_math=False)
    ax.invert_yaxis()
    ax.axvline(0.0, color="0.3", linewidth=0.8)
    below(ax, _meaning(attribution, row, language))


def _tokens(attribution: Attribution, row: int, tokens: Any, ax: Any, language: Language) -> None:
    values = attribution.tokens[row]
    names = [short(t, 14) for t in tokens] if tokens is not None else [str(i) for i in range(len(values))]
    if len(names) != len(values):
        got, fix = f"{len(names)} tokens for {len(values)} steps", "one for each step, padding too"
        raise DataError("tokens", got=got, expected=f"{len(values)}", fix=fix)
    places = np.arange(len(values))
    ax.bar(places, values, color=[BLUE if v >= 0 else ORANGE for v in values], width=0.8)
    step = max(1, -(-len(names) // 40))
    upright = tokens is not None and max(map(len, names)) * len(names) > 50
    ax.set_xticks(places[::step], names[::step], rotation=90 if upright else 0, parse_math=False)
    ax.axhline(0.0, color="0.3", linewidth=0.8)
    if tokens is None:
        below(ax, said("time", language))
    beside(ax, _meaning(attribution, row, language))


def _image(
    attribution: Attribution, row: int, values: np.ndarray, inputs: np.ndarray, ax: Any, language: Language
) -> None:
    """The image, and beside it its attributions: of slopes the largest of all channels, else their sum."""
    sizes = attribution.method in SIZES
    heat = np.abs(values).max(-1) if sizes else values.sum(-1)
    height, width = heat.shape
    ax.imshow(picture(inputs), cmap="gray", extent=(0, width, height, 0), interpolation="nearest")
    limits = (0.0, largest(heat)) if sizes else (-largest(heat), largest(heat))
    beside_it = (1.08 * width, 2.08 * width, height, 0)
    drawn = ax.imshow(
        heat,
        cmap=AMOUNT if sizes else SIGNED,
        vmin=limits[0],
        vmax=limits[1],
        extent=beside_it,
        interpolation="nearest",
    )
    ax.set(xlim=(-0.02 * width, 2.1 * width), ylim=(1.02 * height, -0.02 * height), aspect="equal")
    bare(ax)
    hatch(ax, heat, beside_it, limits[0])
    bar(ax, drawn, _meaning(attribution, row, language) + said("hatched", language) * (limits[0] < 0))


def picture(image: np.ndarray) -> np.ndarray:
    """An image (height, width, channels) as it can be shown: 0 to 1, of one or three channels."""
    low, high = float(image.min()), float(image.max())
    scaled = (image - low) / ((high - low) or 1.0)
    return scaled if image.shape[-1] == 3 else scaled.mean(-1)


def _meaning(attribution: Attribution, row: int, language: Language) -> str:
    """What the numbers are, in words."""
    name = short(attribution.targets[row], 20)
    key = {"score": "the score of", "output": "the output", "loss": "the loss"}[attribution.of]
    score = said(key, language, name=name)
    shape = attribution.values.ndim
    kinds = {"gradient x input": "gradient input", "integrated gradients": "attribution"}
    return said(kinds.get(attribution.method, "gradient" if shape == 2 else "size of gradient"), language, score=score)


def complete(attribution: Attribution, row: int, language: Language = "en") -> str:
    """What the attributions of a row add up to, and what they should, in words."""
    change = brief(attribution.scores[row] - (attribution.baselines[row] if attribution.baselines is not None else 0.0))
    return said("completeness", language, total=brief(attribution.total[row]), change=change)
