"""``python -m benchmarks`` measures everything, ``python -m benchmarks lstm mlp`` what is named; see ``--help``."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from rich.console import Console

from benchmarks import report
from benchmarks.race import Rules, race, threads, use
from benchmarks.results import Outcome, conditions
from benchmarks.sides import SIDES, peak
from benchmarks.workloads import WORKLOADS, Workload

TABLES = "tables"  # a comparison of what is learned, not of speed: benchmarks/tables.py
WIDTH = 120  # of a table in a file
NO_GPU = "No GPU is there for both JAX and PyTorch: install jax[cuda12] and a PyTorch with CUDA, on a machine with one."


def main(words: list[str] | None = None) -> None:
    asked = parser().parse_args(words)
    if asked.gpu and not gpu_there():
        sys.exit(NO_GPU)
    names = asked.names or every(asked.gpu, asked.quick)
    if unknown := [name for name in names if name not in {*WORKLOADS, TABLES}]:
        sys.exit(f"No benchmark is called {unknown[0]!r}; there are: {', '.join([*WORKLOADS, TABLES])}.")
    wanted = asked.peers.split(",") if asked.peers else list(SIDES)
    if unknown := [name for name in wanted if not any(side.startswith(name) for side in SIDES)]:
        sys.exit(f"No peer is called {unknown[0]!r}; there are: {', '.join(SIDES)}, and torch for all of PyTorch.")
    if asked.threads and not use(asked.threads):
        sys.exit("--threads: this system does not say which processors a process may use; leave it out.")
    out, rules = asked.out, Rules(asked.rounds or (3 if asked.quick else 9), asked.quick, asked.cpu)
    measure([WORKLOADS[name] for name in names if name != TABLES], wanted, rules, out, asked.json)
    if TABLES in names:
        importlib.import_module("benchmarks.tables").main()


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser("python -m benchmarks", description="Speed of liuli beside other libraries.")
    made.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join([*WORKLOADS, TABLES])}")
    made.add_argument("--rounds", type=int, help="turns of each side that count (9; 3 with --quick)")
    made.add_argument("--peers", help="who takes part beside liuli: torch,keras,flax,equinox,sklearn")
    made.add_argument("--quick", action="store_true", help="shorter turns, fewer rounds, rough figures")
    made.add_argument("--gpu", action="store_true", help="the workloads of GPU size")
    made.add_argument("--threads", type=int, metavar="N", help="processors to use (all)")
    made.add_argument("--cpu", action="store_true", help="processor seconds; with --threads 1, for a busy machine")
    made.add_argument("--out", type=Path, metavar="DIR", default=Path("build/benchmarks"), help="where results go")
    made.add_argument("--json", type=Path, metavar="FILE", help="another place for results.json")
    return made


def every(gpu: bool, quick: bool) -> list[str]:
    """The names of a whole run."""
    names = [name for name, workload in WORKLOADS.items() if workload.gpu == gpu]
    return names if gpu or quick else [*names, TABLES]


def measure(workloads: list[Workload], wanted: list[str], rules: Rules, out: Path, file: Path | None) -> None:
    """Print a table as each workload is done, and write what there is so far."""
    console, outcomes, about = Console(), [], conditions(threads())
    console = console if console.is_terminal else Console(width=WIDTH)
    about |= {"rounds": rules.rounds, "quick": rules.quick, "clock": "processor" if rules.cpu else "wall"}
    machine = f"{about['processor']}, threads: {about['threads']}" + (", processor seconds" if rules.cpu else "")
    console.print(f"{machine}, rounds: {rules.rounds}", highlight=False)
    if about["load"] > 0.3 * about["threads"] and not rules.cpu:
        console.print(f"The machine is busy (load {about['load']:.1f}): these figures will not be fair.")
    for workload in workloads:
        outcomes.append(outcome_of(workload, wanted, rules))
        console.print(report.table(outcomes[-1]), highlight=False)
        report.write_json(file or out / "results.json", about, outcomes)
        report.draw(out / "results.png", outcomes, machine)
    for line in report.slower(outcomes):
        console.print(line, highlight=False)
    if outcomes:
        console.print(f"Written: {file or out / 'results.json'}, {out / 'results.png'}", highlight=False)


def outcome_of(workload: Workload, wanted: list[str], rules: Rules) -> Outcome:
    peers = [side for side in workload.peers if any(side.startswith(name) for name in wanted)]
    measured = race(workload, peers, rules)
    operations = peak.operations(workload)
    return Outcome(
        workload.name, workload.about, workload.kind, workload.batch, workload.operations, operations, measured
    )


def gpu_there() -> bool:
    """Whether both JAX and PyTorch have one."""
    import jax

    try:
        import torch
    except ModuleNotFoundError:
        return False
    return jax.default_backend() == "gpu" and torch.cuda.is_available()


if __name__ == "__main__":
    main()
