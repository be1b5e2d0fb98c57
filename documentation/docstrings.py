"""Docstrings taken apart: a head of equations and sentences, fields, taps, errors, references, an example.

A docstring of this library reads

    equation            shapes
                                            (blank)
    sentences
                                            (blank)
    Taps: ...        Reference: ...
                                            (blank)
    field:  what it does
    other, another:  what both do
                                            (blank)
    Raises:
        ErrorClass: when.

    Example:
        >>> ...
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from dataclasses import dataclass

_FIELD = re.compile(r"^(\w+(?:,? \w+)*):(?:\s+(.*))?$")
_LABELLED = re.compile(r"^(Taps|Taps, [^:]*|Reference|References|Source):\s*(.*)$", re.DOTALL)


@dataclass(frozen=True)
class Docstring:
    """The parts of a docstring.

    equation:  the first paragraph.
    prose:     the paragraphs after it.
    labelled:  taps, references: (label, text).
    fields:    (names, text); after fields also what is said of others, as in "Keywords of every optimizer: ...".
    raises:    the lines of the errors.
    example:   the lines of the example, as typed.
    """

    equation: str
    prose: tuple[str, ...]
    labelled: tuple[tuple[str, str], ...]
    fields: tuple[tuple[str, str], ...]
    raises: tuple[str, ...]
    example: str


def parse(doc: str, names: Sequence[str] = ()) -> Docstring:
    """``doc`` taken apart; ``names`` are the fields or parameters that it may explain.

    >>> parse("y = a x\\n\\na:  the slope.", ["a"]).fields
    (('a', 'the slope.'),)
    """
    first, *others = re.split(r"\n\s*\n", inspect.cleandoc(doc))
    prose, labelled, fields, raises, example = [], [], [], [], []
    for paragraph in others:
        if paragraph.startswith(("Example", ">>>")):
            example.append(inspect.cleandoc(paragraph.removeprefix("Examples:").removeprefix("Example:")))
        elif paragraph.startswith("Raises:"):
            raises = _items(inspect.cleandoc(paragraph.removeprefix("Raises:")))
        elif example:
            example.append(inspect.cleandoc(paragraph))
        elif found := _LABELLED.match(paragraph):
            labelled.append((found[1], _flowing(found[2])))
        elif explained := _fields(paragraph, names):
            fields += explained
        else:
            prose.append(paragraph)
    return Docstring(first, tuple(prose), tuple(labelled), tuple(fields), tuple(raises), "\n\n".join(example).strip())


def _fields(paragraph: str, names: Sequence[str]) -> list[tuple[str, str]]:
    """The fields that a paragraph explains, or none where it explains none."""
    found: list[tuple[str, str]] = []
    for line in paragraph.splitlines():
        match = _FIELD.match(line)
        if match and (found or any(name.strip() in names for name in match[1].split(","))):
            found.append((match[1], match[2] or ""))
        elif found and line.startswith(" "):
            found[-1] = (found[-1][0], f"{found[-1][1]} {line.strip()}".strip())
        else:
            return []
    return found


def _items(text: str) -> list[str]:
    """Lines that begin at the margin, each with the indented lines that follow it."""
    items: list[str] = []
    for line in text.splitlines():
        if line.startswith(" ") and items:
            items[-1] += f" {line.strip()}"
        else:
            items.append(line)
    return items


def _flowing(text: str) -> str:
    return " ".join(line.strip() for line in text.splitlines())
