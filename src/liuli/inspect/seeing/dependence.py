"""How the answer depends on one feature, all others as they are: for each row, and on average."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from liuli.core.errors import DataError, ShapeError
from liuli.data.cells import Kind, is_missing
from liuli.inspect.seeing.columns import Columns, shown
from liuli.inspect.seeing.drawing import BLUE, axis, below, beside, dated, short
from liuli.inspect.seeing.running import class_names, class_number, names_classes, one_output, scores_of, target_name
from liuli.inspect.seeing.texts import Language, said
from liuli.training import Model

_BATCH = 1 << 16  # rows that are computed in one call


@dataclass(frozen=True, eq=False)
class Dependence:
    """f_i(v) = the answer for row i where the feature is v;   mean(v) = sum over i of f_i(v) / rows

    feature:   its name.
    kind:      "number", "category", "date" or "boolean".
    places:    v, (places,), in units of the feature; of a category its values.
    curves:    f_i(v), (rows, places): a probability of the class, or a value in units of the target.
    answer:    the name of the class or target.
    probable:  whether the answer is a probability.
    own:       where each row stands, (rows,).

    Example:
        >>> import numpy as np, liuli as ll
        >>> from liuli.inspect.seeing import partial_dependence
        >>> model = ll.Model(ll.Sequential([ll.layers.Dense(1)]), loss="mse")
        >>> partial_dependence(model, np.eye(3), "x2", points=5).curves.shape
        (3, 2)
    """

    feature: str
    kind: Kind
    places: np.ndarray
    curves: np.ndarray
    answer: str
    probable: bool
    own: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """The partial dependence, (places,)."""
        return self.curves.mean(0)

    @property
    def centred(self) -> np.ndarray:
        """f_i(v) - f_i(the first place), (rows, places)."""
        return self.curves - self.curves[:, :1]


def partial_dependence(
    model: Model,
    x: Any,
    feature: str | int,
    of: Any = None,
    points: int = 100,
    reach: tuple[float, float] = (0.05, 0.95),
    places: Any = None,
    rows: int = 500,
    seed: int = 0,
) -> Dependence:
    """mean(v) = 1 / n sum over rows i of f(v, the other features of row i)            one call for all rows and places

    Reference: Friedman, *Greedy Function Approximation: A Gradient Boosting Machine*, Annals of Statistics 29, 2001;
    curves of each row: Goldstein et al., *Peeking Inside the Black Box*, 2015.

    x:        rows as ``model.predict`` takes them: of a model with a schema raw ones.
    feature:  its name or number: a number, a date, a truth value or a category.
    of:       the class whose probability it is, by number or name, by default the last of two or the first of more; of
              several numbers, which.
    points:   places of a number; its own values where they are fewer.
    reach:    the quantiles between which the places lie.
    places:   the places themselves.
    rows:     how many rows are taken at most, at random.
    seed:     of the choice.

    Raises:
        DataError: there is no such feature or class, or the settings make no places.
        ShapeError: rows are not flat.

    Example:
        >>> import numpy as np, liuli as ll
        >>> from liuli.inspect.seeing import partial_dependence
        >>> table = ll.data.Table.of({"age": [30, 50, 70], "city": ["Bern", "Bern", "Chur"], "y": [1.0, 2.0, 6.0]})
        >>> net = ll.Sequential([ll.layers.Dense(1)])
        >>> model = ll.Model(net, loss="mse", schema=ll.data.Schema.fit(table))
        >>> found = partial_dependence(model, table, "city")
        >>> found.places.tolist(), found.curves.shape
        (['Bern', 'Chur'], (3, 2))
    """
    what = "partial_dependence"
    columns = Columns.of(model, x, what)
    one_output(model, what)
    name = columns.find(feature, what)
    own = columns.values[name]
    grid = _places(columns, name, points, reach) if places is None else _given(columns, name, places)
    kept = np.arange(len(own))
    if len(own) > rows:
        kept = np.sort(np.random.default_rng(seed).choice(len(own), rows, replace=False))
    cells = {key: np.repeat(values[kept], len(grid)) for key, values in columns.values.items()}
    cells[name] = np.tile(grid, len(kept))
    outputs = np.asarray(model.predict(columns.rows(cells), batch_size=_BATCH), np.float64)
    answers, answer, probable = _answers(model, x, outputs, of)
    curves = answers.reshape(len(kept), len(grid))
    return Dependence(name, columns.kind(name), grid, curves, answer, probable, own[kept])


def plot_dependence(
    dependence: Dependence, ax: Any = None, most: int = 100, centred: bool = False, language: Language = "en"
) -> Any:
    """Curves of single rows (thin and grey) and their mean (thick); of categories points. Returns the axis.

    dependence:  what :func:`partial_dependence` found.
    ax:          the Matplotlib axis to draw on; a new one where it is not given.
    most:        how many rows are drawn at most.
    centred:     whether every curve begins at 0, so that its shape is seen and not its level.
    language:    "en" or "zh".

    Example:
        >>> import numpy as np, liuli as ll
        >>> from matplotlib.figure import Figure
        >>> from liuli.inspect.seeing import partial_dependence, plot_dependence
        >>> model = ll.Model(ll.Sequential([ll.layers.Dense(1)]), loss="mse")
        >>> found = partial_dependence(model, np.eye(3), "x2")
        >>> ax = plot_dependence(found, ax=Figure().subplots())
        >>> ax.get_xlabel(), len(ax.lines)
        ('x2', 4)
    """
    ax, curves = axis(ax), dependence.centred if centred else dependence.curves
    named = dependence.kind in ("category", "boolean")
    at: Any = np.arange(len(dependence.places)) if named else dependence.places
    chosen = curves[np.linspace(0, len(curves) - 1, min(most, len(curves))).astype(int)]
    look = {"color": "0.6", "linewidth": 0.6, "alpha": 0.7}
    for i, curve in enumerate(chosen):
        label = {"label": said("each row", language)} if i == 0 else {}
        ax.plot(at, curve, linestyle=":" if named else "-", marker="." if named else "", markersize=3, **look, **label)
    mean = {"color": BLUE, "linewidth": 2.2, "label": said("mean of rows", language), "zorder": 4}
    ax.plot(at, curves.mean(0), "D" if named else "-", markersize=7, **mean)
    below(ax, short(dependence.feature, 40))
    key = "probability of" if dependence.probable else "prediction of"
    text = said(key, language, name=short(dependence.answer or "y", 24))
    beside(ax, said("change", language, name=text) if centred else text)
    if named:
        names = [short(_said(dependence, place), 14) for place in dependence.places]
        ax.set_xticks(at, names, rotation=90 if sum(map(len, names)) > 60 else 0, parse_math=False)
        ax.set_xlim(-0.5, len(at) - 0.5)
    else:
        _rug(dependence, ax)
    ax.legend(frameon=False, fontsize=8)
    return ax


def _rug(dependence: Dependence, ax: Any) -> None:
    """Where the rows stand, as deciles below; and the range of the places."""
    present = dependence.own[~is_missing(dependence.own)].astype(float)
    if len(present):
        deciles = np.quantile(present, np.linspace(0.1, 0.9, 9))
        ax.vlines(deciles, 0, 0.03, transform=ax.get_xaxis_transform(), color="0.3", linewidth=0.8)
    if dependence.kind == "date":
        dated(ax.xaxis)
    if len(dependence.places) > 1:
        ax.set_xlim(dependence.places[0], dependence.places[-1])


def _said(dependence: Dependence, place: Any) -> str:
    return str(bool(place)).lower() if dependence.kind == "boolean" else shown(place)


def _places(columns: Columns, name: str, points: int, reach: tuple[float, float]) -> np.ndarray:
    """The places of a feature: its own values, or ``points`` between two of its quantiles."""
    if not isinstance(points, int) or points < 2 or not 0 <= reach[0] < reach[1] <= 1:
        got, fix = f"points={points!r}, reach={reach!r}", "points=100, reach=(0.05, 0.95)"
        raise DataError("partial_dependence", got=got, expected="2 points or more between two quantiles", fix=fix)
    values = columns.values[name][~is_missing(columns.values[name])]
    own = np.unique(values.astype(str)).astype(object) if columns.kind(name) == "category" else np.unique(values)
    if not len(own):
        raise DataError(name, got="no values", expected="some to vary it over", fix="give other rows")
    if columns.kind(name) in ("category", "boolean") or len(own) < points:
        return own
    low, high = np.quantile(values.astype(float), reach)
    return np.linspace(low, high, points) if high > low else own


def _given(columns: Columns, name: str, places: Any) -> np.ndarray:
    made = [columns._parsed(name, place) for place in places]
    if not made:
        raise DataError("places", got="none", expected="at least one", fix="leave places out")
    return np.array(made, object if columns.kind(name) == "category" else np.float64)


def _answers(model: Model, x: Any, outputs: np.ndarray, of: Any) -> tuple[np.ndarray, str, bool]:
    """One number for each row, what it is called, and whether it is a probability."""
    flat = outputs.reshape(len(outputs), -1)
    width = flat.shape[1]
    several = one_output(model, "partial_dependence").loss.question == "whether" and width > 1
    if not names_classes(model) or several:
        chosen = 0 if of is None else of
        if isinstance(chosen, bool) or not isinstance(chosen, (int, np.integer)) or not 0 <= chosen < width:
            raise DataError("of", got=repr(of), expected=f"0 to {width - 1}", fix="leave of out")
        name = target_name(model, x)
        return flat[:, chosen], name if width == 1 else f"{name}[{chosen}]", False
    if outputs.ndim > 2:
        got, fix = f"outputs of shape {outputs.shape[1:]} a row", "look at a model of one class a row"
        raise ShapeError("partial_dependence", got=got, expected="one class for each row", fix=fix)
    _, scores, p = scores_of(model, outputs, "partial_dependence")
    scores = scores if p is None else p
    names = class_names(model, x, scores.shape[1])
    chosen = (1 if len(names) == 2 else 0) if of is None else class_number(of, names)
    return scores[:, chosen], names[chosen], p is not None
