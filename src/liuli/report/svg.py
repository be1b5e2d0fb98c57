"""Figures as SVG inside a page, and as PNG. Text stays text, in the reader's fonts."""

from __future__ import annotations

import io
import re
import warnings
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from liuli.core.extras import require
from liuli.core.figures import RC
from liuli.report.html import Html, join, tag

CHINESE = (
    "Noto Sans CJK SC", "Noto Sans SC", "Noto Sans CJK JP", "Source Han Sans SC", "Source Han Sans CN",
    "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Droid Sans Fallback", "Microsoft YaHei", "SimHei", "SimSun",
    "PingFang SC", "PingFang HK", "Hiragino Sans GB", "Heiti SC", "Heiti TC", "STHeiti", "Arial Unicode MS",
)  # fmt: skip
"""Fonts that have Chinese characters, which Matplotlib needs for PNG. Of a collection it knows the first by name."""

LATIN = "DejaVu Sans"  # comes with Matplotlib


@contextmanager
def drawing(name: str = "", fonts: tuple[str, ...] = ()) -> Iterator[None]:
    """Matplotlib's settings for the report. ``name`` makes the ids of an SVG its own; ``fonts`` help the Latin one."""
    settings = {**RC, "svg.fonttype": "none", "svg.hashsalt": name or "liuli"}
    if fonts:
        settings["font.sans-serif"] = [LATIN, *fonts]
    with require("matplotlib", extra="plot").rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        yield


def svg(figure: Any, name: str, label: str) -> Html:
    """A figure as an ``svg`` element; every id in it begins with ``name``, and ``label`` says what it shows."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    root = ElementTree.fromstring(buffer.getvalue())
    box = root.attrib["viewBox"]
    width = f"--drawn: {float(box.split()[2]):.0f}"
    inside = (_element(child, name) for child in root)
    return tag("svg", *inside, viewBox=box, role="img", aria_label=label, style=width)


def _element(node: ElementTree.Element, name: str) -> Html:
    """An element and what is in it, as far as a page needs it: no metadata, no style for the whole page, no fonts."""
    kind = _local(node.tag)
    attributes = {_local(key): _attribute(_local(key), value, name) for key, value in node.attrib.items()}
    if kind == "g":
        attributes.pop("id", None)  # only a name
    if attributes.get("transform", "").startswith("rotate(-0 "):
        del attributes["transform"]
    text = (node.text or "").strip()
    inside = join([text, *(_element(child, name) for child in node)])
    if kind == "style" or (kind in ("g", "defs") and not inside):
        return Html("")
    return inside if kind == "g" and not attributes else tag(kind, inside, **attributes)


def _attribute(key: str, value: str, name: str) -> str:
    if key == "id":
        return f"{name}-{value}"
    if key == "href":
        return re.sub("^#", f"#{name}-", value)
    return _FONT.sub("", _DECIMALS.sub(r"\1", value.replace("url(#", f"url(#{name}-"))).replace(" \n", " ").strip()


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def png(figure: Any) -> bytes:
    """A figure as PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150)
    return buffer.getvalue()


def png_of(image: np.ndarray) -> bytes:
    """An image (height, width, 1 or 3), 0 to 1, as PNG, pixel for pixel."""
    buffer = io.BytesIO()
    shown = image[..., 0] if image.shape[-1] == 1 else image
    require("matplotlib.image", extra="plot").imsave(buffer, shown, cmap="gray", vmin=0, vmax=1, format="png")
    return buffer.getvalue()


def chinese_fonts() -> tuple[str, ...]:
    """The fonts with Chinese characters that Matplotlib finds here."""
    manager = require("matplotlib.font_manager", extra="plot").fontManager
    installed = {font.name for font in manager.ttflist}
    return tuple(name for name in CHINESE if name in installed)


def legible(fonts: tuple[str, ...]) -> Callable[[str], bool]:
    """Whether a text can be written with these fonts and the Latin one."""
    manager = require("matplotlib.font_manager", extra="plot")
    known = {c for name in (LATIN, *fonts) for c in manager.get_font(manager.findfont(name)).get_charmap()}
    return lambda text: all(ord(c) in known for c in text if c.isprintable())


_DECIMALS = re.compile(r"(\d\.\d\d)\d+")
_FONT = re.compile(r"font-family: [^;]*;? ?")
