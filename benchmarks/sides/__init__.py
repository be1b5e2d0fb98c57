"""Who takes part: a file for each library, with ``start(workload, data, variant)``, which builds the network and
returns a turn. A turn takes a limit in seconds and returns how many steps it made; loops that run in Python stop at it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Turn = Callable[[float], float]


class LeftOut(Exception):
    """A side that cannot take part, and why."""


@dataclass(frozen=True)
class Side:
    """What it is called in tables, the file that runs it, and the packages that it needs."""

    label: str
    module: str
    needs: tuple[str, ...] = ()


OURS, PEAK = "liuli", "peak"
_TORCH, _FLAX, _EQUINOX = "benchmarks.sides.torch", "benchmarks.sides.flax", "benchmarks.sides.equinox"

SIDES = {
    OURS: Side("liuli", "benchmarks.sides.ours"),
    "liuli-warm": Side("liuli, cache warm", "benchmarks.sides.ours"),
    "liuli-probes-16": Side("liuli, probes every 16", "benchmarks.sides.ours"),
    "liuli-probes-1": Side("liuli, probes every step", "benchmarks.sides.ours"),
    "torch-tutorial": Side("PyTorch, tutorial", _TORCH, ("torch",)),
    "torch-tuned": Side("PyTorch, tuned", _TORCH, ("torch",)),
    "torch-compiled": Side("PyTorch, compiled", _TORCH, ("torch",)),
    "keras": Side("Keras on JAX", "benchmarks.sides.keras", ("keras",)),
    "flax": Side("Flax NNX", _FLAX, ("flax", "optax")),
    "equinox": Side("Equinox", _EQUINOX, ("equinox", "optax")),
    "sklearn": Side("scikit-learn", "benchmarks.sides.sklearn", ("sklearn",)),
    PEAK: Side("matrix product", "benchmarks.sides.peak"),
}
