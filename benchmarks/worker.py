"""One side of one workload, in a process of its own: ``python -m benchmarks.worker SIDE WORKLOAD [--quick] [--cpu]``.

It reads lines from standard input, each a limit in seconds, and answers each with a line of JSON: how long a turn took,
how many steps it made, and the most memory that the process has held. The first answer says what preparing took.
Between turns it waits for its input, and for nothing else. With ``--cpu`` seconds are those of processors, not of the
clock on the wall.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.sides import PEAK, SIDES, LeftOut
from benchmarks.workloads import WORKLOADS, Workload

LEFT_OUT = 3  # the exit status of a side that says why it does not take part


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print goes with the errors
    side, name, *options = sys.argv[1:]
    workload = WORKLOADS[name].quick() if "--quick" in options else WORKLOADS[name]
    data = workload.data(workload.rows)
    clock = clock_of(workload, "--cpu" in options)
    began = clock()
    module = importlib.import_module(workload.module if workload.module and side != PEAK else SIDES[side].module)
    try:
        turn = module.start(workload, data, side)
    except LeftOut as reason:
        print(reason, file=sys.stderr)
        sys.exit(LEFT_OUT)
    print(json.dumps({"seconds": clock() - began}), file=answers)
    for line in sys.stdin:
        began = clock()
        steps = turn(float(line))
        seconds = clock() - began
        print(json.dumps({"seconds": seconds, "steps": steps, "memory": memory(workload)}), file=answers)


def clock_of(workload: Workload, cpu: bool) -> Callable[[], float]:
    """Seconds on the wall, or those that this process has used; where a step is a process, those that steps have."""
    if not cpu:
        return time.perf_counter
    return time.process_time if workload.kind != "start" else lambda: sum(os.times()[2:4])


def memory(workload: Workload) -> int:
    """The most that this process has held in memory, in bytes; where a step is a process, the most that one held.

    ``ru_maxrss`` starts with what the parent held; Linux has another count, which starts at nothing.
    """
    status = Path("/proc/self/status")
    if workload.kind == "start" or not status.exists():
        who = resource.RUSAGE_CHILDREN if workload.kind == "start" else resource.RUSAGE_SELF
        return resource.getrusage(who).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    peak = next(line for line in status.read_text("utf-8").splitlines() if line.startswith("VmHWM"))
    return int(peak.split()[1]) * 1024


if __name__ == "__main__":
    main()
