"""How a line of back-propagation is read: which gradient comes from above, and which local derivative it meets.

In dL/dz = dL/da f'(z) the upstream gradient is dL/da and the local derivative da/dz = f'(z); where the local derivative
is no factor but a map, as in dL/dW = x^T dL/dz, it is written g -> x^T g.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from liuli.inspect.derivation.lines import Line
from liuli.inspect.derivation.notation import gradient

_START = r"\frac{\partial L}{\partial "


class Reading(NamedTuple):
    """One summand of a gradient: LaTeX of dL/da, of da/dx, and of what that is; ``map`` where it acts on g.

    upstream, local:  empty where nothing flows back; local alone where several gradients meet in one summand.
    """

    upstream: tuple[str, ...]
    name: str
    local: str
    map: bool = False


def readings(line: Line) -> list[Reading]:
    """Each summand of the line, read; nothing for values."""
    if line.section != "backward":
        return []
    below = line.symbol.removeprefix(_START).removesuffix("}")
    terms = line.expression.terms or (line.expression,)
    return [_read(first_side(term.latex), below, term.part) for term in terms]


def braced(line: Line, upstream: str) -> str:
    """The right-hand side with braces under upstream gradients and local derivatives, where they are factors.

    upstream:  the word under the gradient from above.
    """
    whole = line.expression.latex
    if line.section != "backward" or len(line.expression.terms) > 1:
        return whole
    product = first_side(whole)
    found = readings(line)[0]
    above = found.upstream[0] if found.upstream else ""
    if not above or product.count(above) != 1 or not found.local:
        return whole
    before, after = product.split(above)
    if not _loose(before) or not _loose(after) or not (before or after) or (before and after):
        return whole
    brace = rf"\underbrace{{{above}}}_{{\text{{{upstream}}}}}"
    if before.endswith(_ODOT):
        inner = rf"{_under(before.removesuffix(_ODOT), found.name)}{_ODOT}{brace}"
    elif after.startswith(_ODOT):
        inner = rf"{brace}{_ODOT}{_under(after.removeprefix(_ODOT), found.name)}"
    else:
        inner = f"{brace} {after}" if after else f"{before} {brace}"
    return inner + whole[len(product) :]


def first_side(latex: str) -> str:
    """What stands before the first equals sign that is in no bracket: of a chain of equal sides the first."""
    return next(_split(latex, " = "))


def gradients_in(latex: str) -> list[str]:
    """The symbols dL/d... in a formula, each once, in order."""
    found, at = [], latex.find(_START)
    while at >= 0:
        end = _end(latex, at + len(_START))
        found.append(latex[at : end + 1])
        at = latex.find(_START, end)
    return list(dict.fromkeys(found))


def _read(product: str, below: str, part: str) -> Reading:
    above = gradients_in(product)
    if product == "0":
        return Reading((), "", "0")
    if not above:
        direct = rf"\frac{{\partial {part}}}{{\partial {below}}}"
        return Reading((f"{gradient(part)} = 1",), direct, product)
    if len(above) > 1:
        return Reading(tuple(above), "", "")
    name = rf"\frac{{\partial {above[0].removeprefix(_START).removesuffix('}')}}}{{\partial {below}}}"
    if product == above[0]:
        return Reading((above[0],), name, "1")
    before, after = product.split(above[0]) if product.count(above[0]) == 1 else ("(", "")
    if _loose(before) and _loose(after):
        if not before and after.startswith(_ODOT):
            return Reading((above[0],), name, _bare(after.removeprefix(_ODOT)))
        if not after and before.endswith(_ODOT):
            return Reading((above[0],), name, _bare(before.removesuffix(_ODOT)))
    return Reading((above[0],), name, rf"g \mapsto {product.replace(above[0], 'g')}", map=True)


def _bare(latex: str) -> str:
    """Without brackets around the whole."""
    inner = latex[1:-1]
    around = latex.startswith("(") and latex.endswith(")")
    return inner if around and all(_depth(inner[:i]) >= 0 for i in range(len(inner) + 1)) else latex


def _under(latex: str, name: str) -> str:
    return rf"\underbrace{{{latex}}}_{{{name}}}"


def _loose(latex: str) -> bool:
    """Whether a side of a product stands by itself: no bracket is open, and nothing is added."""
    return _depth(latex) == 0 and len(list(_split(latex, " + "))) == 1 and len(list(_split(latex, " - "))) == 1


def _depth(latex: str) -> int:
    return len(re.findall(r"[({\[]|\\langle|\\lfloor", latex)) - len(re.findall(r"[)}\]]|\\rangle|\\rfloor", latex))


def _split(latex: str, sign: str) -> Iterator[str]:
    """The parts between the signs that are in no bracket."""
    start = 0
    for found in re.finditer(re.escape(sign), latex):
        if _depth(latex[: found.start()]) == 0:
            yield latex[start : found.start()]
            start = found.end()
    yield latex[start:]


def _end(latex: str, at: int) -> int:
    """The place of the brace that closes the group in which ``at`` is."""
    depth = 1
    for i in range(at, len(latex)):
        depth += (latex[i] == "{") - (latex[i] == "}")
        if depth == 0:
            return i
    return len(latex) - 1


_ODOT = r" \odot "
