"""What was measured, and what follows from it: medians, quartiles, ratios of rounds, the share of the peak."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.sides import OURS, PEAK

_PACKAGES = ("liuli", "jax", "jaxlib", "numpy", "optax", "torch", "keras", "flax", "equinox", "scikit-learn")


@dataclass
class Measured:
    """One side of one workload.

    first:     seconds of building and of the first turn, and the steps of that turn.
    steps:     seconds a step, one for each round.
    memory:    the most that the process held, in bytes.
    left_out:  why there are no figures.
    """

    side: str
    label: str
    first: tuple[float, int] = (0.0, 0)
    steps: list[float] = field(default_factory=list)
    memory: int = 0
    left_out: str = ""

    @property
    def there(self) -> bool:
        return bool(self.steps) and not self.left_out

    @property
    def median(self) -> float:
        return statistics.median(self.steps)

    @property
    def quartiles(self) -> tuple[float, float]:
        """The first and the third; of a single round, that one."""
        if len(self.steps) < 2:
            return self.median, self.median
        low, _, high = statistics.quantiles(self.steps, n=4, method="inclusive")
        return low, high

    @property
    def compiling(self) -> float:
        """Seconds of import, build and first turn, less what its steps take at the speed of later rounds."""
        seconds, steps = self.first
        return max(seconds - steps * self.median, 0.0)

    def ratio(self, ours: Measured) -> float:
        """The median over rounds of this side's time to that of ours in the same round."""
        return statistics.median(a / b for a, b in zip(self.steps, ours.steps, strict=True))


@dataclass
class Outcome:
    """A workload's sides, ours first; ``peak_operations`` are those of a step of the matrix product.

    Where ours is left out, there are no ratios.
    """

    name: str
    about: str
    kind: str
    batch: int
    operations: int | None
    peak_operations: int
    measured: list[Measured]

    @property
    def sides(self) -> list[Measured]:
        return [each for each in self.measured if each.side != PEAK]

    def ratios(self) -> dict[str, float]:
        """Time relative to ours by label, of all that finished."""
        ours = next(each for each in self.measured if each.side == OURS)
        if not ours.there:
            return {}
        return {each.label: each.ratio(ours) for each in self.sides if each.there and each is not ours}

    def share(self, side: Measured) -> float | None:
        """The share of the matrix product's speed, the median over rounds; None where operations are not known."""
        peak = next((each for each in self.measured if each.side == PEAK), None)
        if not self.operations or peak is None or not peak.there:
            return None
        return self.operations / self.peak_operations / side.ratio(peak)

    def as_json(self) -> dict[str, Any]:
        ratios = self.ratios()
        rows = [self._row(each, ratios) for each in self.measured]
        about = {"workload": self.name, "about": self.about, "kind": self.kind, "batch": self.batch}
        return about | {"operations_a_step": self.operations, "sides": rows}

    def _row(self, side: Measured, ratios: dict[str, float]) -> dict[str, Any]:
        head = {"side": side.side, "label": side.label}
        if not side.there:
            return head | {"left_out": side.left_out}
        return head | {
            "compile_seconds": side.compiling,
            "step_seconds": {"median": side.median, "quartiles": side.quartiles, "rounds": side.steps},
            "memory_bytes": side.memory,
            "time_to_ours": ratios.get(side.label),
            "share_of_peak": None if side.side == PEAK else self.share(side),
        }


def conditions(threads: int) -> dict[str, Any]:
    """When, on what, and with which versions."""
    return {
        "made": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "processor": processor(),
        "system": platform.platform(),
        "threads": threads,
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0,
        "python": platform.python_version(),
        "versions": {name: version for name in _PACKAGES if (version := _version(name))},
    }


def processor() -> str:
    """What the processor calls itself."""
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
