"""One call of a layer, as rules see it: its symbols, and its traced numbers in float64."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from liuli.inspect.derivation.lines import Expression
from liuli.inspect.derivation.notation import gradient
from liuli.inspect.trace import Tapped, Trace
from liuli.layers import Layer, Part
from liuli.layers.base import Context
from liuli.networks.graph import Graph

_LETTERS = {
    "y": "a", "kernel": "W", "recurrent_kernel": "U", "bias": "b", "embeddings": "E",
    "gamma": r"\gamma", "beta": r"\beta", "mean": r"\mu", "variance": r"\nu", "xhat": r"\hat{x}", "gates": "z",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Call:
    """The call that makes the values ``made`` at ``path``, the ``index``-th of the network.

    ``home`` is where its parameters are, ``owner`` the number of the first call that uses them.

    ``inputs`` are the taps that it takes, ``symbols`` their symbols; ``fused`` is dL/dz where its last activation
    moved into the loss.
    """

    path: str
    home: str
    layer: Layer
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
        return _exact(self.params[name].value)

    def symbol(self, tap: str) -> str:
        """The symbol of one of its taps: z and a for pre-activation and output, with its number."""
        return f"{_LETTERS.get(tap, _word(tap))}_{{{self.index}}}"

    def weight_symbol(self, name: str) -> str:
        """The symbol of a parameter, with the number of the first call that uses it."""
        return f"{_LETTERS.get(name, _word(name))}_{{{self.owner}}}"

    def D(self, tap: str) -> str:
        """The symbol of dL/dtap."""
        return gradient(self.symbol(tap))


def calls(trace: Trace) -> list[Call]:
    """Every call of the network in order. Graphs within it are unfolded: what enters and leaves them is not new."""
    return list(_Unfolding(trace).network(trace.recipe.network))


def input_symbols(trace: Trace) -> dict[str, str]:
    """The symbol of each tap of an input: x, or x_1, x_2."""
    names = trace.recipe.network.inputs
    return {f"{n}/y": "x" if len(names) == 1 else f"x_{{{i}}}" for i, n in enumerate(names, 1)}


class _Unfolding:
    """Walks a graph and the graphs within it; knows what every value is called, and its mask."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.symbols = input_symbols(trace)
        self.masks: dict[str, Any] = {}
        self.owners: dict[str, int] = {}
        self.count = 0

    def network(self, net: Graph) -> Iterator[Call]:
        entering = [(f"{name}/y",) for name in net.inputs]
        place = "", self.trace.params, self.trace.state, self.trace.key
        yield from self._graph(net, entering, *place)

    def _graph(
        self, net: Graph, entering: Any, prefix: str, params: Any, state: Any, key: Any, home: str = ""
    ) -> Iterator[Call]:
        values: dict[str, tuple[str, ...]] = dict(zip(net.inputs, entering, strict=True))
        for value, node in net.calls():
            if not node.inputs:
                continue
            taken = tuple(path for name in node.inputs for path in values[name])
            own = params.get(node.name, {}), state.get(node.name, {}), _folded(key, value)
            if isinstance(node.layer, Part):
                values[value] = (taken[node.layer.index],)
            elif isinstance(node.layer, Graph):
                inside = [values[name] for name in node.inputs] if len(node.inputs) > 1 else _dealt(taken, node.layer)
                yield from self._graph(node.layer, inside, f"{prefix}{value}/", *own, f"{home}{node.name}/")
                values[value] = self.left
            else:
                call = self._call(f"{prefix}{value}", f"{home}{node.name}", node.layer, taken, own)
                values[value] = tuple(f"{call.path}/{tap}" for tap in call.made)
                yield call
        self.left = tuple(path for name in net.outputs for path in values[name])

    def _call(self, path: str, owner: str, layer: Layer, taken: tuple[str, ...], own: Any) -> Call:
        self.count += 1
        number = self.owners.setdefault(owner, self.count)
        masks, xs = [self.masks.get(p) for p in taken], [self.trace[p].value for p in taken]
        one = len(taken) == 1
        mask = masks[0] if one else tuple(masks)
        made = ("y",) if layer.output_count == 1 else tuple(f"y_{i}" for i in range(layer.output_count))
        left = layer.output_mask(xs[0] if one else tuple(xs), mask)
        symbols = tuple(self.symbols[p] for p in taken)
        params, state, key = own
        call = Call(path, owner, layer, self.count, number, taken, symbols, params, state, mask, key, self.trace, made)
        for i, tap in enumerate(made):
            self.masks[f"{path}/{tap}"] = left[i] if isinstance(left, tuple) else left
            self.symbols[f"{path}/{tap}"] = call.symbol(tap)
        return call


def _dealt(taken: tuple[str, ...], net: Graph) -> list[tuple[str, ...]]:
    """One value for each input of ``net``, from a call with a single argument."""
    return [taken] if len(net.inputs) == 1 else [(path,) for path in taken]


def _folded(key: jax.Array | None, name: str) -> jax.Array | None:
    return Context(key=key).at(name).key


def _exact(array: Any) -> np.ndarray:
    return np.asarray(array, np.float64)


def _word(name: str) -> str:
    return name if len(name) == 1 else rf"\mathrm{{{name.replace('_', ' ')}}}"
