"""``liuli inspect``: what a model file holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from liuli.cli.terminal import Terminal, guarded
from liuli.cli.words import Language, spoken


@guarded
def inspect(
    model: Annotated[Path, typer.Argument(help=spoken("help.model"), show_default=False)],
    language: Annotated[Language | None, typer.Option(help=spoken("help.language"), show_default=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help=spoken("help.json"), show_default=False)] = False,
) -> None:
    import dataclasses

    from liuli.cli.folder import RunFolder
    from liuli.core.specs import plain
    from liuli.training import Model

    terminal = Terminal(language, as_json)
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
