"""Lambda: a = f(x), element by element, and the derivative of each f that has a name."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from liuli import layers
from liuli.inspect.derivation.call import Call
from liuli.inspect.derivation.lines import Expression, Piece, Step

Array = np.ndarray


class Named(NamedTuple):
    """f and f' in ``{x}``; f' as a function, f is NumPy's own of this name."""

    formula: str
    slope: str
    df: Callable[[Array], Array]


def named(call: Call) -> Piece:
    """dL/dx = dL/da f'(x)"""
    name: str = call.layer.function
    known, f = FUNCTIONS[name], getattr(np, name)
    back = Expression(
        rf"{call.D('y')} \odot {known.slope.format(x=call.X)}", lambda: call.gradient("y") * known.df(call.x)
    )
    return Piece([Step("y", Expression(known.formula.format(x=call.X), lambda: f(call.x)))], [], [back])


def _of_sinc(x: Array) -> Array:
    away = np.where(x == 0, 1.0, x)
    return np.where(x == 0, 0.0, (np.cos(np.pi * away) - np.sinc(away)) / away)


def _steps(name: str) -> Named:
    return Named(rf"\mathrm{{{{{name}}}}}({{x}})", "0", np.zeros_like)


def _prefixed(name: str, slope: str, df: Callable[[Array], Array]) -> Named:
    return Named(rf"\{name}({{x}})", slope, df)


_LN2, _LN10 = float(np.log(2.0)), float(np.log(10.0))
FUNCTIONS: dict[str, Named] = {
    **{name: _steps(name) for name in ("ceil", "floor", "round", "sign", "trunc")},
    "abs": Named("|{x}|", r"\operatorname{{sign}}({x})", np.sign),
    "arccos": Named(r"\arccos({x})", r"\frac{{-1}}{{\sqrt{{1 - {x}^{{2}}}}}}", lambda x: -1.0 / np.sqrt(1.0 - x**2)),
    "arccosh": Named(
        r"\mathrm{{arccosh}}({x})", r"\frac{{1}}{{\sqrt{{{x}^{{2}} - 1}}}}", lambda x: 1.0 / np.sqrt(x**2 - 1.0)
    ),
    "arcsin": Named(r"\arcsin({x})", r"\frac{{1}}{{\sqrt{{1 - {x}^{{2}}}}}}", lambda x: 1.0 / np.sqrt(1.0 - x**2)),
    "arcsinh": Named(
        r"\mathrm{{arcsinh}}({x})", r"\frac{{1}}{{\sqrt{{1 + {x}^{{2}}}}}}", lambda x: 1.0 / np.sqrt(1.0 + x**2)
    ),
    "arctan": Named(r"\arctan({x})", r"\frac{{1}}{{1 + {x}^{{2}}}}", lambda x: 1.0 / (1.0 + x**2)),
    "arctanh": Named(r"\mathrm{{arctanh}}({x})", r"\frac{{1}}{{1 - {x}^{{2}}}}", lambda x: 1.0 / (1.0 - x**2)),
    "cbrt": Named("{x}^{{1/3}}", r"\frac{{1}}{{3}} {x}^{{-2/3}}", lambda x: 1.0 / (3.0 * np.cbrt(x) ** 2)),
    "cos": _prefixed("cos", r"(-\sin({x}))", lambda x: -np.sin(x)),
    "cosh": _prefixed("cosh", r"\sinh({x})", np.sinh),
    "exp": _prefixed("exp", r"\exp({x})", np.exp),
    "exp2": Named("2^{{{x}}}", r"2^{{{x}}} \log 2", lambda x: np.exp2(x) * _LN2),
    "expm1": Named(r"\exp({x}) - 1", r"\exp({x})", np.exp),
    "log": _prefixed("log", r"\frac{{1}}{{{x}}}", lambda x: 1.0 / x),
    "log10": Named(r"\frac{{\log {x}}}{{\log 10}}", r"\frac{{1}}{{{x} \log 10}}", lambda x: 1.0 / (x * _LN10)),
    "log1p": Named(r"\log(1 + {x})", r"\frac{{1}}{{1 + {x}}}", lambda x: 1.0 / (1.0 + x)),
    "log2": Named(r"\frac{{\log {x}}}{{\log 2}}", r"\frac{{1}}{{{x} \log 2}}", lambda x: 1.0 / (x * _LN2)),
    "negative": Named("-{x}", "(-1)", lambda x: -np.ones_like(x)),
    "reciprocal": Named(r"\frac{{1}}{{{x}}}", r"\frac{{-1}}{{{x}^{{2}}}}", lambda x: -1.0 / x**2),
    "sin": _prefixed("sin", r"\cos({x})", np.cos),
    "sinc": Named(
        r"\frac{{\sin(\pi {x})}}{{\pi {x}}}",
        r"(\frac{{\cos(\pi {x})}}{{{x}}} - \frac{{\sin(\pi {x})}}{{\pi {x}^{{2}}}})",
        _of_sinc,
    ),
    "sinh": _prefixed("sinh", r"\cosh({x})", np.cosh),
    "sqrt": Named(r"\sqrt{{{x}}}", r"\frac{{1}}{{2 \sqrt{{{x}}}}}", lambda x: 0.5 / np.sqrt(x)),
    "square": Named("{x}^{{2}}", "2 {x}", lambda x: 2.0 * x),
    "tan": _prefixed("tan", r"(1 + \tan^{{2}}({x}))", lambda x: 1.0 + np.tan(x) ** 2),
    "tanh": _prefixed("tanh", r"(1 - \tanh^{{2}}({x}))", lambda x: 1.0 - np.tanh(x) ** 2),
}
RULES = {layers.Lambda: named}
