"""HTML by elements: all text is escaped, for nothing but an element is ever taken as markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any


class Html(str):
    """Text that is markup already."""


def tag(name: str, /, *children: Any, **attributes: Any) -> Html:
    """An element. Children that are no ``Html`` are escaped; ``class_`` means class, ``aria_label`` aria-label.

    >>> tag("p", "a < b", tag("br"), class_="note")
    '<p class="note">a &lt; b<br></p>'
    """
    written = "".join(f' {_attribute(key)}="{escape(clean(value))}"' for key, value in attributes.items())
    if name in _VOID:
        return Html(f"<{name}{written}>")
    return Html(f"<{name}{written}>{join(children)}</{name}>")


def join(children: Iterable[Any]) -> Html:
    """Children one after the other."""
    return Html("".join(c if isinstance(c, Html) else escape(clean(c)) for c in children))


def clean(value: Any) -> str:
    """A value as text without the characters that HTML does not allow.

    >>> clean("a\\x00b")
    'a\ufffdb'
    """
    text = str(value).encode("utf-8", "replace").decode()
    return _CONTROL.sub("\ufffd", text)


def table(head: Sequence[Any], rows: Iterable[Sequence[Any]], label: str, numeric: Iterable[int] = ()) -> Html:
    """A table in a box of its own, in which it scrolls where it is wider; the first cell of a row is its header.

    head:     the headers of the columns.
    rows:     cells.
    label:    what the table is, for those who hear it.
    numeric:  which columns hold numbers, which are aligned right.
    """
    right = set(numeric)
    look = [{"class_": "number"} if i in right else {} for i in range(len(head))]
    body = (
        tag("tr", *(tag("td" if i else "th", c, **look[i], **({} if i else _ROW)) for i, c in enumerate(row)))
        for row in rows
    )
    heads = (tag("th", c, scope="col", **look[i]) for i, c in enumerate(head))
    whole = tag("table", tag("thead", tag("tr", *heads)), tag("tbody", *body), aria_label=label)
    return tag("div", whole, class_="wide", role="region", aria_label=label, tabindex="0")


def code(text: str) -> Html:
    """A block of code, which scrolls in its own box."""
    return tag("pre", tag("code", text), tabindex="0")


def _attribute(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_VOID = frozenset({"br", "hr", "img", "link", "meta", "wbr"})
_ROW = {"scope": "row"}
