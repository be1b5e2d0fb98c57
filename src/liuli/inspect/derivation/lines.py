"""What a derivation consists of: expressions that can be computed, and lines that say what each is equal to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np

Section = Literal["forward", "loss", "backward"]


@dataclass(frozen=True, eq=False)
class Expression:
    """A formula in LaTeX, and what computes it from traced numbers.

    ``where`` says in LaTeX what letters in it stand for that no other line makes; ``terms`` are its summands; ``part``
    is what it is a direct derivative of where no gradient stands in it: L, or R, the penalties in L.
    """

    latex: str
    compute: Callable[[], np.ndarray]
    where: str = ""
    terms: tuple[Expression, ...] = ()
    part: str = "L"


@dataclass(frozen=True, eq=False)
class Step:
    """A tap of a layer, and the expression that it (forward) or its gradient (backward) is equal to."""

    tap: str
    expression: Expression


@dataclass(frozen=True, eq=False)
class Piece:
    """What a rule says of one call of a layer: its taps, their gradients, and its part in the gradients around it.

    ``inputs`` are the terms of dL/dx, one for each input, None for integers; ``params`` those of dL/dparameter.
    """

    forward: Sequence[Step]
    backward: Sequence[Step]
    inputs: Sequence[Expression | None]
    params: dict[str, Expression] = field(default_factory=dict)


class Title(NamedTuple):
    """What a call is: its layer as text, and what goes in and comes out in LaTeX."""

    text: str
    symbols: str = ""


@dataclass(frozen=True, eq=False)
class Given:
    """A number that nothing is derived from: an input, a target, a parameter."""

    path: str
    symbol: str
    value: np.ndarray


@dataclass(frozen=True, eq=False)
class Line:
    """symbol = expression, for a value or a gradient that was traced.

    section:     where in the derivation it stands.
    node:        the value of the graph to which it belongs.
    path:        the tap or parameter whose value or gradient it is.
    symbol:      the left-hand side in LaTeX.
    expression:  the right-hand side.
    value:       the traced number of the left-hand side.
    """

    section: Section
    node: str
    path: str
    symbol: str
    expression: Expression
    value: np.ndarray

    def compute(self) -> np.ndarray:
        """The right-hand side, computed from the traced numbers of other lines."""
        return np.asarray(self.expression.compute())


def total(terms: Sequence[Expression]) -> Expression:
    """The sum of all terms."""
    if len(terms) == 1:
        return terms[0]
    latex = " + ".join(term.latex for term in terms).replace("+ -", "- ")
    where = r", \quad ".join(dict.fromkeys(term.where for term in terms if term.where))
    parts = tuple(part for term in terms for part in (term.terms or (term,)))
    return Expression(latex, lambda: np.sum([np.asarray(term.compute()) for term in terms], axis=0), where, parts)
