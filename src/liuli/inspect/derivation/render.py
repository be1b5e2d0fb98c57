"""A derivation as text, as HTML, as LaTeX: the same sections, each line with its shape and numbers."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from liuli.inspect.derivation.lines import Given, Line, Title
from liuli.inspect.derivation.notation import unicode
from liuli.inspect.derivation.words import Language, word
from liuli.inspect.display import number

_WHOLE = 16  # elements of an array that is shown whole

Row = tuple[str, str, np.ndarray]  # left-hand side, right-hand side (may be empty), number
Block = tuple[Title, list[Row]]  # the call that the rows belong to


def sections(
    given: Sequence[Given], lines: Sequence[Line], titles: dict[str, Title], language: Language
) -> Iterator[tuple[str, list[Block]]]:
    """Headings, and under each the rows of one call after the other. ``titles`` says what each call is."""
    start = [
        (titles.get(key, Title(key)), [(g.symbol, "", g.value) for g in own]) for key, own in groupby(given, _home)
    ]
    yield word("given", language), start
    for section, own in groupby(lines, lambda line: line.section):
        blocks = [
            (titles.get(node, Title(node)), [_row(line) for line in rows])
            for node, rows in groupby(own, lambda line: line.node)
        ]
        yield word(section, language), blocks


def as_text(found: Iterator[tuple[str, list[Block]]], footer: str, language: Language) -> str:
    """Readable in a terminal."""
    text: list[str] = []
    for heading, blocks in found:
        text += ["", heading, "─" * 60]
        for title, rows in blocks:
            text += [f"  {_title(title)}"] * bool(title.text)
            for left, right, value in rows:
                formula = unicode(f"{left} = {right}" if right else left)
                text.append(f"    {formula}    {_shape(value)}".rstrip())
                text += [f"        {line}" for line in numbers(value, language).splitlines()]
    return "\n".join([*text[1:], "", footer])


def as_html(found: Iterator[tuple[str, list[Block]]], footer: str, language: Language) -> str:
    """Tables for a notebook."""
    parts = []
    for heading, blocks in found:
        parts.append(f"<h4>{html.escape(heading)}</h4>")
        for title, rows in blocks:
            parts.append(f"<p><b>{html.escape(_title(title))}</b></p>" if title.text else "")
            parts.append(f"<table>{''.join(_html_row(*row, language) for row in rows)}</table>")
    return f'<div class="liuli-derivation">{"".join(parts)}<p><small>{html.escape(footer)}</small></p></div>'


def as_latex(found: Iterator[tuple[str, list[Block]]], language: Language) -> str:
    """An ``align*`` environment, for the package amsmath (Chinese words need xelatex)."""
    rows: list[str] = []
    for heading, blocks in found:
        rows.append(rf"\intertext{{\textbf{{{_plain(heading)}}}}}")
        for title, lines in blocks:
            math = f": ${title.symbols}$" if title.symbols else ""
            rows += [rf"\intertext{{{_plain(title.text)}{math}}}"] * bool(title.text)
            rows += [_latex_row(*line, language) for line in lines]
    return "\n".join([r"\begin{align*}", *rows, r"\end{align*}"])


def numbers(value: np.ndarray, language: Language) -> str:
    """An array whole where it is small, else its mean and norm."""
    value = np.asarray(value)
    if value.size <= _WHOLE:
        return np.array2string(value, formatter={"float_kind": lambda x: number(float(x))}, separator="  ")
    mean, norm = number(float(value.mean())), number(float(np.sqrt(np.square(value, dtype=np.float64).sum())))
    return f"{word('mean', language)} {mean}, {word('norm', language)} {norm}"


def _row(line: Line) -> Row:
    return line.symbol, line.expression.latex, line.value


def _title(title: Title) -> str:
    return f"{title.text}: {unicode(title.symbols)}" if title.symbols else title.text


def _home(given: Given) -> str:
    return given.path.rpartition("/")[0]


def _shape(value: Any) -> str:
    return str(np.shape(value)) if np.ndim(value) else ""


def _html_row(left: str, right: str, value: np.ndarray, language: Language) -> str:
    formula = unicode(f"{left} = {right}" if right else left)
    cells = (html.escape(formula), html.escape(_shape(value)), f"<pre>{html.escape(numbers(value, language))}</pre>")
    return "<tr>" + "".join(f'<td style="text-align:left;vertical-align:top">{cell}</td>' for cell in cells) + "</tr>"


def _latex_row(left: str, right: str, value: np.ndarray, language: Language) -> str:
    middle = f" &= {right} = " if right else " &= "
    return f"{left}{middle}{_latex_numbers(np.asarray(value), language)} \\\\"


def _latex_numbers(value: np.ndarray, language: Language) -> str:
    if value.size > _WHOLE or value.ndim > 2:
        shape = r" \times ".join(map(str, value.shape))
        return rf"\text{{{numbers(value, language) if value.size > _WHOLE else ''}}} \quad ({shape})"
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
