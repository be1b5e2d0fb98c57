"""Layers that are made of layers, unfolded into the calls of their parts: blocks of transformers, wrappers."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any

from liuli import layers
from liuli.core.specs import with_fields
from liuli.layers.attention.roles import query_mask
from liuli.layers.recurrent.loop import opened
from liuli.networks.graph import Graph

if TYPE_CHECKING:
    from liuli.inspect.derivation.call import Call, Place, Unfolding

Taken = tuple[str, ...]
Made = Generator["Call", None, str]


def transformer(walk: Unfolding, block: Any, taken: Taken, place: Place) -> Iterator[Call]:
    """Attention to itself, to a memory where there is one, and the network at each step, each with its shortcut."""
    h, *memory = taken
    mask = walk.mask(taken)
    stages = _Stages(walk, block, place, block.parts(walk.trace[h].shape[-1]))
    h = yield from stages.added("self_attention", [("self_attention", (), query_mask(mask))], h)
    if memory:
        h = yield from stages.added("cross_attention", [("cross_attention", tuple(memory), mask)], h)
    h = yield from stages.added("feedforward", [("intermediate", (), None), ("output", (), None)], h)
    yield walk.call(block, (h,), _bare(place), None, left=walk.output_mask(block, taken, mask))


class _Stages:
    """The parts of one block."""

    def __init__(self, walk: Unfolding, block: Any, place: Place, parts: dict[str, Any]) -> None:
        self.walk, self.block, self.place, self.parts = walk, block, place, parts

    def run(self, name: str, taken: Taken, layer: Any = None, mask: Any = None, place: Place | None = None) -> Made:
        yield self.walk.call(layer or self.parts[name], taken, place or self.place.part(name), mask, left=None)
        return self.walk.left[0]

    def added(self, name: str, chain: list[tuple[str, Taken, Any]], h: str) -> Made:
        """h + part(norm(h)), or norm(h + part(h))."""
        y = (yield from self.run(f"{name}_norm", (h,))) if self.block.normalize_first else h
        for part, others, mask in chain:
            y = yield from self.run(part, (y, *others), mask=mask)
        if self.block.dropout is not None and self.walk.trace.key is not None:
            place, inside = self.place.part(f"{name}_dropout"), self.place.part(name).part("dropout")
            layer = with_fields(layers.Dropout(0.0), {"rate": self.block.dropout})
            y = yield from self.run("", (y,), layer, place=place._replace(key=inside.key))
        y = yield from self.run(f"{name}_sum", (h, y), layers.Add())
        return y if self.block.normalize_first else (yield from self.run(f"{name}_norm", (y,)))


def bidirectional(walk: Unfolding, layer: Any, taken: Taken, place: Place) -> Iterator[Call]:
    """Both directions, and then what is made of what they put out."""
    mask, (x, *given) = walk.mask(taken), taken
    own, made = len(layer.layer.state_names), ()
    starts = {"layer": given[:own], "backward_layer": given[own:]}
    for name, each in layer.directions.items():
        yield walk.call(_quiet(each), (x, *starts[name]), place.part(name), opened(mask)[0], left=None)
        made += walk.left
    yield walk.call(layer, made, _bare(place), opened(mask)[0], left=walk.output_mask(layer, taken, mask))


def time_distributed(walk: Unfolding, layer: Any, taken: Taken, place: Place) -> Iterator[Call]:
    """Time folded into the batch, the layer, and time unfolded."""
    mask = walk.mask(taken)
    names = ["folded"] if len(taken) == 1 else [f"folded_{i}" for i in range(len(taken))]
    seen: list[Taken] = []
    for name, path in zip(names, taken, strict=True):
        step = walk.trace[path].shape[2:]
        yield walk.call(layers.Reshape(step), (path,), place.part(name), None, left=None)
        seen.append(walk.left)
    yield from walk.layer(_quiet(layer.layer), seen, place.part("layer"))
    yield walk.call(layer, walk.left, _bare(place), None, left=walk.output_mask(layer, taken, mask))


def _bare(place: Place) -> Place:
    """The place of what is left of a layer when its parts are written: it has no parameters."""
    return place._replace(params={}, state={})


def _quiet(layer: Any) -> Any:
    """A wrapped layer without its penalty on activity, which the wrapper adds."""
    if isinstance(layer, Graph):
        return layer
    if isinstance(layer, layers.ActivityRegularization):
        return layers.Identity()
    return with_fields(layer, {"activity_regularizer": None})


COMPOSITES: dict[type[layers.Layer], Callable[[Any, Any, Taken, Any], Iterator[Any]]] = {
    layers.Bidirectional: bidirectional,
    layers.TimeDistributed: time_distributed,
    layers.TransformerDecoder: transformer,
    layers.TransformerEncoder: transformer,
}
