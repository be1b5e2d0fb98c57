"""One call of a layer, as rules see it: its symbols, and its traced numbers in float64."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import numpy as np

from liuli.core.precision import scope
from liuli.core.trees import flatten
from liuli.inspect.derivation.composites import COMPOSITES
from liuli.inspect.derivation.lines import Expression
from liuli.inspect.derivation.notation import gradient
from liuli.inspect.trace import Tapped, Trace
from liuli.layers import Layer, Part
from liuli.layers.base import Context
from liuli.networks.graph import Graph

_BY_LAYER = object()
_LETTERS = {
    "y": "a", "kernel": "W", "recurrent_kernel": "U", "bias": "b", "embeddings": "E",
    "gamma": r"\gamma", "beta": r"\beta", "mean": r"\mu", "variance": r"\nu", "xhat": r"\hat{x}", "gates": "z",
    "candidate": "g", "scores": "s", "weights": "w", "context": "c", "gate": "g", "scale": "g", "sigma": r"\sigma",
    "depthwise_kernel": "D", "pointwise_kernel": "P", "depthwise": "u",
    "alpha": r"\alpha", "concat_score_weight": "c", "reverse_embeddings": "E'",
}  # fmt: skip
_PLACES = {"layer": "", "cell": "", "query": "q", "key": "k", "value": "v", "attention_output": "o", "gate": "g"}


@dataclass(frozen=True, eq=False)
class Call:
    """The call that makes the values ``made`` at ``path``, the ``index``-th of the network.

    ``home`` is where its parameters are, ``owner`` the number of the first call that uses them.

    ``inputs`` are the taps that it takes, ``symbols`` their symbols; ``fused`` is dL/dz where its last activation
    moved into the loss; ``letters`` are those of parameters that are called otherwise than usual.
    """

    path: str
    home: str
    layer: Any  # a Layer; its rule knows which
    index: int
    owner: int
    inputs: tuple[str, ...]
    symbols: tuple[str, ...]
    params: Mapping[str, Tapped]
    state: Mapping[str, Any]
    mask: Any
    key: jax.Array | None
    trace: Trace
    made: tuple[str, ...] = ("y",)
    fused: Expression | None = None
    letters: Mapping[str, str] = field(default_factory=dict)

    @property
    def training(self) -> bool:
        return self.trace.key is not None

    @property
    def xs(self) -> list[np.ndarray]:
        """The values of all inputs."""
        return [_exact(self.trace[path].value) for path in self.inputs]

    @property
    def x(self) -> np.ndarray:
        """The value of the only input."""
        return self.xs[0]

    @property
    def X(self) -> str:
        """Its symbol."""
        return self.symbols[0]

    def value(self, tap: str) -> np.ndarray:
        """The value of one of its own taps."""
        return _exact(self.trace[f"{self.path}/{tap}"].value)

    def gradient(self, tap: str) -> np.ndarray:
        """dL/dtap."""
        return _exact(self.trace[f"{self.path}/{tap}"].gradient)

    def weight(self, name: str) -> np.ndarray:
        """The value of a parameter."""
        return _exact(flatten(self.params)[name].value)

    def symbol(self, tap: str) -> str:
        """The symbol of one of its taps: z and a for pre-activation and output, with its number."""
        return self._symbol(tap, self.index)

    def weight_symbol(self, name: str) -> str:
        """The symbol of a parameter, with the number of the first call that uses it."""
        return self.letters.get(name) or self._symbol(name, self.owner)

    def D(self, tap: str) -> str:
        """The symbol of dL/dtap."""
        return gradient(self.symbol(tap))

    def _symbol(self, path: str, number: int) -> str:
        """A letter with the number of the call and, of a part of the layer, its place in it."""
        *homes, name = path.split("/")
        places = [_PLACES.get(home, _word(home)) for home in homes]
        letter, of_several = _LETTERS.get(name, _word(name)), re.fullmatch(r"y_(\d+)", name)
        if of_several:
            letter, places = _LETTERS["y"], [*places, of_several[1]]
        if name == "gates" and f"{self.path}/{path.removesuffix('gates')}candidate" in self.trace.taps:
            letter = "[z, r]"  # of a GRU
        return f"{letter}_{{{','.join([str(number), *filter(None, places)])}}}"


def calls(trace: Trace) -> list[Call]:
    """Every call of the network in order. Graphs and layers made of layers are unfolded."""
    return list(Unfolding(trace).network(trace.recipe.network))


def input_symbols(trace: Trace) -> dict[str, str]:
    """The symbol of each tap of an input: x, or x_1, x_2."""
    names = trace.recipe.network.inputs
    return {f"{n}/y": "x" if len(names) == 1 else f"x_{{{i}}}" for i, n in enumerate(names, 1)}


class Place(NamedTuple):
    """Where a layer stands: its path, where its parameters are, what they are, its state and its random key."""

    path: str
    home: str
    params: Any
    state: Any
    key: jax.Array | None

    def part(self, name: str) -> Place:
        """The place of what is called ``name`` within the layer."""
        inside = self.params.get(name, {}), self.state.get(name, {}), _folded(self.key, name)
        return Place(f"{self.path}/{name}".lstrip("/"), f"{self.home}/{name}".lstrip("/"), *inside)


class Unfolding:
    """Walks a graph, the graphs within it and layers made of layers; knows what every value is called, and its mask.

    After each step ``left`` holds the taps that it made.
    """

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.symbols = input_symbols(trace)
        self.masks: dict[str, Any] = {}
        self.owners: dict[str, int] = {}
        self.count = 0
        self.left: tuple[str, ...] = ()

    def network(self, net: Graph) -> Iterator[Call]:
        entering = [(f"{name}/y",) for name in net.inputs]
        yield from self._graph(net, entering, Place("", "", self.trace.params, self.trace.state, self.trace.key))

    def layer(self, layer: Layer, entering: Sequence[tuple[str, ...]], place: Place) -> Iterator[Call]:
        """The calls of a layer, or of all within it, given what each of its arguments consists of."""
        taken = tuple(path for each in entering for path in each)
        if isinstance(layer, Graph):
            yield from self._graph(layer, entering if len(entering) > 1 else _dealt(taken, layer), place)
        elif type(layer) in COMPOSITES:
            yield from COMPOSITES[type(layer)](self, layer, taken, place)
        else:
            yield self.call(layer, taken, place, self.mask(taken))

    def mask(self, taken: tuple[str, ...]) -> Any:
        """The mask of what a layer takes; of several values a tuple."""
        masks = tuple(self.masks.get(path) for path in taken)
        return masks[0] if len(masks) == 1 else masks

    def call(self, layer: Layer, taken: tuple[str, ...], place: Place, mask: Any, left: Any = _BY_LAYER) -> Call:
        """The call of one layer; ``left`` is the mask of what it makes, by default as the layer says."""
        self.count += 1
        number = self.owners.setdefault(place.home, self.count)
        made = ("y",) if layer.output_count == 1 else tuple(f"y_{i}" for i in range(layer.output_count))
        symbols = tuple(self.symbols[path] for path in taken)
        own = place.params, place.state, mask, place.key
        call = Call(place.path, place.home, layer, self.count, number, taken, symbols, *own, self.trace, made)
        if left is _BY_LAYER:
            left = self.output_mask(layer, taken, mask)
        self.left = tuple(f"{call.path}/{tap}" for tap in made)
        for i, tap in enumerate(made):
            self.masks[f"{call.path}/{tap}"] = left[i] if isinstance(left, tuple) else left
            self.symbols[f"{call.path}/{tap}"] = call.symbol(tap)
        return call

    def output_mask(self, layer: Layer, taken: tuple[str, ...], mask: Any) -> Any:
        """The mask of what a layer makes."""
        xs = tuple(self.trace[path].value for path in taken)
        with scope(self.trace.recipe.precision):
            return layer.output_mask(xs[0] if len(xs) == 1 else xs, mask)

    def _graph(self, net: Graph, entering: Any, place: Place) -> Iterator[Call]:
        values: dict[str, tuple[str, ...]] = dict(zip(net.inputs, entering, strict=True))
        for value, node in net.calls():
            if not node.inputs:
                continue
            if isinstance(node.layer, Part):
                values[value] = (values[node.inputs[0]][node.layer.index],)
                continue
            own = place.part(node.name)
            path = f"{place.path}/{value}".lstrip("/")
            at = own._replace(path=path, key=_folded(place.key, value))
            yield from self.layer(node.layer, [values[name] for name in node.inputs], at)
            values[value] = self.left
        self.left = tuple(path for name in net.outputs for path in values[name])


def _dealt(taken: tuple[str, ...], net: Graph) -> list[tuple[str, ...]]:
    """One value for each input of ``net``, from a call with a single argument."""
    return [taken] if len(net.inputs) == 1 else [(path,) for path in taken]


def _folded(key: jax.Array | None, name: str) -> jax.Array | None:
    return Context(key=key).at(name).key


def _exact(array: Any) -> np.ndarray:
    return np.asarray(array, np.float64)


def _word(name: str) -> str:
    return name if len(name) == 1 else rf"\mathrm{{{name.replace('_', ' ')}}}"
