"""Where a model changes its mind: its answer over the plane of two features, the others held."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from liuli.core.extras import require
from liuli.inspect.seeing.columns import Columns, plane, shown
from liuli.inspect.seeing.drawing import GREY, MARKERS, PALETTE, axis, bar, below, beside, brief, dated, short, titled
from liuli.inspect.seeing.running import (
    answer_shape,
    class_names,
    names_classes,
    one_output,
    require_classes,
    scores_of,
    target_name,
)
from liuli.inspect.seeing.texts import Language, said
from liuli.training import Model


@dataclass(frozen=True, eq=False)
class Boundary:
    """The answer f(a, b) over a grid: a along the first feature, b along the second.

    features:       the names of the two features.
    first, second:  the places along each, in their own units (dates in days since 1970-01-01).
    scores:         what the model answers, (second, first, classes): probabilities, or the scores of a hinge loss; for
                    numbers (second, first), in units of the target.
    classes:        the class of each place, (second, first); None where numbers are predicted.
    probable:       whether the scores are probabilities.
    names:          the names of the classes, or of the target.
    held:           where the other features stand, by name.
    points:         the two features of the rows given, (rows, 2).
    labels:         what is true of these rows, (rows,); None where that was not given.
    dates:          which of the two features are dates.

    Example:
        >>> import numpy as np, liuli as ll
        >>> from liuli.inspect.seeing import decision_boundary
        >>> net = ll.Sequential([ll.layers.Dense(1, "sigmoid")])
        >>> model = ll.Model(net, loss="binary_crossentropy").build((2,))
        >>> found = decision_boundary(model, np.array([[0.0, 0.0], [1.0, 2.0]]), points=3)
        >>> found.features, found.classes.shape, found.scores.shape
        (('x1', 'x2'), (3, 3), (3, 3, 2))
    """

    features: tuple[str, str]
    first: np.ndarray
    second: np.ndarray
    scores: np.ndarray
    classes: np.ndarray | None
    probable: bool
    names: tuple[str, ...]
    held: dict[str, Any]
    points: np.ndarray
    labels: np.ndarray | None
    dates: tuple[bool, bool] = (False, False)


def decision_boundary(
    model: Model,
    x: Any,
    y: Any = None,
    features: tuple[str | int, str | int] | None = None,
    held: Any = "mean",
    points: int = 101,
    margin: float = 0.08,
) -> Boundary:
    """f(a, b) = the model's answer where two features are a and b and the others are held

    The plane spans the range of ``x``. Of a model with a schema a and b are raw values, and so are the others.

    x:         rows as ``model.predict`` takes them.
    y:         what is true of them, to be drawn as points; of tables and data sets it is found there.
    features:  which two, by name or number; not needed where there are only two.
    held:      where the others stand: "mean" or "median" of ``x`` (of categories the most frequent), the number of a
               row of ``x``, a row, or a dict of some features.
    points:    places along each feature.
    margin:    how far the plane goes beyond the rows, as a share of their range.

    Raises:
        DataError: the features are not two numbers or dates of the model.
        ShapeError: rows are not flat, or the model's answer is not one class or number for each row.

    Example:
        >>> import numpy as np, liuli as ll
        >>> from liuli.inspect.seeing import decision_boundary
        >>> table = ll.data.Table.of({"age": [30, 50, 70], "city": ["Bern", "Bern", "Chur"], "pays": [1.0, 2.0, 6.0],
        ...                           "y": ["no", "yes", "yes"]})
        >>> schema = ll.data.Schema.fit(table)
        >>> net = ll.Sequential([ll.layers.Dense(1, "sigmoid")])
        >>> model = ll.Model(net, loss="binary_crossentropy", schema=schema)
        >>> found = decision_boundary(model, table, features=("age", "pays"), points=5)
        >>> found.first.round().tolist(), found.held, found.names
        ([27.0, 38.0, 50.0, 62.0, 73.0], {'city': 'Bern'}, ('no', 'yes'))
    """
    what = "decision_boundary"
    columns = Columns.of(model, x, what)
    one_output(model, what)
    if names_classes(model):
        require_classes(model, answer_shape(model), what)
    seen = plane(columns, features, held, points, margin, what)
    outputs = np.asarray(model.predict(seen.rows, batch_size=8192), np.float64)
    at = np.stack([columns.values[name] for name in seen.names], axis=1).astype(np.float64)
    where = (seen.names, seen.first, seen.second)
    labels = _labels(model, x, y)
    if not names_classes(model):
        values = seen.grid(outputs.reshape(len(outputs), -1)[:, 0])
        return Boundary(*where, values, None, False, (target_name(model, x),), seen.held, at, labels, seen.dates)
    chosen, scores, p = scores_of(model, outputs, what)
    names = class_names(model, x, scores.shape[1])
    scores = seen.grid(scores if p is None else p)
    return Boundary(*where, scores, seen.grid(chosen), p is not None, names, seen.held, at, labels, seen.dates)


def plot_decision_boundary(boundary: Boundary, ax: Any = None, language: Language = "en") -> Any:
    """Classes by colour, the paler the less probable, boundaries as lines, rows as markers; of numbers a surface with
    contour lines. Returns the axis.

    boundary:  what :func:`decision_boundary` found.
    ax:        the Matplotlib axis to draw on; a new one where it is not given.
    language:  "en" or "zh".

    Example:
        >>> import numpy as np, liuli as ll
        >>> from matplotlib.figure import Figure
        >>> from liuli.inspect.seeing import decision_boundary, plot_decision_boundary
        >>> model = ll.Model(ll.Sequential([ll.layers.Dense(1)]), loss="mse")
        >>> found = decision_boundary(model, np.eye(2), points=5)
        >>> ax = plot_decision_boundary(found, ax=Figure().subplots())
        >>> ax.get_xlabel(), ax.get_ylabel()
        ('x1', 'x2')
    """
    ax = axis(ax)
    (_regions if boundary.classes is not None else _surface)(boundary, ax, language)
    below(ax, short(boundary.features[0], 40))
    beside(ax, short(boundary.features[1], 40))
    for date, along in zip(boundary.dates, (ax.xaxis, ax.yaxis), strict=True):
        if date:
            dated(along)
    ax.set(xlim=boundary.first[[0, -1]], ylim=boundary.second[[0, -1]])
    if boundary.held:
        listed = [f"{short(name)} = {shown(cell)}" for name, cell in list(boundary.held.items())[:3]]
        titled(ax, ", ".join(listed) + ", …" * (len(boundary.held) > 3))
        ax.title.set_fontsize(8)
    return ax


def _regions(boundary: Boundary, ax: Any, language: Language) -> None:
    """The plane in the colours of the classes, mixed with white where they are not sure."""
    scores, chosen = boundary.scores, boundary.classes
    if chosen is None:
        return
    classes = scores.shape[-1]
    colours = np.array([require("matplotlib.colors", extra="plot").to_rgb(_colour(i)) for i in range(classes)])
    sure = (scores.max(-1) - 1 / classes) / (1 - 1 / classes) if boundary.probable else np.full(chosen.shape, 0.5)
    shade = (0.12 + 0.5 * sure)[..., None]
    ax.imshow(1 - shade * (1 - colours[chosen]), origin="lower", extent=_extent(boundary), aspect="auto")
    for i in range(classes if classes > 2 else 1):
        ahead = scores[..., i] - np.delete(scores, i, axis=-1).max(-1)
        if ahead.min() < 0 < ahead.max():
            ax.contour(boundary.first, boundary.second, ahead, [0.0], colors="black", linewidths=1.4)
        sure_of = scores[..., i] if classes > 2 else scores.max(-1)
        if boundary.probable and sure_of.min() < 0.9 < sure_of.max():
            ax.contour(boundary.first, boundary.second, sure_of, [0.9], colors=GREY, linewidths=0.8, linestyles=":")
    _points(boundary, ax)
    _names(boundary, chosen, ax, language)


def _surface(boundary: Boundary, ax: Any, language: Language) -> None:
    values, where = boundary.scores, (boundary.first, boundary.second)
    limits = float(values.min()), float(values.max())
    if boundary.labels is not None:
        limits = min(limits[0], float(boundary.labels.min())), max(limits[1], float(boundary.labels.max()))
    look = {"cmap": "viridis", "vmin": limits[0], "vmax": limits[1]}
    drawn = ax.imshow(values, origin="lower", extent=_extent(boundary), aspect="auto", **look)
    if np.ptp(values) > 0 and not any(boundary.dates):  # along dates weekdays make waves
        lines = ax.contour(*where, values, 7, colors="white", linewidths=0.9)
        ax.clabel(lines, fontsize=7, fmt=brief)
    if boundary.labels is not None:
        ax.scatter(*boundary.points.T, c=boundary.labels, edgecolors="black", linewidths=0.6, s=20, **look)
    bar(ax, drawn, said("prediction of", language, name=short(boundary.names[0] or "y", 24)))


def _points(boundary: Boundary, ax: Any) -> None:
    """The rows, a marker and a colour for each class."""
    for i, name in enumerate(boundary.names):
        mine = boundary.labels == i if boundary.labels is not None else np.zeros(len(boundary.points), bool)
        if np.any(mine):
            look = {"marker": MARKERS[i % len(MARKERS)], "color": _colour(i), "edgecolors": "white", "s": 26}
            ax.scatter(*boundary.points[mine].T, linewidths=0.6, label=short(name), zorder=3, **look)
    if boundary.labels is None:
        ax.scatter(*boundary.points.T, marker=".", color=GREY, s=12, zorder=3)


def _names(boundary: Boundary, chosen: np.ndarray, ax: Any, language: Language) -> None:
    """A legend of the rows; where their classes are not known, the name of each class in its region."""
    if boundary.labels is not None:
        ax.legend(frameon=True, framealpha=0.85, fontsize=8)
        return
    for i, name in enumerate(boundary.names):
        rows, places = np.nonzero(chosen == i)
        if len(rows):
            inner = np.argmax(boundary.scores[rows, places, i])
            x, y = boundary.first[places[inner]], boundary.second[rows[inner]]
            x = np.clip(x, *np.quantile(boundary.first, (0.1, 0.9)))
            y = np.clip(y, *np.quantile(boundary.second, (0.06, 0.94)))
            ax.text(x, y, short(name), ha="center", va="center", fontweight="bold", fontsize=9, parse_math=False)


def _labels(model: Model, x: Any, y: Any) -> np.ndarray | None:
    """The true class numbers, or the true values in units of the target; None where nothing says them."""
    if y is None and getattr(x, "task", None) is None:
        return None
    targets = model.prepare(x, y)[1][0]
    if not names_classes(model):
        schema = model.recipe.schema
        values = schema.decode(targets) if schema is not None else targets
        return values.reshape(len(values), -1)[:, 0].astype(np.float64)
    one_hot = targets.ndim == 2 and targets.shape[1] > 1
    return targets.argmax(1) if one_hot else np.maximum(np.rint(targets.reshape(-1)), 0).astype(int)


def _extent(boundary: Boundary) -> tuple[float, ...]:
    """The corners of the picture, whose outermost pixels have their centres at the outermost places."""
    half = [(places[1] - places[0]) / 2 for places in (boundary.first, boundary.second)]
    (left, right), (low, high) = boundary.first[[0, -1]], boundary.second[[0, -1]]
    return left - half[0], right + half[0], low - half[1], high + half[1]


def _colour(number: int) -> str:
    return PALETTE[number % len(PALETTE)]
