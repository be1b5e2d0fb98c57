"""liuli (琉璃): a glass-box deep-learning library on JAX. Every number visible, faults found and mended."""

import importlib
from typing import TYPE_CHECKING, Any

from liuli import (
    activations,
    callbacks,
    constraints,
    data,
    initializers,
    layers,
    losses,
    metrics,
    optimizers,
    regularizers,
    schedules,
)
from liuli.core import cache, runtime
from liuli.core.errors import LiuliError
from liuli.layers import Input
from liuli.networks import Graph, Sequential
from liuli.training import History, Many, Model, Probes, fit_many

if TYPE_CHECKING:
    from liuli import inspect

cache.switch_on()
runtime.switch_on()

__all__ = [
    "Graph", "History", "Input", "LiuliError", "Many", "Model", "Probes", "Sequential", "activations", "callbacks",
    "constraints",
    "data", "fit_many", "initializers", "inspect", "layers", "losses", "metrics", "optimizers", "regularizers",
    "schedules",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """``liuli.inspect``, which is much, is imported when it is first used."""
    if name == "inspect":
        return importlib.import_module("liuli.inspect")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
