"""What single units answer to: their value over the plane of two features, the others held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from liuli.core.errors import DataError, ShapeError
from liuli.inspect.seeing.columns import Columns, plane
from liuli.inspect.seeing.drawing import SIGNED, bar, below, beside, brief, largest, short, tiles, titled
from liuli.inspect.seeing.running import inputs_of, read
from liuli.inspect.seeing.texts import Language, said
from liuli.training import Model


@dataclass(frozen=True, eq=False)
class Responses:
    """h_u(a, b), the value of each unit u over a grid: a along the first feature, b along the second.

    at:             the tap, such as "dense_1/y".
    features:       the names of the two features.
    first, second:  the places along each, in their own units.
    values:         (units, second, first).
    units:          the number of each unit shown.
    held:           where the other features stand, by name.

    Example:
        >>> import numpy as np, liuli as ll
        >>> from liuli.inspect.seeing import response_maps
        >>> net = ll.Sequential([ll.layers.Dense(4, "relu"), ll.layers.Dense(1)])
        >>> found = response_maps(ll.Model(net, loss="mse"), np.eye(2), "dense_1/y", points=5)
        >>> found.values.shape, found.units
        ((4, 5, 5), (0, 1, 2, 3))
    """

    at: str
    features: tuple[str, str]
    first: np.ndarray
    second: np.ndarray
    values: np.ndarray
    units: tuple[int, ...]
    held: dict[str, Any]


def response_maps(
    model: Model,
    x: Any,
    at: str,
    units: Sequence[int] | None = None,
    features: tuple[str | int, str | int] | None = None,
    held: Any = "mean",
    points: int = 41,
    margin: float = 0.08,
    most: int = 64,
) -> Responses:
    """h_u(a, b) = the value of unit u at a tap where two features are a and b and the others are held

    x, features, held, points, margin:  as in ``decision_boundary``.
    at:     the tap: a path of ``inspect.trace`` whose value is (rows, units).
    units:  which; the first ``most`` where they are not given.
    most:   how many units are shown at most.

    Raises:
        UnknownPathError: there is no such tap.
        DataError: the features are not two numbers or dates, or there is no such unit.
        ShapeError: rows are not flat, or the tap has not a number for each unit.

    Example:
        >>> import numpy as np, liuli as ll
        >>> from liuli.inspect.seeing import response_maps
        >>> model = ll.Model(ll.Sequential([ll.layers.Dense(3, "tanh"), ll.layers.Dense(1)]), loss="mse")
        >>> response_maps(model, np.eye(2), "dense_1/z", units=[2], points=7).values.shape
        (1, 7, 7)
    """
    what = "response_maps"
    seen = plane(Columns.of(model, x, what), features, held, points, margin, what)
    values = read(model, inputs_of(model, seen.rows), (at,))[at]
    if values.ndim != 2:
        got, fix = f"{at!r} of shape {values.shape[1:]} a row", "see feature_maps for images and sequences"
        raise ShapeError(what, got=got, expected="a number for each unit", fix=fix)
    chosen = tuple(range(min(most, values.shape[1]))) if units is None else tuple(map(int, units))
    for unit in chosen:
        if not 0 <= unit < values.shape[1]:
            expected = f"0 to {values.shape[1] - 1}"
            raise DataError(f"{what}: units", got=str(unit), expected=expected, fix="leave units out to see them all")
    maps = np.moveaxis(seen.grid(values[:, chosen]), -1, 0)
    return Responses(at, seen.names, seen.first, seen.second, maps, chosen, seen.held)


def plot_response_maps(responses: Responses, ax: Any = None, language: Language = "en") -> Any:
    """A tile for each unit in one axis, all in the same colours, centred at 0; returns the axis.

    responses:  what :func:`response_maps` found.
    ax:         the Matplotlib axis to draw on; a new one where it is not given.
    language:   "en" or "zh".

    Example:
        >>> import numpy as np, liuli as ll
        >>> from matplotlib.figure import Figure
        >>> from liuli.inspect.seeing import plot_response_maps, response_maps
        >>> model = ll.Model(ll.Sequential([ll.layers.Dense(3, "tanh"), ll.layers.Dense(1)]), loss="mse")
        >>> found = response_maps(model, np.eye(2), "dense_1/y", points=5)
        >>> ax = plot_response_maps(found, ax=Figure().subplots())
        >>> len(ax.images)
        3
    """
    top = largest(responses.values)
    titles = [said("unit", language, n=unit) for unit in responses.units]
    upright = responses.values[:, ::-1]
    ax, drawn = tiles(upright, titles, ax, cmap=SIGNED, limits=(-top, top), square=True)
    for name, places, write in zip(
        responses.features, (responses.first, responses.second), (below, beside), strict=True
    ):
        write(ax, said("across", language, name=short(name, 24), low=brief(places[0]), high=brief(places[-1])))
    titled(ax, responses.at)
    negative = said("hatched", language) * bool((responses.values < 0).any())
    bar(ax, drawn, said("value of", language, name=responses.at) + negative)
    return ax
