"""Layers that work on the host, such as text to numbers: they stand right behind an input of the network.

What they make enters the compiled graph, in which they pass it on.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from liuli.core.errors import DataError, LiuliError, SpecError
from liuli.layers.base import Layer
from liuli.networks.graph import Graph


def host_layers(net: Graph, name: str) -> list[Layer]:
    """The layers on the host behind the input ``name``, in order."""
    found: list[Layer] = []
    for value, node in net.calls():
        if node.inputs == (name,) and node.layer.on_host:
            found.append(node.layer)
            name = value
    return found


def check_host(net: Graph) -> None:
    """Raise SpecError where a layer on the host takes what the device makes, or what another layer takes as well."""
    raw = set(net.inputs)
    takers = [taken for node in net.nodes for taken in node.inputs]
    for value, node in net.calls():
        if not node.layer.on_host:
            continue
        if not set(node.inputs) <= raw or any(takers.count(taken) > 1 for taken in node.inputs):
            got = f"{type(node.layer).__name__} behind {', '.join(node.inputs)}"
            fix = "put it first; for a second use of the raw values give the network a second input"
            raise SpecError(value, got=got, expected="an input of the network, which nothing else takes", fix=fix)
        raw.add(value)


def from_host(net: Graph, name: str, values: Any) -> Any:
    """What enters the compiled graph for raw ``values`` of the input ``name``."""
    for layer in host_layers(net, name):
        try:
            values = layer.host(np.asarray(values))
        except LiuliError as error:
            raise error.at(name) from None
        except (TypeError, ValueError) as error:
            fix = "compare the values with the layer's docstring"
            raise DataError(name, got=str(error), expected=f"values that {layer!r} takes", fix=fix) from error
    return values
