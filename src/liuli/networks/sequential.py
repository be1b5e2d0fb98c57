"""A graph that is a line."""

from __future__ import annotations

from collections.abc import Sequence

from liuli.core.errors import SpecError
from liuli.layers.base import Layer, Symbol
from liuli.layers.input import InputLayer
from liuli.networks.graph import Graph


def Sequential(layers: Sequence[Layer | Symbol]) -> Graph:
    """Layers one after the other: a Graph in which each takes what the one before it makes.

    The shape of the input is found from the data unless the first entry is ``ll.Input(shape)``.

    Raises:
        SpecError: there is nothing in it, or something that is no layer.

    Example:
        >>> import liuli as ll
        >>> ll.Sequential([ll.layers.Dense(64, "relu"), ll.layers.Dense(10, "softmax")])
        Sequential([Dense(64, activation=ReLU()), Dense(10, activation=Softmax())])
    """
    entries = [entry.layer if isinstance(entry, Symbol) else entry for entry in layers]
    for i, entry in enumerate(entries):
        if not isinstance(entry, Layer):
            fix = f"layers.Activation({entry!r})" if isinstance(entry, str) else "put layer objects in the list"
            raise SpecError(f"Sequential[{i}]", got=repr(entry)[:80], expected="a layer", fix=fix)
    if not entries or (len(entries) == 1 and isinstance(entries[0], InputLayer)):
        raise SpecError("Sequential", got="no layers", expected="at least one", fix="Sequential([layers.Dense(1)])")
    first = entries.pop(0) if isinstance(entries[0], InputLayer) else InputLayer()
    value = start = Symbol(first)
    for layer in entries:
        value = layer(value)
    return Graph(start, value)
