"""``liuli evaluate``: loss and metrics on data with targets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from liuli.cli.predict import load, tell_gaps
from liuli.cli.terminal import Terminal, guarded
from liuli.cli.words import Language, spoken


@guarded
def evaluate(
    model: Annotated[Path, typer.Argument(help=spoken("help.model"), show_default=False)],
    data: Annotated[str, typer.Argument(help=spoken("help.data"), show_default=False)],
    language: Annotated[Language | None, typer.Option(help=spoken("help.language"), show_default=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help=spoken("help.json"), show_default=False)] = False,
) -> None:
    from liuli.cli.rows import gaps, labelled

    terminal = Terminal(language, as_json)
    trained = load(model)
    rows, targets, left_out = labelled(data, trained.recipe.schema)
    metrics = trained.evaluate(rows, targets)
    count = len(rows) if targets is None else len(targets)
    found = gaps(rows, trained.recipe.schema)
    tell_gaps(found, terminal)
    if left_out:
        terminal.note("left.out", count=left_out)
    terminal.facts([("rows", str(count)), *((name, f"{value:.6g}") for name, value in metrics.items())])
    filled = [gap._asdict() for gap in found]
    terminal.result({"rows": count, "left_out": left_out, "metrics": metrics, "filled_in": filled})
