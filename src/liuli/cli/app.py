"""The application: its commands, and what holds for all of them."""

from __future__ import annotations

from typing import Annotated

import typer

from liuli.cli.evaluate import evaluate
from liuli.cli.inspect import inspect
from liuli.cli.predict import predict
from liuli.cli.terminal import version
from liuli.cli.train import train
from liuli.cli.words import spoken

app = typer.Typer(
    help=spoken("help.liuli"),
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
)
for command in (train, predict, evaluate, inspect):
    app.command(help=spoken(f"help.{command.__name__}"), no_args_is_help=True)(command)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"liuli {version()}")
        raise typer.Exit


@app.callback()
def everything(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help=spoken("help.version"))
    ] = False,
) -> None:
    """What stands before the name of a command."""
