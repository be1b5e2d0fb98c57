"""A derivation as HTML: one element with its style, or a whole page. No script, nothing from the network.

Formulas are MathML, made here; every call folds; wide formulas scroll in their own box, so that a phone shows them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

import numpy as np

from liuli.inspect.derivation.mathml import mathml
from liuli.inspect.derivation.notation import COMMANDS
from liuli.inspect.derivation.render import WHOLE, Block, Row, Sections, numbers, said, shape
from liuli.inspect.derivation.words import Language, colon, word
from liuli.inspect.display import number

Shapes = Sequence[tuple[str, tuple[int, ...]]]  # of every symbol that stands for an array

_STYLE = """
.liuli-derivation { color-scheme: light dark; line-height: 1.45; max-width: 60rem;
  font-family: system-ui, sans-serif; }
.liuli-derivation h3 { font-size: 1.05rem; margin: 1.4rem 0 .4rem; padding-bottom: .2rem;
  border-bottom: 2px solid color-mix(in srgb, currentColor 35%, transparent); }
.liuli-derivation details { margin: .5rem 0; padding-left: .6rem;
  border-left: 3px solid color-mix(in srgb, currentColor 18%, transparent); }
.liuli-derivation summary { cursor: pointer; overflow-wrap: anywhere; padding: .25rem 0; font-weight: 600; }
.liuli-derivation summary math { font-weight: 400; margin-left: .4rem; }
.liuli-derivation .line { padding: .5rem 0; border-top: 1px solid color-mix(in srgb, currentColor 12%, transparent); }
.liuli-derivation .formula { display: flex; flex-wrap: wrap; gap: .2rem 1rem; align-items: center; }
.liuli-derivation .wide { overflow: auto hidden; max-width: 100%; padding: .3rem 0; }
.liuli-derivation math { font-family: "STIX Two Math", "Cambria Math", "Latin Modern Math", "DejaVu Math TeX Gyre",
  math, serif; }
.liuli-derivation math[display="block"] { display: inline math; font-size: 1.1em; }
.liuli-derivation :is(msub, msup, munder, mover) > :nth-child(2),
.liuli-derivation :is(msubsup, munderover) > :nth-child(n + 2) { font-size: .72em; }
.liuli-derivation mover[accent] > :nth-child(2) { font-size: 1em; }
.liuli-derivation .braced { border-bottom: 2px solid color-mix(in srgb, currentColor 55%, transparent);
  padding-bottom: .12em; }
.liuli-derivation .told { display: flex; flex-wrap: wrap; gap: 0 1.4rem; }
.liuli-derivation :is(.said, .wide) { min-width: 0; max-width: 100%; }
.liuli-derivation :is(.shape, .said, .sizes) { font-size: .86rem; opacity: .85; }
.liuli-derivation :is(.shape, .sizes > span) { white-space: nowrap; font-variant-numeric: tabular-nums; }
.liuli-derivation :is(.said, .sizes) { display: flex; flex-wrap: wrap; align-items: baseline;
  gap: 0 .6rem;
  margin: .15rem 0 0 .2rem; }
