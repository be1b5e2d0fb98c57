"""The network drawn: a box for each call of a layer, an arrow for each value, its shape beside it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from liuli.core.extras import require
from liuli.layers import InputLayer
from liuli.networks import Graph, Summary
from liuli.report.figures.layout import Layout, Place, arrange
from liuli.report.figures.style import BLUE, GREEN, GREY, PALE, short
from liuli.report.words import ENGLISH, Words
from liuli.training.curves import axis

BOX, LINE, RISE, STUB = (
    200.0,
    15.0,
    42.0,
    18.0,
)  # width of a box, height of a line, between ranks, before an arrow bends
_DEEP = 3 * LINE + 8


@dataclass(frozen=True)
class Box:
    """What is written into a box, and how it looks: an entrance or exit, a layer with weights, or one without."""

    lines: tuple[str, ...]
    shape: str = ""
    round: bool = False
    weights: bool = False
    shared: bool = False


def network(net: Graph, summary: Summary, ax: Any = None, words: Words = ENGLISH) -> Any:
    """Boxes and arrows from the entrances above to the exits below; returns the axis.

    A layer that is called more than once has its boxes dashed: they share weights.

    net:      the graph.
    summary:  its summary: shapes and numbers of parameters.
    ax:       the Matplotlib axis to draw on, in which one unit is meant to be one point; ``extent`` says how large.
    words:    the language of the labels.
    """
    ax = axis(ax)
    boxes, layout = _plan(net, summary, words)
    for start, end, xs in layout.arrows:
        _arrow(ax, boxes, layout, start, end, xs)
    for name, place in layout.places.items():
        _box(ax, boxes[name], place)
    ax.set(xlim=(-2, layout.width + 2), ylim=(_top(layout.ranks) - RISE + 2, -2))
    ax.set_axis_off()
    return ax


def extent(net: Graph, summary: Summary, words: Words = ENGLISH) -> tuple[float, float]:
    """The width and the height of the drawing in points."""
    layout = _plan(net, summary, words)[1]
    return layout.width + 4, _top(layout.ranks) - RISE + 4


def _plan(net: Graph, summary: Summary, words: Words) -> tuple[dict[str, Box], Layout]:
    boxes, takes = {}, {}
    calls = Counter(node.name for node in net.nodes)
    for (value, node), row in zip(net.calls(), summary.rows, strict=True):
        takes[value] = node.inputs
        boxes[value] = _described(value, node, row, calls[node.name] > 1, words)
    for value in net.outputs:
        name = f"{value} "  # no layer's: names hold no blanks
        takes[name] = (value,)
        boxes[name] = Box((words("output") if len(net.outputs) == 1 else words("output of", name=value),), round=True)
    return boxes, arrange(takes, {name: _width(box) for name, box in boxes.items()})


def _described(value: str, node: Any, row: Any, shared: bool, words: Words) -> Box:
    shape = row.output_shape.replace("batch", words("batch"))
    if isinstance(node.layer, InputLayer):
        return Box((value,), shape, round=True)
    layer = node.layer.replace(name=None)
    text = words("a graph", n=len(layer.nodes)) if isinstance(layer, Graph) else repr(layer)
    notes = [words("parameters of", n=f"{row.parameters:,}")] * bool(row.parameters)
    notes += [words("shares its weights")] * shared
    return Box((value, text, ", ".join(notes)), shape, weights=bool(row.parameters), shared=shared)


def _width(box: Box) -> float:
    return BOX if len(box.lines) > 1 else max(90.0, min(BOX, 7.5 * max(map(len, box.lines)) + 24))


def _top(rank: int) -> float:
    return rank * (_DEEP + RISE)


def _middle(place: Place) -> float:
    return _top(place.rank) + _DEEP / 2


def _height(box: Box) -> float:
    return LINE + 10 if box.round else _DEEP


def _box(ax: Any, box: Box, place: Place) -> None:
    """The box, its lines, and the shape of its value below it."""
    patches = require("matplotlib.patches", extra="plot")
    height, middle = _height(box), _middle(place)
    look = f"round,pad=0,rounding_size={height / 2 if box.round else 5}"
    face = "white" if box.round else PALE if box.weights else "#F4F4F4"
    ax.add_patch(
        patches.FancyBboxPatch(
            (place.x - place.width / 2, middle - height / 2), place.width, height, boxstyle=look, facecolor=face,
            edgecolor=GREEN if box.round else BLUE, linestyle="--" if box.shared else "-", linewidth=1.2,
        )
    )  # fmt: skip
    lines = [line for line in box.lines if line]
    for i, line in enumerate(lines):
        weight, size = ("bold", 10) if i == 0 else ("normal", 8.5)
        y = middle + (i - (len(lines) - 1) / 2) * LINE
        text = short(line, 26 if i == 0 else 38)
        ax.text(place.x, y, text, ha="center", va="center", fontsize=size, fontweight=weight, parse_math=False)
    ax.text(place.x + 7, middle + height / 2 + 4, box.shape, ha="left", va="top", fontsize=8, color=GREY)


def _arrow(ax: Any, boxes: dict[str, Box], layout: Layout, start: str, end: str, xs: tuple[float, ...]) -> None:
    """A curve from the box of ``start`` down to that of ``end``, past the ranks between; several arrive abreast."""
    path, patches = require("matplotlib.path", extra="plot").Path, require("matplotlib.patches", extra="plot")
    first, last = layout.places[start], layout.places[end]
    arriving = [(s, x) for s, e, x in layout.arrows if e == end]
    arriving.sort(key=lambda arrow: arrow[1][-2])
    share = (arriving.index((start, xs)) + 1) / (len(arriving) + 1) - 0.5
    goal = (last.x + share * last.width * 0.6, _middle(last) - _height(boxes[end]) / 2)
    y = _middle(first) + _height(boxes[start]) / 2
    points, codes = [(first.x, y), (first.x, y + STUB)], [path.MOVETO, path.LINETO]
    for i, x in enumerate(xs[1:], 1):
        top = _top(first.rank + i)
        arrives = goal if i == len(xs) - 1 else (x, top)
        (x0, y0), (x1, y1) = points[-1], arrives
        points += [(x0, (y0 + y1) / 2), (x1, (y0 + y1) / 2), (x1, y1)]
        codes += [path.CURVE4] * 3
        if i < len(xs) - 1:
            points.append((x, top + _DEEP + STUB))
            codes.append(path.LINETO)
    tip = patches.FancyArrowPatch(
        path=path(points, codes),
        arrowstyle="-|>,head_length=5,head_width=2.5",
        color=GREY,
        linewidth=1.1,
        mutation_scale=1,
    )
    ax.add_patch(tip)
