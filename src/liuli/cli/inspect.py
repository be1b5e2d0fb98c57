"""``liuli inspect``: what a model file holds, and with data a page of what happens inside."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from liuli.cli.terminal import Terminal, guarded
from liuli.cli.words import Language, spoken


@guarded
def inspect(
    model: Annotated[Path, typer.Argument(help=spoken("help.model"), show_default=False)],
    data: Annotated[str | None, typer.Argument(help=spoken("help.inspect.data"), show_default=False)] = None,
    out: Annotated[Path | None, typer.Option(help=spoken("help.inspect.out"), show_default=False)] = None,
    language: Annotated[Language | None, typer.Option(help=spoken("help.language"), show_default=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help=spoken("help.json"), show_default=False)] = False,
) -> None:
    import dataclasses

    from liuli.cli.folder import RunFolder
    from liuli.core.specs import plain
    from liuli.training import Model

    terminal = Terminal(language, as_json)
    if data is not None:
        terminal.result({"page": str(_page(model, data, out, terminal))})
        return
    trained = Model.load(model)
    folder = RunFolder(model.parent)
    run = (folder.read() or {}) if model.name == folder.model.name else {}
    schema = trained.recipe.schema.describe() if trained.recipe.schema else []
    if not as_json:
        _show(trained, schema, run, terminal)
    terminal.result(
        {
            "summary": dataclasses.asdict(trained.summary()),
            "spec": plain(trained.recipe),
            "dials": trained.dials,
            "schema": schema,
            "metrics": run.get("metrics"),
            "measured_on": run.get("measured_on"),
        }
    )


def _page(model: Path, data: str, out: Path | None, terminal: Terminal) -> Path:
    """Write the page, and say where it is."""
    from liuli.cli.folder import check_writable
    from liuli.cli.predict import load, refuse_inputs, tell_gaps
    from liuli.cli.rows import gaps, labelled
    from liuli.report import write_inspection

    path = model.parent / "inspection.html" if out is None else out
    refuse_inputs(str(path), model, data, "--out", "inside.html")
    trained = load(model)
    check_writable(path.parent)
    rows, targets, left_out = labelled(data, trained.recipe.schema)
    tell_gaps(gaps(rows, trained.recipe.schema), terminal)
    if left_out:
        terminal.note("left.out", count=left_out)
    name = f"{model.stem}, {Path(data).stem}"
    write_inspection(path, trained, rows, targets, name=name, language=terminal.language)
    terminal.line("written", str(path))
    return path


def _show(trained: Any, schema: list[dict[str, str]], run: dict[str, Any], terminal: Terminal) -> None:
    recipe = trained.recipe
    terminal.show(trained.summary())
    terminal.facts(
        [
            ("network", repr(trained.net)),
            ("loss", ", ".join(repr(output.loss) for output in recipe.outputs)),
            ("optimizer", repr(recipe.optimizer)),
        ]
    )
    terminal.columns(("dial", "value"), [(name, f"{value:g}") for name, value in trained.dials.items()])
    terminal.columns(("name", "kind", "content"), [(row["name"], row["kind"], row["content"]) for row in schema])
    if run.get("metrics"):
        told = "  ".join(f"{name} {value:.6g}" for name, value in run["metrics"].items() if value is not None)
        part = run["measured_on"]
        rows = run["split"]["train" if part == "training" else part]
        terminal.facts([("measured", f"{terminal.word(f'part.{part}', rows=rows)}: {told}")])
    else:
        terminal.say("metrics.unknown")
