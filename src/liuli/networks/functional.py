"""Drawing a graph: from values made by calling layers to named nodes in order."""

from __future__ import annotations

from dataclasses import dataclass

from liuli.core.errors import SpecError
from liuli.core.specs import snake_case
from liuli.layers.base import Layer, Symbol
from liuli.layers.input import InputLayer


@dataclass(frozen=True)
class Drawing:
    """What a drawn graph consists of, by name."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    nodes: tuple[tuple[str, Layer, tuple[str, ...]], ...]


def draw(inputs: tuple[Symbol, ...], outputs: tuple[Symbol, ...]) -> Drawing:
    """Name every value between ``inputs`` and ``outputs``, each after what it is made from.

    Raises:
        SpecError: an output hangs on an input that was not given.
    """
    ordered = _ordered(inputs, outputs)
    names = _Names()
    values: dict[int, str] = {}
    nodes = []
    for symbol in ordered:
        if not symbol.inputs and symbol not in inputs:
            name = symbol.layer.name or "an ll.Input"
            raise SpecError(
                "Graph",
                got=f"an output that needs {name}",
                expected="every input to be listed",
                fix="Graph([x, ...], y)",
            )
        node, values[id(symbol)] = names.of(symbol.layer)
        nodes.append((node, symbol.layer, tuple(values[id(s)] for s in symbol.inputs)))
    return Drawing(tuple(values[id(s)] for s in inputs), tuple(values[id(s)] for s in outputs), tuple(nodes))


def default_name(layer: Layer, count: int) -> str:
    """``dense_1``: the layer's type in snake case and a counter."""
    kind = "input" if isinstance(layer, InputLayer) else snake_case(type(layer).__name__)
    return f"{kind}_{count}"


class _Names:
    """Names for layers: one per layer object, and one more per use of it."""

    def __init__(self) -> None:
        self.layers: dict[int, str] = {}
        self.uses: dict[str, int] = {}
        self.counts: dict[str, int] = {}

    def of(self, layer: Layer) -> tuple[str, str]:
        """The name of the layer's node, and of the value that this use makes."""
        if id(layer) not in self.layers:
            self.layers[id(layer)] = layer.name or self._counted(layer)
        node = self.layers[id(layer)]
        self.uses[node] = self.uses.get(node, 0) + 1
        return node, node if self.uses[node] == 1 else f"{node}@{self.uses[node]}"

    def _counted(self, layer: Layer) -> str:
        kind = default_name(layer, 0).removesuffix("_0")
        self.counts[kind] = self.counts.get(kind, 0) + 1
        return f"{kind}_{self.counts[kind]}"


def _ordered(inputs: tuple[Symbol, ...], outputs: tuple[Symbol, ...]) -> list[Symbol]:
    """Every value, after the values that it is made from (depth first, without recursion)."""
    ordered: list[Symbol] = []
    done: set[int] = set()
    waiting = [(s, False) for s in reversed((*inputs, *outputs))]
    while waiting:
        symbol, ready = waiting.pop()
        if id(symbol) in done:
            continue
        if ready:
            done.add(id(symbol))
            ordered.append(symbol)
        else:
            waiting.append((symbol, True))
            waiting.extend((s, False) for s in reversed(symbol.inputs))
    return ordered
