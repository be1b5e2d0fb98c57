"""Weights brought over: the layers of a network that hold any, matched in order with those of another library."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from liuli.core.errors import LiuliError, ShapeError
from liuli.core.trees import flatten
from liuli.layers import Context, Flatten, Layer
from liuli.networks.graph import Graph
from liuli.training.model import Model

Arrays = Mapping[str, np.ndarray]  # by path, such as "kernel" or "layer/kernel"


@dataclass(frozen=True)
class Site:
    """A layer of ours that holds weights.

    name:       where in the network it is.
    layer:      the layer.
    params:     its own parameters, the dict that the model holds.
    state:      its own state.
    flattened:  where it takes an image in one row: the shape of that image, (height, width, channels).
    """

    name: str
    layer: Layer
    params: dict[str, Any]
    state: dict[str, Any]
    flattened: tuple[int, ...] | None = None

    def check(self, arrays: Arrays) -> None:
        """Raise ShapeError unless ``arrays`` are those that the layer has."""
        own = flatten(self.params) | flatten(self.state)
        if arrays.keys() != own.keys() or any(arrays[path].shape != own[path].shape for path in own):
            got = ", ".join(f"{path} {array.shape}" for path, array in arrays.items())
            wanted = ", ".join(f"{path} {array.shape}" for path, array in own.items())
            raise ShapeError(self.name, got=got, expected=wanted, fix="compare this layer with the one it comes from")

    def put(self, arrays: Arrays) -> None:
        """Take ``arrays`` over into the model."""
        for path, array in arrays.items():
            _set(self.params if path in flatten(self.params) else self.state, path.split("/"), array)


def transfer(model: Model, donors: Sequence[Any], convert: Callable[[Site, Any], Arrays]) -> Model:
    """Give each layer of ``model`` that holds weights those of the donor at the same place in the order."""
    own = sites(model)
    if len(own) != len(donors):
        got, names = f"{len(donors)} layers with weights", ", ".join(site.name for site in own)
        fix = "compare the summaries of both networks"
        raise LiuliError("weights", got=got, expected=f"{len(own)}: {names}", fix=fix)
    converted = [convert(site, donor) for site, donor in zip(own, donors, strict=True)]
    for step in (Site.check, Site.put):
        for site, arrays in zip(own, converted, strict=True):
            step(site, arrays)
    return model


def sites(model: Model) -> list[Site]:
    """Every layer of a built model that holds weights, in the order in which they are called."""
    shapes = _Shapes()
    context = Context(watch=shapes)
    first, *others = model.inputs
    inputs = (first, *others) if others else first
    jax.eval_shape(lambda p, s, x: model.net.apply(p, s, x, context)[0], model.params, model.state, inputs)
    return list(_sites(model.net, "", model.params, model.state, shapes.found))


def _sites(
    net: Graph, prefix: str, params: dict[str, Any], state: dict[str, Any], shapes: Mapping[str, tuple[int, ...]]
) -> Iterator[Site]:
    values = dict(net.calls())
    for value, node in values.items():
        own, kept = params.get(node.name, {}), state.get(node.name, {})
        if value != node.name or not (own or kept):
            continue
        if isinstance(node.layer, Graph):
            yield from _sites(node.layer, f"{prefix}{value}/", own, kept, shapes)
            continue
        before = values[node.inputs[0]]
        image = shapes[f"{prefix}{before.inputs[0]}/y"][1:] if isinstance(before.layer, Flatten) else None
        yield Site(f"{prefix}{value}", node.layer, own, kept, image)


class _Shapes:
    """Looks at taps, and keeps the shape of each."""

    def __init__(self) -> None:
        self.found: dict[str, tuple[int, ...]] = {}

    def offset(self, path: str, like: Any) -> None:
        return None

    def record(self, path: str, value: jax.Array) -> None:
        self.found[path] = value.shape


def _set(tree: dict[str, Any], path: list[str], array: np.ndarray) -> None:
    for name in path[:-1]:
        tree = tree[name]
    tree[path[-1]] = jnp.asarray(array, tree[path[-1]].dtype)
