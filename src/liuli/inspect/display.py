"""How what was found is shown: as text in a terminal, as HTML in a notebook."""

from __future__ import annotations

import io

from rich.console import Console, RenderableType

_PRE = "<pre style=\"font-family:Menlo,'DejaVu Sans Mono',consolas,monospace;line-height:1.2\">{code}</pre>"


def as_text(content: RenderableType, width: int = 100) -> str:
    """What Rich makes of ``content``, without colours.

    >>> as_text("[b]glass[/b]")
    'glass'
    """
    console = Console(width=width, color_system=None, file=io.StringIO())
    with console.capture() as capture:
        console.print(content)
    return capture.get().rstrip("\n")


def as_html(content: RenderableType, width: int = 100) -> str:
    """The same for a notebook: one ``<pre>`` element."""
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(content)
    return console.export_html(inline_styles=True, code_format=_PRE)


def number(value: float) -> str:
    """A number in four digits.

    >>> number(0.25), number(123456.0), number(-0.0)
    ('0.25', '1.235e+05', '0')
    """
    return f"{value + 0.0:.4g}"
