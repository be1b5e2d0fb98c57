"""The figures of a training that goes on, in words: losses, samples a second, time left."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from liuli.training.callbacks.base import Logs

if TYPE_CHECKING:
    from liuli.training.run import Run


class Clock:
    """Samples a second and time left, from the epochs done since the first call, which also compiled."""

    def start(self, run: Run) -> None:
        self.marks = [(time.perf_counter(), float(run.epoch))]

    def words(self, run: Run, epochs: float) -> str:
        """``12.3k samples/s, 0:05 left``."""
        now = time.perf_counter()
        began, first = next((mark for mark in reversed(self.marks) if mark[1] < epochs), self.marks[0])
        if len(self.marks) == 1:
            self.marks.append((now, epochs))
        seconds, done = now - began, epochs - first
        if done <= 0 or seconds <= 0:
            return ""
        left = seconds / done * (run.epochs - epochs)
        return f"{_short(done * run.rows / seconds)} samples/s, {duration(left)} left"


def worded(logs: Logs) -> str:
    """``loss 0.1234  accuracy 0.9812``."""
    return "  ".join(
        f"{name} {value:.4f}" if 1e-3 <= abs(value) < 1e5 or value == 0 else f"{name} {value:.3e}"
        for name, value in logs.items()
    )


def duration(seconds: float) -> str:
    """``0:05``, ``12:34``, ``1:02:03``.

    >>> duration(5), duration(3723)
    ('0:05', '1:02:03')
    """
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"


def _short(number: float) -> str:
    for prefix in ("", "k", "M", "G"):
        if number < 1000 or prefix == "G":
            return f"{number:.3g}{prefix}"
        number /= 1000
    return ""
