"""``liuli predict``: a prediction for each raw row."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from liuli.cli.terminal import Terminal, guarded
from liuli.cli.words import Language, spoken
from liuli.core.errors import FileError

if TYPE_CHECKING:
    import numpy as np

    from liuli.cli.rows import Gap
    from liuli.data import Preprocessing

SHOWN_GAPS = 8  # columns with values that are filled in


@guarded
def predict(
    model: Annotated[Path, typer.Argument(help=spoken("help.model"), show_default=False)],
    data: Annotated[str, typer.Argument(help=spoken("help.data"), show_default=False)],
    out: Annotated[str, typer.Option("--out", "-o", help=spoken("help.out.csv"))] = "-",
    language: Annotated[Language | None, typer.Option(help=spoken("help.language"), show_default=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help=spoken("help.json"), show_default=False)] = False,
) -> None:
    from liuli.cli.rows import gaps, unlabelled
    from liuli.core.files import write_whole

    terminal = Terminal(language, as_json)
    refuse_inputs(out, model, data)
    trained = load(model)
    schema = trained.recipe.schema
    rows, names = unlabelled(data, schema)
    table = _table(schema, trained.predict(rows), names)
    found = gaps(rows, schema)
    tell_gaps(found, terminal)
    count = len(table) - 1
    if out != "-":
        write_whole(out, _csv(table))
        terminal.note("predicted", rows=count, path=out)
    elif not as_json:
        typer.echo(_csv(table), nl=False)
    predictions = {} if out != "-" else {"predictions": [dict(zip(table[0], row, strict=True)) for row in table[1:]]}
    filled = [gap._asdict() for gap in found]
    terminal.result({"rows": count, "columns": table[0], "out": out, "filled_in": filled, **predictions})


def load(path: Path) -> Any:
    """The model, which must know its data.

    Raises:
        FileError: it cannot be read, or was made without a schema.
    """
    from liuli.training import Model

    model = Model.load(path)
    if model.recipe.schema is None:
        fix = "give Model a schema (ll.data.fit_schema), or use it from Python"
        raise FileError(str(path), got="a model without a data schema", expected="one that knows its data", fix=fix)
    return model


def tell_gaps(found: list[Gap], terminal: Terminal) -> None:
    """Say on the standard error what is filled in, and how: unknown categories first, and not more than a screenful."""
    ordered = sorted(found, key=lambda gap: not gap.examples)
    for gap in ordered[:SHOWN_GAPS]:
        words = {"name": gap.name, "count": gap.count, "rule": terminal.word(f"rule.{gap.rule}")}
        if gap.examples:
            terminal.note("unknown.cells", **words, examples=", ".join(gap.examples))
        else:
            terminal.note("missing.cells", **words)
    if rest := ordered[SHOWN_GAPS:]:
        terminal.note("more.cells", columns=len(rest), count=sum(gap.count for gap in rest))


def refuse_inputs(out: str, model: Path, data: str, option: str = "-o", such: str = "predictions.csv") -> None:
    """Raise FileError where the result would be written over what it is made from; ``such`` would be a good name."""
    for source in (model, Path(data)):
        if out != "-" and source.exists() and Path(out).exists() and Path(out).samefile(source):
            raise FileError(out, got="one of the inputs", expected="another file to write to", fix=f"{option} {such}")
    if Path(out).is_dir():
        raise FileError(out, got="a folder", expected="a file to write to", fix=f"{option} {Path(out) / such}")


def _table(schema: Preprocessing, predictions: np.ndarray, names: list[str]) -> list[list[Any]]:
    """A header and a line for each row."""
    from liuli.cli.findings import probabilities
    from liuli.data import ClassTarget

    if isinstance(schema.target, ClassTarget):
        header = ["prediction", *(f"probability {name}" for name in schema.target.classes)]
        each = probabilities(predictions)
        lines = [[schema.target.classes[row.argmax()], *map(float, row)] for row in each]
    else:
        width = predictions.shape[1]
        header = ["prediction"] if width == 1 else [f"prediction {i + 1}" for i in range(width)]
        lines = [list(map(float, row)) for row in predictions]
    if names:
        header, lines = ["file", *header], [[name, *line] for name, line in zip(names, lines, strict=True)]
    return [header, *lines]


def _csv(table: list[list[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([f"{cell:.9g}" if isinstance(cell, float) else cell for cell in line] for line in table)
    return text.getvalue()
