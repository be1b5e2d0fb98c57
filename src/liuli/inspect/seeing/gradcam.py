"""Grad-CAM: where the last convolution saw what speaks for a class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from liuli.core.errors import DataError, ShapeError
from liuli.core.precision import scope
from liuli.inspect.seeing.attribution import picture
from liuli.inspect.seeing.drawing import AMOUNT, BLUE, PALE, axis, bar, bare, below, beside, short, titled
from liuli.inspect.seeing.running import convolutions, inputs_of, read, tap_shapes
from liuli.inspect.seeing.scores import gradient, question
from liuli.inspect.seeing.texts import Language, said
from liuli.training import Model


@dataclass(frozen=True, eq=False)
class HeatMap:
    """L = ReLU(sum over k of alpha_k A_k),   alpha_k = mean over places of ds/dA_k

    at:       the tap whose maps A were looked at.
    maps:     L, (rows, *places of the layer).
    heat:     L over the places of the input, between which it is interpolated: (rows, *places of the input).
    weights:  alpha, (rows, channels).
    scores:   s, (rows,).
    targets:  the class or output that s is of, a name for each row.
    inputs:   the rows, (rows, *places, channels).

    Example:
        >>> import numpy as np, liuli as ll
        >>> from liuli.inspect.seeing import grad_cam
        >>> net = ll.Sequential([ll.layers.Conv2D(4, 3), ll.layers.Flatten(), ll.layers.Dense(2, "softmax")])
        >>> found = grad_cam(ll.Model(net, loss="categorical_crossentropy"), np.ones((2, 8, 8, 1)))
        >>> found.at, found.maps.shape, found.heat.shape
        ('conv2d_1/y', (2, 6, 6), (2, 8, 8))
    """

    at: str
    maps: np.ndarray
    heat: np.ndarray
    weights: np.ndarray
    scores: np.ndarray
    targets: tuple[str, ...]
    inputs: np.ndarray


def grad_cam(model: Model, x: Any, target: Any = None, at: str | None = None) -> HeatMap:
    """L = ReLU(sum over k of alpha_k A_k),   alpha_k = mean over places of ds/dA_k            A: (rows, *places, k)

    s is the score of a class before the softmax or sigmoid.

    Reference: Selvaraju et al., *Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization*,
    ICCV 2017.

    x:       images (rows, height, width, channels), or sequences or volumes for layers over these, also flat ones that
             the network gives places to.
    target:  the class: a number or a name, or one for each row; the predicted one where it is not given.
    at:      the tap of the maps; the output of the last convolution where it is not given.

    Raises:
        DataError: the network has no convolution, or no such class.
        ShapeError: the tap has no places.

    Example:
        >>> import numpy as np, liuli as ll
        >>> from liuli.inspect.seeing import grad_cam
        >>> net = ll.Sequential([ll.layers.Conv1D(4, 3), ll.layers.GlobalAveragePooling1D(), ll.layers.Dense(1)])
        >>> grad_cam(ll.Model(net, loss="mse"), np.ones((2, 8, 1))).heat.shape
        (2, 8)
    """
    at = at or last_convolution(model)
    asked = question(model, x, None, target, "score", at, "grad_cam")
    if asked.start.ndim < 3:
        got = f"{at!r} of shape {asked.start.shape[1:]} a row"
        raise ShapeError("grad_cam: at", got=got, expected="maps over places", fix="leave at out")
    entering = _with_places(model, x, asked.start.ndim)
    scores, slopes = asked.run(gradient, asked.start)
    alpha = slopes.mean(axis=tuple(range(1, slopes.ndim - 1)))
    maps = np.maximum(np.einsum("n...k,nk->n...", asked.start, alpha), 0)
    with scope(model.recipe.precision):
        heat = np.asarray(jax.image.resize(maps, entering.shape[:-1], "linear"))
    return HeatMap(at, maps, heat, alpha, scores, asked.names, entering)


def _with_places(model: Model, x: Any, rank: int) -> np.ndarray:
    """The first value of the network that has places as the maps have: the input, or what flat rows are made into."""
    inputs = inputs_of(model, x)
    shapes = tap_shapes(model, inputs)
    first = next(path for path, shape in shapes.items() if len(shape.shape) == rank)
    return np.asarray(read(model, inputs, (first,))[first], np.float32)


def last_convolution(model: Model) -> str:
    """The tap of the output of the last convolution.

    Raises:
        DataError: the network has none.
    """
    found = convolutions(model.recipe.network)
    if not found:
        fix = "use saliency or integrated_gradients, or say at= which maps are meant"
        raise DataError("grad_cam", got="a network without convolutions", expected="one with some", fix=fix)
    return f"{found[-1]}/y"


def plot_grad_cam(heat: HeatMap, row: int = 0, ax: Any = None, language: Language = "en") -> Any:
    """The image of one row in grey, and over it the heat, with a line around what has half of the largest; of a
    sequence the heat along time. Returns the axis.

    heat:      what :func:`grad_cam` found.
    row:       which row.
    ax:        the Matplotlib axis to draw on; a new one where it is not given.
    language:  "en" or "zh".

    Raises:
        DataError: there is no such row.
        ShapeError: the rows are volumes.

    Example:
        >>> import numpy as np, liuli as ll
        >>> from matplotlib.figure import Figure
        >>> from liuli.inspect.seeing import grad_cam, plot_grad_cam
        >>> net = ll.Sequential([ll.layers.Conv2D(4, 3), ll.layers.Flatten(), ll.layers.Dense(2, "softmax")])
        >>> found = grad_cam(ll.Model(net, loss="categorical_crossentropy"), np.ones((2, 8, 8, 1)))
        >>> ax = plot_grad_cam(found, ax=Figure().subplots())
        >>> len(ax.images)
        2
    """
    if not 0 <= row < len(heat.heat):
        raise DataError("row", got=str(row), expected=f"0 to {len(heat.heat) - 1}", fix="row=0")
    ax, top = axis(ax), float(heat.heat[row].max()) or 1.0
    shown = heat.heat[row] / top
    if shown.ndim == 2:
        ax.imshow(picture(heat.inputs[row]), cmap="gray", interpolation="nearest")
        drawn = ax.imshow(shown, cmap=AMOUNT, vmin=0, vmax=1, alpha=0.25 + 0.5 * shown)
        if shown.min() < 0.5 < shown.max():
            ax.contour(shown, [0.5], colors="white", linewidths=1.5)
        bare(ax)
        bar(ax, drawn, said("of its largest", language)).solids.set_alpha(1)
    elif shown.ndim == 1:
        ax.fill_between(np.arange(len(shown)), shown, color=PALE)
        ax.plot(shown, color=BLUE)
        below(ax, said("time", language))
        beside(ax, said("of its largest", language))
    else:
        got, fix = f"heat of shape {shown.shape}", "draw a slice of heat.heat"
        raise ShapeError("plot_grad_cam", got=got, expected="images or sequences", fix=fix)
    score = said("the score of", language, name=short(heat.targets[row], 20))
    nothing = "" if shown.any() else f" ({said('nothing seen', language)})"
    titled(ax, f"{said('Grad-CAM', language, name=heat.at)}: {score}{nothing}")
    return ax
