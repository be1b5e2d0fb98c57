"""Where activations saturate: the values y = f(z) at which |f'(z)| < 0.01.

Of the bounded activations f' is a function of y: sigmoid's is y (1 - y), tanh's 1 - y^2, softsign's (1 - |y|)^2.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from liuli import activations
from liuli.activations import Activation
from liuli.networks.graph import Graph

Bounds = tuple[float, float]  # saturated at the first and below, at the second and above

_FLAT = 0.01
_SIGMOID, _TANH, _SOFTSIGN = (1 - math.sqrt(1 - 4 * _FLAT)) / 2, math.sqrt(1 - _FLAT), 1 - math.sqrt(_FLAT)

BOUNDS: dict[type[Activation], Bounds] = {
    activations.Sigmoid: (_SIGMOID, 1 - _SIGMOID),
    activations.Tanh: (-_TANH, _TANH),
    activations.Softsign: (-_SOFTSIGN, _SOFTSIGN),
    activations.HardSigmoid: (0.0, 1.0),
    activations.HardTanh: (-1.0, 1.0),
}


def saturation_bounds(network: Graph, prefix: str = "") -> dict[str, Bounds]:
    """The bounds for each value of a network that leaves an activation which saturates, by path."""
    return dict(_found(network, prefix))


def _found(network: Graph, prefix: str) -> Iterator[tuple[str, Bounds]]:
    for value, node in network.calls():
        if isinstance(node.layer, Graph):
            yield from _found(node.layer, f"{prefix}{value}/")
        elif node.layer.ends_in_activation:
            function: Any = getattr(node.layer, "activation", None)
            if type(function) in BOUNDS:
                yield f"{prefix}{value}", BOUNDS[type(function)]