.liuli-derivation .said > span:first-child { opacity: .8; }
.liuli-derivation .right, .liuli-derivation .wrong { font-weight: 700; }
.liuli-derivation .right { color: light-dark(#1a7f37, #5fd07f); }
.liuli-derivation .wrong { color: light-dark(#b3261e, #ff9d94); }
.liuli-derivation .numbers { margin: .3rem 0 0 .2rem; font-size: .9rem; }
.liuli-derivation .numbers pre { margin: 0; font-family: ui-monospace, Menlo, Consolas, monospace; }
.liuli-derivation mtd { padding: .1em .45em; text-align: right; }
.liuli-derivation footer { margin-top: 1.2rem; font-size: .86rem; opacity: .85; }
"""
_PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>:root {{ color-scheme: light dark; }} body {{ margin: 1rem; background: Canvas; color: CanvasText; }}
h1 {{ font: 600 1.3rem system-ui, sans-serif; }}</style>
</head>
<body>
<main>
<h1>{title}</h1>
{body}
</main>
</body>
</html>
"""


def as_html(found: Sections, footer: str, shapes: Shapes, language: Language) -> str:
    """One ``<div>`` with its style, for a notebook or any page."""
    parts = [f"<style>{_STYLE}</style>"]
    for heading, blocks in found:
        inside = "".join(_block(block, shapes, language) for block in blocks)
        parts.append(f"<section><h3>{escape(heading)}</h3>{inside}</section>")
    parts.append(f"<footer>{escape(footer)}</footer>")
    return f'<div class="liuli-derivation" lang="{language}">{"".join(parts)}</div>'


def as_page(body: str, language: Language) -> str:
    """A whole page, which stands alone."""
    return _PAGE.format(language=language, title=escape(word("title", language)), body=body)


def occurring(latex: str, shapes: Shapes) -> list[tuple[str, tuple[int, ...]]]:
    """The symbols of arrays in a formula, in its order, longest first where one is part of another."""
    tokens = _tokens(re.sub(r"\\(?:mathrm|operatorname|text)\{[^{}]*\}", "", latex))
    places: dict[int, tuple[str, tuple[int, ...]]] = {}
    for symbol, size in sorted(shapes, key=lambda pair: -len(pair[0])):
        own = _tokens(symbol)
        for at in range(len(tokens) - len(own) + 1):
            after = tokens[at + len(own)] if at + len(own) < len(tokens) else ""
            if tokens[at : at + len(own)] == own and after not in ("_", "'"):
                places.setdefault(at, (symbol, size))
                tokens[at : at + len(own)] = [""] * len(own)
    return list(dict.fromkeys(places[at] for at in sorted(places)))


def _tokens(latex: str) -> list[str]:
    return [token for token in re.findall(r"\\[A-Za-z]+|\\.|\d+|\S", latex) if token not in ("{", "}")]


def _block(block: Block, shapes: Shapes, language: Language) -> str:
    title, rows = block
    lines = "".join(_line(row, shapes, language) for row in rows)
    if not title.text:
        return lines
    symbols = mathml(title.symbols, block=False) if title.symbols else ""
    return f'<details open=""><summary>{escape(title.text)}{symbols}</summary>{lines}</details>'


def _line(row: Row, shapes: Shapes, language: Language) -> str:
    right = row.braced or row.right
    formula = mathml(f"{row.left} = {right}" if right else row.left)
    beside = f"{_shape(row)}{_mark(row, language)}"
    top = f'<div class="formula"><div class="wide" tabindex="0">{formula}</div>{beside}</div>'
    below = [(name, latex) for name, latex in said(row, language) if not _under(row, name, language)]
    notes = "".join(_said(name, latex, language) for name, latex in below)
    told = f'<div class="told">{notes}</div>' if notes else ""
    return f'<div class="line">{top}{told}{_sizes(row, shapes)}{_numbers(row, language)}</div>'


def _under(row: Row, name: str, language: Language) -> bool:
    """Whether this stands under a brace of the formula already."""
    least = {word("upstream gradient", language): 1, word("local derivative", language): 2}.get(name)
    return least is not None and row.braced.count(r"\underbrace") >= least


def _said(name: str, latex: str, language: Language) -> str:
    math = f'<span class="wide" tabindex="0">{mathml(latex)}</span>'
    return f'<div class="said"><span>{escape(name + colon(language).rstrip())}</span>{math}</div>'


def _shape(row: Row) -> str:
    return f'<span class="shape">{escape(shape(row.value))}</span>' if shape(row.value) else ""


def _sizes(row: Row, shapes: Shapes) -> str:
    """The shapes of all arrays in the formula."""
    found = occurring(row.right, [pair for pair in shapes if pair[0] != row.left]) if row.right else []
    each = [f"<span>{mathml(symbol, block=False)} {_times(size)}</span>" for symbol, size in found if size]
    return f'<div class="sizes">{"".join(each)}</div>' if each else ""


def _times(size: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, size))}{',' * (len(size) == 1)})"


def _mark(row: Row, language: Language) -> str:
    if row.check is None:
        return ""
    kind = "right" if row.mark() == "✓" else "wrong"
    told = escape(f"{word(kind, language)} ({number(row.check)})")
    return f'<span class="{kind}" title="{told}" role="img" aria-label="{told}">{row.mark()}</span>'


def _numbers(row: Row, language: Language) -> str:
    value = np.asarray(row.value)
    if value.size > WHOLE or value.ndim > 2 or not value.size:
        return f'<div class="numbers wide" tabindex="0"><pre>{escape(numbers(value, language))}</pre></div>'
    return f'<div class="numbers wide" tabindex="0"><math>{_matrix(value)}</math></div>'


def _matrix(value: np.ndarray) -> str:
    """A number, or a matrix in brackets."""
    if value.ndim == 0:
        return _number(float(value))
    rows = "".join(
        f"<mtr>{''.join(f'<mtd>{_number(float(v))}</mtd>' for v in row)}</mtr>" for row in np.atleast_2d(value)
    )
    return f'<mrow><mo form="prefix">[</mo><mtable>{rows}</mtable><mo form="postfix">]</mo></mrow>'


def _number(value: float) -> str:
    digits, _, power = number(value).partition("e")
    minus = "<mo>−</mo>" if digits.startswith("-") else ""
    shown = f"<mn>{escape(digits.removeprefix('-'))}</mn>"
    if power:
        shown += f"<mo>{COMMANDS['cdot']}</mo><msup><mn>10</mn><mn>{str(int(power)).replace('-', '−')}</mn></msup>"
    return f"<mrow>{minus}{shown}</mrow>"
