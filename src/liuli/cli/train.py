"""``liuli train``: from data to a run folder."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from liuli.cli.terminal import FAILED, INTERRUPTED, Terminal, guarded, tell
from liuli.cli.words import Language, spoken
from liuli.core.errors import LiuliError

if TYPE_CHECKING:
    from liuli.cli.folder import RunFolder
    from liuli.cli.job import Outcome, Plan
    from liuli.cli.settings import Settings

SHOWN_COLUMNS = 12  # of a table's schema


def _option(key: str, *names: str) -> Any:
    return typer.Option(*names, help=spoken(f"help.{key}"), show_default=False)


@guarded
def train(
    data: Annotated[str, typer.Argument(help=spoken("help.data"), show_default=False)],
    target: Annotated[str | None, _option("target")] = None,
    kind: Annotated[list[str] | None, _option("kind")] = None,
    network: Annotated[str | None, _option("network")] = None,
    epochs: Annotated[int | None, _option("epochs")] = None,
    batch_size: Annotated[int | None, _option("batch_size")] = None,
    optimizer: Annotated[str, typer.Option(help=spoken("help.optimizer"))] = "adam",
    learning_rate: Annotated[float | None, _option("learning_rate")] = None,
    validation: Annotated[float | None, _option("validation")] = None,
    test: Annotated[float, typer.Option(help=spoken("help.test"))] = 0.2,
    patience: Annotated[int | None, _option("patience")] = None,
    seed: Annotated[int, typer.Option(help=spoken("help.seed"))] = 0,
    probes: Annotated[bool, _option("probes", "--probes")] = False,
    out: Annotated[Path | None, _option("out")] = None,
    resume: Annotated[bool, _option("resume", "--resume")] = False,
    language: Annotated[Language | None, _option("language")] = None,
    as_json: Annotated[bool, _option("json", "--json")] = False,
    quiet: Annotated[bool, _option("quiet", "--quiet", "-q")] = False,
) -> None:
    from liuli.cli.folder import claim, tidy
    from liuli.cli.settings import Settings

    settings = Settings(
        data, target, tuple(kind or ()), network, epochs, batch_size, optimizer, learning_rate, validation, test,
        patience, seed, probes,
    )  # fmt: skip
    terminal = Terminal(language, as_json, quiet)
    folder, start = claim(out, settings, resume)
    if start == "done":
        terminal.say("run.done", folder=folder.path)
        terminal.result(folder.read() or {})
        return
    try:
        status = _train(settings, folder, start, terminal)
    finally:
        tidy(folder)
    if status != "finished":
        raise typer.Exit(INTERRUPTED if status == "interrupted" else FAILED)


def _train(settings: Settings, folder: RunFolder, start: str, terminal: Terminal) -> str:
    from liuli.cli import job

    parts = job.open_parts(settings)
    plan = job.make_plan(settings, parts)
    _show_plan(settings, plan, folder, start, terminal)
    command = settings.command("--out", str(folder.path))
    facts = job.facts_of(settings, plan, command)
    outcome = job.run(plan, folder, facts, start == "on", terminal.quiet)
    facts |= job.outcome_facts(plan, outcome)
    folder.write(facts)
    if outcome.status == "finished":
        drawn = job.write_report(plan, outcome, folder, facts, terminal.language)
        if not drawn:
            terminal.note("no.report")
    _show_outcome(settings, plan, outcome, folder, terminal)
    terminal.result({**facts, "folder": str(folder.path), "files": list(map(str, folder.files()))})
    return outcome.status


def _show_plan(settings: Settings, plan: Plan, folder: RunFolder, start: str, terminal: Terminal) -> None:
    """What was found, and what will be done."""
    from liuli.data import Table

    whole, model = plan.parts.whole, plan.model
    about = " ".join(whole.notes) if isinstance(whole, Table) else whole.about
    terminal.facts([("data", f"{settings.data}: {about}")])
    if isinstance(whole, Table):
        _show_schema(whole, terminal)
    if plan.parts.single:
        terminal.note("unstratified", name=plan.parts.single, rows=len(whole))
    layers = len(model.net.nodes) - len(model.net.inputs)
    size = {"layers": layers, "parameters": f"{model.summary().parameters:,}"}
    doing = {"epochs": plan.epochs, "batch": plan.batch_size, "optimizer": settings.optimizer, "rate": plan.rate}
    schedule = terminal.word("plan.cosine") if plan.habits.cosine else ""
    patience = terminal.word("plan.patience", patience=plan.patience) if plan.patience else ""
    terminal.facts(
        [
            ("task", _task(plan, terminal)),
            ("split", terminal.word("parts", **plan.parts.sizes())),
            ("network", terminal.word("network.size", network=plan.network, **size)),
            ("training", terminal.word("plan", **doing, schedule=schedule, patience=patience)),
            ("folder", terminal.word(f"run.{start}", folder=folder.path)),
        ]
    )


def _task(plan: Plan, terminal: Terminal) -> str:
    target: Any = plan.model.recipe.schema.target  # type: ignore[union-attr]
    classes = getattr(target, "classes", ())
    pair = {"negative": classes[0], "positive": classes[1]} if len(classes) == 2 else {"count": len(classes)}
    return terminal.word(f"task.{target.task}", target=target.name, **pair)


def _show_schema(table: Any, terminal: Terminal) -> None:
    rows = table.describe()
    shown = [*rows[:SHOWN_COLUMNS], rows[-1]] if len(rows) > SHOWN_COLUMNS + 1 else rows
    cells = [(r["name"], _kind_of(r), str(r["missing"]), r["content"]) for r in shown]
    terminal.columns(("name", "kind", "missing", "content"), cells)
    if len(shown) < len(rows):
        terminal.say("more.columns", count=len(rows) - len(shown))


def _kind_of(row: dict[str, Any]) -> str:
    return row["kind"] if row["role"] == "feature" else f"{row['kind']} ({row['role']})"


def _show_outcome(settings: Settings, plan: Plan, outcome: Outcome, folder: RunFolder, terminal: Terminal) -> None:
    """How it went, what was written, and what to type next."""
    from liuli.training.clock import worded

    ended = {"epochs": len(outcome.history), "seconds": outcome.seconds, "reason": outcome.history.stopped}
    rows = [("training", terminal.word("trained.stopped" if ended["reason"] else "trained", **ended))]
    if outcome.findings:
        part, data = plan.parts.measured
        told = terminal.word(f"part.{part}", rows=len(data))
        rows += [("measured", f"{told}: {worded(outcome.metrics)}"), *outcome.findings.lines(terminal)]
    terminal.facts(rows)
    for path in (folder.model, folder.report, folder.probes, folder.pictures):
        if path.exists():
            terminal.line("written", str(path))
    if outcome.status == "finished":
        terminal.line("next", _next(settings, folder))
    elif outcome.status == "interrupted":
        typer.echo(terminal.word("go.on", epochs=len(outcome.history)), err=True)
        typer.echo(settings.command("--out", str(folder.path), "--resume"), err=True)
    else:
        tell(_diverged(outcome), terminal.language)


def _diverged(outcome: Outcome) -> LiuliError:
    got = f"the loss {outcome.history['loss'][-1]} in epoch {len(outcome.history)}"
    return LiuliError("training", got=got, expected="a finite loss", fix="a smaller --learning-rate")


def _next(settings: Settings, folder: RunFolder) -> str:
    return shlex.join(["liuli", "predict", str(folder.model), settings.data, "-o", "predictions.csv"])
