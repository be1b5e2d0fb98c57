"""How commands talk: to people on the standard output, of problems on the standard error, to machines in JSON."""

from __future__ import annotations

import functools
import importlib.metadata
import json
import math
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import typer
from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from liuli.cli.words import WORDS, Language, language_of, spoken
from liuli.core.errors import FileError, LiuliError

FAILED, USAGE, FILE, INTERRUPTED = 1, 2, 3, 130
_LABEL = 11  # cells that a label takes

F = TypeVar("F", bound=Callable[..., None])


class Terminal:
    """The two streams of a command. People read the standard output, unless a JSON object is asked for there: then
    they read the standard error, and nothing at all where ``quiet``."""

    def __init__(self, language: Language | None = None, as_json: bool = False, quiet: bool = False) -> None:
        self.language: Language = language_of(language)
        self.as_json, self.quiet = as_json, quiet
        self.out = Console(file=sys.stderr if as_json else sys.stdout, highlight=False, emoji=False, quiet=quiet)

    def word(self, key: str, **values: Any) -> str:
        """The words of ``key`` in the language of this terminal."""
        return spoken(key, self.language, **values)

    def say(self, key: str, **values: Any) -> None:
        """A line for people."""
        self.out.print(Text(self.word(key, **values)))

    def note(self, key: str, **values: Any) -> None:
        """A line beside the result: on the standard error."""
        if not self.quiet:
            Console(file=sys.stderr, highlight=False, emoji=False).print(Text(self.word(key, **values)))

    def line(self, key: str, text: str) -> None:
        """A labelled line that is never broken, so that it can be copied: a path, a command."""
        label = self.word(key)
        self.out.print(Text.assemble((label, "bold"), " " * (_LABEL + 2 - cell_len(label)), text), soft_wrap=True)

    def show(self, thing: RenderableType) -> None:
        """A table, or anything else that Rich can print."""
        self.out.print(thing)

    def facts(self, rows: Iterable[tuple[str, str]]) -> None:
        """Aligned lines: a label, and what there is to say of it."""
        grid = Table.grid(padding=(0, 2))
        grid.add_column(no_wrap=True, style="bold", min_width=_LABEL)
        grid.add_column(overflow="fold")
        for key, text in rows:
            grid.add_row(Text(self.word(key) if key in WORDS else key), Text(text))
        self.out.print(grid)

    def columns(self, names: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """A small table without a frame."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in names:
            table.add_column(self.word(name), overflow="fold")
        for row in rows:
            table.add_row(*map(Text, row))
        self.out.print(table)

    def result(self, found: dict[str, Any]) -> None:
        """The one JSON object that machines read, where it was asked for."""
        if self.as_json:
            typer.echo(json.dumps(finite(found), ensure_ascii=False))


def guarded(command: F) -> F:
    """The command, whose errors become one message on the standard error and an exit code."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        language = language_of(kwargs.get("language"))
        try:
            command(*args, **kwargs)
        except typer.Exit:
            raise
        except LiuliError as error:
            tell(error, language)
            raise typer.Exit(FILE if isinstance(error, FileError) else USAGE) from None
        except KeyboardInterrupt:
            typer.echo(spoken("interrupted", language), err=True)
            raise typer.Exit(INTERRUPTED) from None
        except OSError as error:
            where, why = str(error.filename or ""), error.strerror or str(error)
            tell(
                FileError(where, got=why, expected="files that can be read and written", fix="another folder"), language
            )
            raise typer.Exit(FILE) from None
        except Exception as error:
            _confess(error, language)
            raise typer.Exit(FAILED) from None

    return run  # type: ignore[return-value]


def version() -> str:
    """The version of the installed package."""
    try:
        return importlib.metadata.version("liuli")
    except importlib.metadata.PackageNotFoundError:
        return "(not installed)"


def finite(value: Any) -> Any:
    """``value`` with null for numbers that JSON cannot hold."""
    if isinstance(value, dict):
        return {name: finite(v) for name, v in value.items()}
    if isinstance(value, list | tuple):
        return [finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def tell(error: LiuliError, language: Language) -> None:
    """What is wrong, in the words of the command line. Where a path is long the terminal breaks it, nothing else."""
    where = f"{error.where}: " if error.where else ""
    text = spoken("error", language, where=where, got=error.got, expected=error.expected, fix=error.fix)
    for written, typed in _TYPED:
        text = written.sub(typed, text)
    typer.echo(text, err=True)


def _confess(error: Exception, language: Language) -> None:
    if os.environ.get("LIULI_DEBUG") == "1":
        typer.echo("".join(traceback.format_exception(error)), err=True)
    reason = (str(error).splitlines() or [""])[0][:300]
    typer.echo(spoken("fault", language, kind=type(error).__name__, reason=reason), err=True)


_TYPED = [  # what is written in Python, and what is typed here instead
    (re.compile(r'kinds=\{"(.*?)": "(\w+)"\}'), r'--kind "\1=\2"'),
    (re.compile(r"\bbatch_size="), "--batch-size "),
    (re.compile(r"\bbatch_size\b"), "--batch-size"),
    (re.compile(r'write read_images\(folder, size=[^)]*\)\) to resize'), "resize the images"),
    (re.compile(r"ll\.data\.read(_images)?\(\S*\)"), "a table"),
]  # fmt: skip
