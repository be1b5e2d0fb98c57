"""A derivation as text and as LaTeX: sections, calls, each line with its shape, reading, check and numbers.

``page`` makes HTML of the same rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from liuli.inspect.derivation.lines import Given, Line, Title
from liuli.inspect.derivation.notation import unicode
from liuli.inspect.derivation.reading import Reading, braced, gradients_in, readings
from liuli.inspect.derivation.words import Language, colon, word
from liuli.inspect.display import number

WHOLE = 16  # elements of an array that is shown whole
CLOSE = 1e-4  # the relative difference up to which a line is ticked: that of sums in float32


@dataclass(frozen=True)
class Row:
    """One line: its sides in LaTeX, its number, what is said of it, and how far it is from the traced number.

    where:   what letters stand for, each with the summand in which they do, or the gradient in it.
    braced:  the right-hand side with braces under its factors.
    check:   None for what is given.
    """

    left: str
    right: str
    value: np.ndarray
    where: Sequence[tuple[str, str]] = ()
    readings: Sequence[Reading] = ()
    braced: str = ""
    check: float | None = None

    @property
    def formula(self) -> str:
        """Both sides."""
        return f"{self.left} = {self.right}" if self.right else self.left

    def mark(self) -> str:
        """A tick where the line is right, else the difference."""
        if self.check is None:
            return ""
        return "✓" if self.check <= CLOSE else f"✗ {number(self.check)}"


Block = tuple[Title, list[Row]]  # the call that the rows belong to
Sections = Iterator[tuple[str, list[Block]]]


def sections(
    given: Sequence[Given], lines: Sequence[tuple[Line, float]], titles: dict[str, Title], language: Language
) -> Sections:
    """Headings, and under each the rows of one call after the other.

    lines:   each with its relative difference from the trace.
    titles:  what each call is.
    """
    start = [
        (titles.get(key, Title(key)), [Row(g.symbol, "", g.value) for g in own]) for key, own in groupby(given, _home)
    ]
    yield word("given", language), start
    for section, own in groupby(lines, lambda pair: pair[0].section):
        blocks = [
            (titles.get(node, Title(node)), [_row(*pair, language) for pair in rows])
            for node, rows in groupby(own, lambda pair: pair[0].node)
        ]
        yield word(section, language), blocks


def as_text(found: Sections, footer: str, language: Language) -> str:
    """Readable in a terminal."""
    text: list[str] = []
    for heading, blocks in found:
        text += ["", heading, "─" * 60]
        for title, rows in blocks:
            text += [f"  {titled(title)}"] * bool(title.text)
            for row in rows:
                text += _text_row(row, language)
    return "\n".join([*text[1:], "", footer])


def as_latex(found: Sections, language: Language) -> str:
    """An ``align*`` environment, for the package amsmath (Chinese words need xelatex)."""
    rows: list[str] = []
    for heading, blocks in found:
        rows.append(rf"\intertext{{\textbf{{{_plain(heading)}}}}}")
        for title, lines in blocks:
            math = f": ${title.symbols}$" if title.symbols else ""
            rows += [rf"\intertext{{{_plain(title.text)}{math}}}"] * bool(title.text)
            rows += [_latex_row(row, language) for row in lines]
    return "\n".join([r"\begin{align*}", *rows, r"\end{align*}"])


def numbers(value: np.ndarray, language: Language) -> str:
    """An array whole where it is small, else its mean and norm."""
    value = np.asarray(value)
    if value.size <= WHOLE:
        shown = np.array2string(value, formatter={"float_kind": lambda x: number(float(x))}, separator="  ")
        return re.sub(r"\n\s*\n", "\n", shown)
    mean, norm = number(float(value.mean())), number(float(np.sqrt(np.square(value, dtype=np.float64).sum())))
    return f"{word('mean', language)} {mean}, {word('norm', language)} {norm}"


def titled(title: Title) -> str:
    """What a call is, in one line."""
    return f"{title.text}: {unicode(title.symbols)}" if title.symbols else title.text


def said(row: Row, language: Language) -> list[tuple[str, str]]:
    """What is said below a formula: words, each with a formula in LaTeX."""
    found = []
    for reading in row.readings:
        if not reading.upstream:
            found.append((word("local derivative", language), reading.local))
            continue
        found.append((word("upstream gradient", language), r", \quad ".join(reading.upstream)))
        if reading.local:
            sign = ": " if reading.map else " = "
            found.append((word("local derivative", language), f"{reading.name}{sign}{reading.local}"))
    return [*found, *((word("where", language), f"{_within(term)}{where}") for term, where in row.where)]


def shape(value: Any) -> str:
    """The shape of an array; nothing for a number."""
    return str(np.shape(value)) if np.ndim(value) else ""


def _row(line: Line, error: float, language: Language) -> Row:
    right, where = line.expression.latex, _definitions(line)
    return Row(line.symbol, right, line.value, where, readings(line), braced(line, word("upstream", language)), error)


def _definitions(line: Line) -> list[tuple[str, str]]:
    terms = [term for term in line.expression.terms if term.where]
    if len({term.where for term in terms}) > 1:
        return [(next(iter(gradients_in(term.latex)), term.latex), term.where) for term in terms]
    return [("", line.expression.where)] if line.expression.where else []


def _within(term: str) -> str:
    return rf"{term}: \; " if term else ""


def _home(given: Given) -> str:
    return given.path.rpartition("/")[0]


def _text_row(row: Row, language: Language) -> list[str]:
    beside = "    ".join(part for part in (unicode(row.formula), shape(row.value), row.mark()) if part)
    below = [f"        {name}{colon(language)}{unicode(latex)}" for name, latex in _in_pairs(row, language)]
    return [f"    {beside}", *below, *(f"        {line}" for line in numbers(row.value, language).splitlines())]


def _in_pairs(row: Row, language: Language) -> list[tuple[str, str]]:
    """What is said, an upstream gradient and the local derivative that it meets in one line."""
    found: list[tuple[str, str]] = []
    local, upstream = word("local derivative", language), word("upstream gradient", language)
    for name, latex in said(row, language):
        if name == local and found and found[-1][0] == upstream:
            before, above = found.pop()
            comma = "，" if language == "zh" else ", "
            found.append((before, rf"{above}\text{{{comma}{name}{colon(language)}}}{latex}"))
        else:
            found.append((name, latex))
    return found


def _latex_row(row: Row, language: Language) -> str:
    right = row.braced or row.right
    middle = f" &= {right} = " if right else " &= "
    told = r", \quad ".join(f"{_within(term)}{where}" for term, where in row.where)
    where = rf" \quad \text{{{word('where', language)} }} {told}" if told else ""
    return f"{row.left}{middle}{_latex_numbers(np.asarray(row.value), language)}{where} \\\\"


def _latex_numbers(value: np.ndarray, language: Language) -> str:
    if value.size > WHOLE or value.ndim > 2:
        sizes = r" \times ".join(map(str, value.shape))
        return rf"\text{{{numbers(value, language) if value.size > WHOLE else ''}}} \quad ({sizes})"
    if value.ndim == 0:
        return _latex_number(float(value))
    rows = r" \\ ".join(" & ".join(_latex_number(float(v)) for v in row) for row in np.atleast_2d(value))
    return rf"\begin{{bmatrix}} {rows} \end{{bmatrix}}"


def _latex_number(value: float) -> str:
    digits, _, power = number(value).partition("e")
    return rf"{digits} \cdot 10^{{{int(power)}}}" if power else digits


def _plain(text: str) -> str:
    for character in "\\{}_%&#$^~":
        text = text.replace(character, _ESCAPES.get(character, f"\\{character}"))
    return text


_ESCAPES = {"\\": "/", "^": "", "~": " "}
