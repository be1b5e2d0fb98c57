"""What the figures have in common: colours, quiet axes, names that are short and plain."""

from __future__ import annotations

import base64
import html
import io
from typing import Any
from unicodedata import east_asian_width

import numpy as np

from liuli.core.extras import require

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Colours that are told apart with colour-vision deficiency too (Okabe and Ito, *Color Universal Design*, 2008)."""

BLUE, ORANGE, GREEN = PALETTE[:3]
GREY, PALE = "#595959", "#DCE9F2"

RC = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "figure.facecolor": "white",
    "text.parse_math": False,
}
"""Matplotlib's settings while pages are drawn."""


def axis(ax: Any) -> Any:
    """The axis that was given, or a new one."""
    return ax if ax is not None else require("matplotlib.pyplot", extra="plot").subplots()[1]


def logarithmic(ax: Any) -> None:
    """Make the y axis logarithmic, with plain numbers at powers of ten, since pages write no formulas into figures."""
    ax.set_yscale("log")
    ticker = require("matplotlib.ticker", extra="plot")
    ax.yaxis.set_major_locator(ticker.LogLocator(numticks=6))
    ax.yaxis.set_major_formatter(ticker.FormatStrFormatter("%g"))
    low, high = ax.get_ylim()
    within = ticker.NullFormatter() if high > 20 * low else ticker.FormatStrFormatter("%.2g")
    ax.yaxis.set_minor_formatter(within)


def new_figure(width: float, height: float) -> Any:
    """An empty figure of so many inches, which belongs to no window."""
    return require("matplotlib.figure", extra="plot").Figure((width, height), layout="constrained")


def as_image(figure: Any, label: str) -> str:
    """A figure as an ``img`` element, for a notebook; ``label`` says what it shows."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg")
    source = base64.b64encode(buffer.getvalue()).decode()
    return f'<img src="data:image/svg+xml;base64,{source}" alt="{html.escape(label)}" style="max-width:100%">'


def wide(text: str) -> int:
    """How wide a text is, in Latin letters: a Chinese character is as wide as two.

    >>> wide("ab"), wide("琉璃")
    (2, 4)
    """
    return sum(2 if east_asian_width(c) in "WF" else 1 for c in text)


def short(name: Any, most: int = 16) -> str:
    """A name on one line, as wide as ``most`` Latin letters at most.

    >>> short("a name\\nthat is very long", 12), short("很长的名字", 7)
    ('a name that…', '很长的…')
    """
    line = " ".join(c for c in str(name).split() if c.isprintable())
    return line if wide(line) <= most else _head(line, most - 1) + "…"


def wrapped(text: str, most: int) -> str:
    """A text on one line or two, each as wide as ``most`` Latin letters at most.

    >>> wrapped("seven, and not one", 12)
    'seven, and\\nnot one'
    """
    line = short(text, 2 * most)
    first = _head(line, most)
    if first == line:
        return line
    if line[len(first)] != " " and " " in first:
        first = first[: first.rindex(" ")]
    return f"{first.rstrip()}\n{short(line[len(first) :], most)}"


def edges(values: np.ndarray, most: int = 40) -> np.ndarray:
    """The edges of about sqrt(n) bins of equal width, at least 8, that hold all ``values``.

    >>> edges(np.array([0.0, 8.0])).tolist()
    [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]
    """
    least, largest = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    if largest - least <= 1e-9 * max(abs(least), abs(largest), 1e-300):  # all alike
        width = abs(least) / 100 or 0.5
        least, largest = least - width, largest + width
    return np.linspace(least, largest, min(most, max(8, round(len(values) ** 0.5))) + 1)


def _head(text: str, most: int) -> str:
    """The beginning of a text, as wide as ``most`` Latin letters at most."""
    head = text[:most]
    while wide(head) > most:
        head = head[:-1]
    return head


def finite(values: Any) -> np.ndarray:
    """The finite ones among ``values``, flat, as float64."""
    flat = np.asarray(values).astype(np.float64).reshape(-1)
    return flat[np.isfinite(flat)]
