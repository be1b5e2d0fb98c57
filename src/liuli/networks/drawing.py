"""The network drawn: a box for each call of a layer, an arrow for each value, its shape beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from liuli.core.extras import require
from liuli.core.figures import BLUE, GREEN, GREY, PALE, as_image, axis, short
from liuli.layers import InputLayer
from liuli.networks.graph import Graph, Node
from liuli.networks.layout import Layout, Place, arrange
from liuli.networks.summary import Row, Summary

BOX, LINE, STUB = 200.0, 15.0, 18.0  # width of a box, height of a line, before an arrow bends
_DEEP, _RISE = 3 * LINE + 8, 42.0  # height of a rank, between ranks
_NOTE = 12.0  # height of a line of notes

WORDS: dict[str, tuple[str, str]] = {
    "output": ("output", "输出"),
    "output of": ("output: {name}", "输出：{name}"),
    "a graph": ("a graph of {n} layers", "含 {n} 层的子图"),
    "parameters of": ("{n} parameters", "{n} 个参数"),
    "shares its weights": ("shared weights", "共享权重"),
    "batch": ("batch", "批"),
}

Notes = Mapping[str, tuple[str, ...]]
"""Lines about values, by their names, written beside the arrows that leave them."""


@dataclass(frozen=True)
class Box:
    """What is written into a box, and how it looks: an entrance or exit, a layer with weights, or one without."""

    lines: tuple[str, ...]
    notes: tuple[str, ...] = ()
    round: bool = False
    weights: bool = False
    shared: bool = False


@dataclass(frozen=True)
class Drawing:
    """Boxes by name, where they stand, and how far apart the ranks are."""

    boxes: dict[str, Box]
    layout: Layout
    rise: float

    def top(self, rank: int) -> float:
        """Where a rank begins."""
        return rank * (_DEEP + self.rise)

    def middle(self, name: str) -> float:
        """The height of a box's centre."""
        return self.top(self.layout.places[name].rank) + _DEEP / 2

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in points."""
        return self.layout.width, self.top(self.layout.ranks) - self.rise


def network(
    net: Graph, summary: Summary | None = None, ax: Any = None, language: str = "en", notes: Notes | None = None
) -> Any:
    """Boxes and arrows from the entrances above to the exits below; returns the axis.

    A layer that is called more than once has its boxes dashed: they share weights.

    net:       the graph.
    summary:   its summary: shapes and numbers of parameters.
    ax:        the Matplotlib axis to draw on, in which one unit is meant to be one point; ``extent`` says how large.
    language:  of the labels, "en" or "zh".
    notes:     what else is to be said of values.
    """
    ax, drawn = axis(ax), _plan(net, summary, language, notes)
    for start, end, xs in drawn.layout.arrows:
        _arrow(ax, drawn, start, end, xs)
    for name, place in drawn.layout.places.items():
        _box(ax, drawn.boxes[name], place, drawn.middle(name))
    width, height = drawn.size
    ax.set(xlim=(-2, width + 2), ylim=(height + 2, -2))
    ax.set_axis_off()
    return ax


def extent(
    net: Graph, summary: Summary | None = None, language: str = "en", notes: Notes | None = None
) -> tuple[float, float]:
    """The width and the height of the drawing in points."""
    width, height = _plan(net, summary, language, notes).size
    return width + 4, height + 4


def picture(net: Graph, summary: Summary | None = None, notes: Notes | None = None) -> str:
    """The drawing as an ``img`` element, for a notebook."""
    width, height = extent(net, summary, notes=notes)
    figure = require("matplotlib.figure", extra="plot").Figure((width / 72, height / 72))
    network(net, summary, figure.add_axes((0, 0, 1, 1)), notes=notes)
    return as_image(figure, repr(net))


def _plan(net: Graph, summary: Summary | None, language: str, notes: Notes | None) -> Drawing:
    boxes, takes, said = {}, {}, notes or {}
    calls = Counter(node.name for node in net.nodes)
    rows = summary.rows if summary else [None] * len(net.nodes)
    for (value, node), row in zip(net.calls(), rows, strict=True):
        takes[value] = node.inputs
        boxes[value] = _described(value, node, row, calls[node.name] > 1, language, said.get(value, ()))
    for value in net.outputs:
        name = f"{value} "  # no layer's: names hold no blanks
        takes[name] = (value,)
        text = _word("output", language) if len(net.outputs) == 1 else _word("output of", language, name=value)
        boxes[name] = Box((text,), round=True)
    rise = _RISE + _NOTE * max((len(lines) for lines in said.values()), default=0)
    return Drawing(boxes, arrange(takes, {name: _width(box) for name, box in boxes.items()}), rise)


def _described(value: str, node: Node, row: Row | None, shared: bool, language: str, said: tuple[str, ...]) -> Box:
    shape = (row.output_shape.replace("batch", _word("batch", language)),) if row else ()
    notes = (*shape, *said)
    if isinstance(node.layer, InputLayer):
        return Box((value,), notes, round=True)
    layer = node.layer.replace(name=None)
    text = _word("a graph", language, n=len(layer.nodes)) if isinstance(layer, Graph) else repr(layer)
    count = row.parameters if row else 0
    third = [_word("parameters of", language, n=f"{count:,}")] * bool(count)
    third += [_word("shares its weights", language)] * shared
    return Box((value, text, ", ".join(third)), notes, weights=bool(count), shared=shared)


def _word(key: str, language: str, **values: Any) -> str:
    return WORDS[key][language == "zh"].format(**values)


def _width(box: Box) -> float:
    return BOX if len(box.lines) > 1 else max(90.0, min(BOX, 7.5 * max(map(len, box.lines)) + 24))


def _height(box: Box) -> float:
    return LINE + 10 if box.round else _DEEP


def _box(ax: Any, box: Box, place: Place, middle: float) -> None:
    """The box, its lines, and what is said of its value below it."""
    patches = require("matplotlib.patches", extra="plot")
    height = _height(box)
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
    for i, note in enumerate(box.notes):
        y = middle + height / 2 + 4 + i * _NOTE
        ax.text(place.x + 7, y, note, ha="left", va="top", fontsize=8, color=GREY, parse_math=False)


def _arrow(ax: Any, drawn: Drawing, start: str, end: str, xs: tuple[float, ...]) -> None:
    """A curve from the box of ``start`` down to that of ``end``, past the ranks between; several arrive abreast."""
    path, patches = require("matplotlib.path", extra="plot").Path, require("matplotlib.patches", extra="plot")
    layout, boxes = drawn.layout, drawn.boxes
    first, last = layout.places[start], layout.places[end]
    arriving = [(s, x) for s, e, x in layout.arrows if e == end]
    arriving.sort(key=lambda arrow: arrow[1][-2])
    share = (arriving.index((start, xs)) + 1) / (len(arriving) + 1) - 0.5
    goal = (last.x + share * last.width * 0.6, drawn.middle(end) - _height(boxes[end]) / 2)
    y = drawn.middle(start) + _height(boxes[start]) / 2
    points, codes = [(first.x, y), (first.x, y + STUB)], [path.MOVETO, path.LINETO]
    for i, x in enumerate(xs[1:], 1):
        top = drawn.top(first.rank + i)
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
