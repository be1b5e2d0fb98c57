"""The drawing of a network: every call a box, every value an arrow, none across another's."""

from itertools import pairwise

import hypothesis.strategies as st
import jax
import pytest
from hypothesis import given

import liuli as ll
from liuli import layers
from liuli.networks import summarize
from liuli.networks.layout import GAP, arrange

pytest.importorskip("matplotlib", reason="the drawing needs the plot extra")

from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from liuli.networks.drawing import extent, network


@pytest.fixture
def ax():
    """An axis whose figure is drawn in the end: what can only fail while drawing fails then."""
    figure = Figure(layout="constrained")
    yield figure.subplots()
    figure.draw_without_rendering()


def two_ins_and_outs():
    a, b = ll.Input((4,), name="a"), ll.Input((3,), name="b")
    shared = layers.Dense(5, name="shared")
    both = layers.Concatenate()([shared(layers.Dense(4)(a)), shared(a), b])
    return ll.Graph([a, b], [layers.Dense(2)(both), layers.Dense(1)(both)])


def drawn(net, ax, *shapes):
    summary = summarize(net, tuple(jax.ShapeDtypeStruct((1, *s), "float32") for s in shapes))
    assert network(net, summary, ax=ax) is ax
    return summary


def test_every_call_and_every_value_is_drawn(ax):
    net = two_ins_and_outs()
    summary = drawn(net, ax, (4,), (3,))
    boxes = [patch for patch in ax.patches if isinstance(patch, FancyBboxPatch)]
    arrows = [patch for patch in ax.patches if isinstance(patch, FancyArrowPatch)]
    assert len(boxes) == len(list(net.calls())) + len(net.outputs)
    assert len(arrows) == sum(len(node.inputs) for node in net.nodes) + len(net.outputs)
    texts = [text.get_text() for text in ax.texts]
    assert {value for value, _ in net.calls()} <= set(texts)
    assert [f"output: {name}" in texts for name in net.outputs] == [True, True]
    for row in summary.rows:
        assert row.output_shape in texts
    assert [box.get_linestyle() for box in boxes].count("--") == 2  # the calls of the shared layer
    assert sum("shared weights" in text for text in texts) == 2


def test_a_box_lies_within_the_drawing(ax):
    net = two_ins_and_outs()
    summary = drawn(net, ax, (4,), (3,))
    width, height = extent(net, summary)
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    assert (right - left, bottom - top) == pytest.approx((width, height))
    for box in (p for p in ax.patches if isinstance(p, FancyBboxPatch)):
        assert left < box.get_x() < box.get_x() + box.get_width() < right
        assert top < box.get_y() < box.get_y() + box.get_height() < bottom


def test_a_line_is_drawn_straight(ax):
    drawn(ll.Sequential([ll.Input((4,)), *(layers.Dense(2) for _ in range(5))]), ax, (4,))
    centres = {p.get_x() + p.get_width() / 2 for p in ax.patches if isinstance(p, FancyBboxPatch)}
    assert max(centres) - min(centres) < 1e-6


@st.composite
def graphs(draw):
    """What each node takes: some of the nodes before it."""
    takes = {}
    for i in range(draw(st.integers(1, 14))):
        before = list(takes)
        takes[f"n{i}"] = draw(st.lists(st.sampled_from(before), max_size=3, unique=True)) if before else []
    return takes


@given(graphs())
def test_layout_of_any_graph(takes):
    found = arrange(takes, dict.fromkeys(takes, 100.0))
    places = found.places
    assert all(places[end].rank > places[start].rank for end, starts in takes.items() for start in starts)
    for rank in range(found.ranks):
        x = sorted(place.x for place in places.values() if place.rank == rank)
        assert all(b - a >= 100 + GAP - 1e-6 for a, b in pairwise(x))
    assert all(place.x >= 50 - 1e-6 and place.x <= found.width - 50 + 1e-6 for place in places.values())
    assert sorted((start, end) for start, end, _ in found.arrows) == sorted(
        (start, end) for end, starts in takes.items() for start in starts
    )
    assert all(len(xs) == places[end].rank - places[start].rank + 1 for start, end, xs in found.arrows)


def test_notes_stand_below_their_boxes(ax):
    net = ll.Sequential([ll.Input((4,)), layers.Dense(2), layers.Dense(1)])
    notes = {"dense_1": ("first of it", "second of it")}
    network(net, ax=ax, notes=notes)
    texts = {text.get_text(): text.get_position() for text in ax.texts}
    assert texts["dense_1"][1] < texts["first of it"][1] < texts["second of it"][1] < texts["dense_2"][1]
    assert "output" in texts
    assert extent(net, notes=notes)[1] > extent(net)[1]


def test_a_graph_shows_itself_in_a_notebook():
    net = two_ins_and_outs()
    page = net._repr_html_()
    assert page.startswith('<img src="data:image/svg+xml;base64,') and "Dense(5" in page
    assert net.plot().texts
