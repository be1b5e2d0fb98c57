"""The table of rules, gathered from the tables ``RULES`` of all modules beside this one: a new kind of layer adds one
entry to one of them."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable

from liuli.inspect import derivation
from liuli.inspect.derivation.call import Call
from liuli.inspect.derivation.general import general
from liuli.inspect.derivation.lines import Piece
from liuli.layers import Layer

Rule = Callable[[Call], Piece]


def rule(call: Call) -> Piece:
    """What is known of this call: by the rule of its layer's class, or in general."""
    return rules().get(type(call.layer), general)(call)


@functools.cache
def rules() -> dict[type[Layer], Rule]:
    """The rule of each class of layer. Their modules are imported with the first derivation."""
    found: dict[type[Layer], Rule] = {}
    for module in pkgutil.iter_modules(derivation.__path__):
        found |= getattr(importlib.import_module(f"{derivation.__name__}.{module.name}"), "RULES", {})
    return found
