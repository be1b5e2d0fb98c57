"""The table of rules, gathered from the tables ``RULES`` of all modules beside this one: a new kind of layer adds one
entry to one of them."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from typing import Any

from liuli.inspect import derivation
from liuli.inspect.derivation.call import Call
from liuli.inspect.derivation.general import general
from liuli.inspect.derivation.lines import Piece
from liuli.layers import Layer

Rule = Callable[[Call], Piece]


def rule(call: Call) -> Piece:
    """What is known of this call: by the rule of its layer's class, or in general."""
    return RULES.get(type(call.layer), general)(call)


def _tables() -> Iterator[dict[type[Layer], Rule]]:
    """The tables of layers; those of losses and activations are not among them."""
    for found in pkgutil.iter_modules(derivation.__path__):
        name = f"{derivation.__name__}.{found.name}"
        table: dict[Any, Any] = {} if name == __name__ else getattr(importlib.import_module(name), "RULES", {})
        if all(issubclass(kind, Layer) for kind in table):
            yield table


RULES: dict[type[Layer], Rule] = {kind: rule for table in _tables() for kind, rule in table.items()}
