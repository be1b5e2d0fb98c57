"""The sides of a workload take turns, each in its own process: ours, another, the next, and from the start again."""

from __future__ import annotations

import importlib.util
import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.results import Measured
from benchmarks.sides import OURS, PEAK, SIDES, LeftOut
from benchmarks.workloads import Workload

ROOT = Path(__file__).parents[1]
PAUSE = 0.05  # seconds before a turn, in which threads of the last one go to sleep
PATIENCE = 900.0  # seconds that an answer may take
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass(frozen=True)
class Rules:
    """How many rounds count, whether turns are short, and whether seconds are those of processors."""

    rounds: int = 9
    quick: bool = False
    cpu: bool = False

    @property
    def limit(self) -> float:
        """The seconds after which a loop in Python ends its turn."""
        return 1.0 if self.quick else 5.0


def race(workload: Workload, peers: list[str], rules: Rules) -> list[Measured]:
    """Measure ours, the peers, and a matrix product where operations are known, in this order."""
    names = [OURS, *peers, *([PEAK] if workload.operations else [])]
    with tempfile.TemporaryDirectory() as cache:
        workers = [Worker(name, workload, rules, Path(cache)) for name in names]
        try:
            for worker in workers:
                worker.prepare()
            for _ in range(rules.rounds):
                for worker in workers:
                    worker.turn()
        finally:
            for worker in workers:
                worker.end()
    return [worker.measured for worker in workers]


@dataclass
class Worker:
    """A process, and what it was measured to take. One that fails is left out, with its last words."""

    side: str
    workload: Workload
    rules: Rules
    cache: Path
    process: Any = None  # subprocess.Popen, while it takes part
    measured: Measured = field(init=False)

    def __post_init__(self) -> None:
        self.measured = Measured(self.side, SIDES[self.side].label)
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed by end()

    def prepare(self) -> None:
        """Start, import, build, and make a first turn, in which everything is compiled."""
        with self._failing():
            missing = [name for name in SIDES[self.side].needs if importlib.util.find_spec(name) is None]
            if missing:
                raise LeftOut(f"{', '.join(missing)} is not installed")
            self.process = self._started()
            built, first = self._answer()["seconds"], self._ask()
            self.measured.first = (built + first["seconds"], first["steps"])

    def turn(self) -> None:
        """A round; nothing where the side is out."""
        if self.process is None:
            return
        time.sleep(PAUSE)
        with self._failing():
            said = self._ask()
            self.measured.steps.append(said["seconds"] / said["steps"])
            self.measured.memory = said["memory"]

    def end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None
        self.errors.close()

    def _started(self) -> subprocess.Popen[str]:
        words = [sys.executable, "-m", "benchmarks.worker", self.side, self.workload.name]
        words += [f"--{name}" for name in ("quick", "cpu") if getattr(self.rules, name)]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self.errors}
        return subprocess.Popen(words, cwd=ROOT, env=environment(self.workload, self.cache), text=True, **pipes)

    def _ask(self) -> dict[str, Any]:
        self.process.stdin.write(f"{self.rules.limit}\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        with selectors.DefaultSelector() as ready:
            ready.register(self.process.stdout, selectors.EVENT_READ)
            if not ready.select(PATIENCE):
                raise LeftOut(f"no answer within {PATIENCE:.0f} seconds")
        if line := self.process.stdout.readline():
            return json.loads(line)
        self.process.wait()
        self.errors.seek(0)
        words = [line.strip() for line in self.errors if line.strip()]
        raise LeftOut(words[-1] if words else f"ended with status {self.process.returncode}")

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except (LeftOut, OSError) as reason:
            self.measured.left_out = str(reason)
            if self.process is not None:
                self.process.kill()
                self.process.communicate()
                self.process = None


def environment(workload: Workload, cache: Path) -> dict[str, str]:
    """The same threads for all, before any library is imported; nothing compiled earlier."""
    ours = {"LIULI_CACHE": "off", "KERAS_BACKEND": "jax", "TORCHINDUCTOR_CACHE_DIR": str(cache)}
    ours |= dict.fromkeys(_THREADS, str(threads())) | {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    ours |= {} if workload.gpu else {"JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": ""}
    strict = ("JAX_NUMPY_DTYPE_PROMOTION", "JAX_NUMPY_RANK_PROMOTION", "JAX_COMPILATION_CACHE_DIR")
    return {name: value for name, value in os.environ.items() if name not in strict} | ours


def use(count: int) -> bool:
    """Let this process, and those that it starts, run on so many of its processors; whether that can be done here."""
    if not hasattr(os, "sched_setaffinity"):
        return False
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-count:])
    return True


def threads() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
