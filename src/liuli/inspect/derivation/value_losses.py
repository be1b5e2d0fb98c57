"""Losses that are the mean over the elements of a function of prediction and target: values, counts, signs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from liuli import losses
from liuli.inspect.derivation.activation_rules import sigmoid
from liuli.inspect.derivation.terms import LEAST, Array, Rule, Setting, Shares, Term
from liuli.losses import Loss

Number = Callable[[Any, Array, Array], Array]


@dataclass(frozen=True, eq=False)
class Each:
    """l and dl/da of one element: formulas in ``{a}``, ``{t}``, ``{r}`` = (a - t) and fields, functions of loss, a, t.

    shown:   the factors that stand before the two formulas.
    where:   what letters in them stand for.
    signed:  whether a target of 0 counts as -1.
    """

    formula: str
    slope: str
    value: Number
    derivative: Number
    shown: Callable[[Any], tuple[float, float]] = lambda loss: (1.0, 1.0)
    where: str = ""
    signed: bool = False


def _of(each: Each) -> Rule:
    return lambda s: elementwise(s, each)


def elementwise(s: Setting, each: Each) -> Term:
    """L = sum c l(a, t), dL/da = c dl/da."""
    t, symbol = _signs(s) if each.signed else (np.asarray(s.target, np.float64), s.t)
    names = {"a": s.a, "t": symbol, "r": f"({s.a} - {s.t})"} | _numbers(s.loss)
    shares, (before, after) = s.shares(t[0].size), each.shown(s.loss)
    formula, slope, where = (text.format(**names) for text in (each.formula, each.slope, each.where))
    return Term(
        shares.summed(formula, lambda: each.value(s.loss, s.prediction(), t), before, where),
        shares.along(slope, lambda: each.derivative(s.loss, s.prediction(), t), after),
    )


def _signs(s: Setting) -> tuple[Array, str]:
    """Targets as -1 and 1, and what they are called."""
    t = np.asarray(s.target, np.float64)
    return (2 * t - 1, f"(2 {s.t} - 1)") if (t == 0).any() else (t, s.t)


def _numbers(loss: Loss) -> dict[str, str]:
    fields = ("delta", "beta", "quantile", "margin")
    return {name: f"{getattr(loss, name):.4g}" for name in fields if hasattr(loss, name)}


def _smooth_l1(loss: Any, a: Array, t: Array) -> Array:
    size = np.abs(a - t)
    return np.where(size < loss.beta, 0.5 * size**2 / loss.beta, size - 0.5 * loss.beta)


def _quantile_slope(loss: Any, a: Array, t: Array) -> Array:
    return np.where(a == t, 0.5, 1.0 * (a > t)) - loss.quantile


def _log_cosh(_: Any, a: Array, t: Array) -> Array:
    return np.logaddexp(a - t, t - a) - math.log(2)


def _positive(a: Array) -> Array:
    return np.maximum(a, LEAST)


def _size(t: Array) -> Array:
    return np.maximum(np.abs(t), LEAST)


def _logarithmic_slope(_: Any, a: Array, t: Array) -> Array:
    return 2 * (np.log1p(_positive(a)) - np.log1p(_positive(t))) / (1 + a) * (a > LEAST)


def _stirling(loss: Any, t: Array) -> Array | float:
    several = np.maximum(t, 1.0)
    return (t > 1) * (several * np.log(several) - several + 0.5 * np.log(2 * np.pi * several)) if loss.full else 0.0


def _poisson(s: Setting) -> Term:
    """Of rates a, or of their logarithms."""
    more = r" + \log {t}!" if s.loss.full else ""
    where = r"\log {t}! \approx {t} \log {t} - {t} + \frac{{1}}{{2}} \log(2 \pi {t})" if s.loss.full else ""
    rates = Each(
        rf"({{a}} - {{t}} \odot \log({{a}} + 10^{{{{-7}}}}){more})",
        r"(1 - \frac{{{t}}}{{{a} + 10^{{-7}}}})",
        lambda f, a, t: a - t * np.log(a + LEAST) + _stirling(f, t),
        lambda f, a, t: 1 - t / (a + LEAST),
        where=where,
    )
    logarithms = Each(
        rf"(\exp({{a}}) - {{t}} \odot {{a}}{more})",
        r"(\exp({a}) - {t})",
        lambda f, a, t: np.exp(a) - t * a + _stirling(f, t),
        lambda f, a, t: np.exp(a) - t,
        where=where,
    )
    return elementwise(s, logarithms if s.loss.log_input else rates)


def _gaussian(s: Setting) -> Term:
    """(a - t)^2 / v + log v + log 2 pi, half of it, v given or the exponential of half of the predictions."""
    middle, log_width, mu, v, where = _located(s, "v")

    def square() -> Array:
        return (middle() - s.target) ** 2 * np.exp(-log_width())

    shares = s.shares(s.target[0].size)
    body = rf"(\frac{{({mu} - {s.t})^{{2}}}}{{{v}}} + \log {v} + \log 2 \pi)"
    value = shares.summed(body, lambda: 0.5 * (square() + log_width() + math.log(2 * math.pi)), 0.5, where)
    by_middle = rf"\frac{{{mu} - {s.t}}}{{{v}}}"
    by_width = rf"\frac{{1}}{{2}} (1 - \frac{{({mu} - {s.t})^{{2}}}}{{{v}}})"
    return Term(
        value,
        _both(
            s,
            shares,
            (by_middle, by_width),
            lambda: ((middle() - s.target) * np.exp(-log_width()), 0.5 * (1 - square())),
        ),
    )


def _laplace(s: Setting) -> Term:
    """|a - t| / b + log b + log 2, b given or the exponential of half of the predictions."""
    middle, log_width, mu, b, where = _located(s, "b")

    def size() -> Array:
        return np.abs(middle() - s.target) * np.exp(-log_width())

    shares = s.shares(s.target[0].size)
    body = rf"(\frac{{|{mu} - {s.t}|}}{{{b}}} + \log {b} + \log 2)"
    value = shares.summed(body, lambda: size() + log_width() + math.log(2), where=where)
    by_middle = rf"\frac{{\operatorname{{sign}}({mu} - {s.t})}}{{{b}}}"
    by_width = rf"(1 - \frac{{|{mu} - {s.t}|}}{{{b}}})"
    return Term(
        value,
        _both(
            s,
            shares,
            (by_middle, by_width),
            lambda: (np.sign(middle() - s.target) * np.exp(-log_width()), 1 - size()),
        ),
    )


def _located(s: Setting, width: str) -> tuple[Callable[[], Array], Callable[[], Array], str, str, str]:
    """Middles and logarithms of widths, their symbols, and what these are."""
    if s.loss.fixed is not None:
        return s.prediction, lambda: np.full(s.target.shape, math.log(s.loss.fixed)), s.a, f"{s.loss.fixed:.4g}", ""
    where = rf"{s.a} = [\mu, \log {width}]"
    return (
        lambda: np.split(s.prediction(), 2, axis=-1)[0],
        lambda: np.split(s.prediction(), 2, axis=-1)[1],
        r"\mu",
        width,
        where,
    )


def _both(s: Setting, shares: Shares, slopes: tuple[str, str], values: Callable[[], tuple[Array, Array]]) -> Any:
    """The gradient at the middles, and beside it at the widths where they are predicted."""
    if s.loss.fixed is not None:
        return shares.along(slopes[0], lambda: values()[0])
    return shares.along(rf"[{', '.join(slopes)}]", lambda: np.concatenate(values(), axis=-1))


def _ranking(s: Setting) -> Term:
    """max(0, margin - y (a_1 - a_2)): the pair is pushed apart where its difference is too small."""
    y, symbol = _signs(s)
    y, m = y.reshape(-1), f"{s.loss.margin:.4g}"
    short = rf"{m} - {symbol} ({s.a}[1] - {s.a}[2])"

    def missing() -> Array:
        return s.loss.margin - y * (s.prediction()[:, 0] - s.prediction()[:, 1])

    def slope() -> Array:
        return (missing() > 0)[:, None] * np.stack([-y, y], axis=-1)

    shares = Shares(*s.per_batch)
    return Term(
        shares.summed(rf"\max(0, {short})", lambda: np.maximum(0.0, missing())),
        shares.along(rf"[{short} > 0] \odot [-{symbol}, {symbol}]", slope),
    )


def _hinge(a: Array, t: Array) -> Array:
    return np.maximum(0.0, 1 - t * a)


_ABSOLUTE = Each("|{r}|", r"\operatorname{{sign}}{r}", lambda _, a, t: np.abs(a - t), lambda _, a, t: np.sign(a - t))
_SMOOTH = Each(
    "s{r}",
    r"\max(-1, \min(1, \frac{{{a} - {t}}}{{{beta}}}))",
    _smooth_l1,
    lambda f, a, t: np.clip((a - t) / f.beta, -1, 1),
    where=r"s(r) = \frac{{r^{{2}}}}{{2 \cdot {beta}}} [|r| < {beta}] + (|r| - \frac{{{beta}}}{{2}}) "
    r"[|r| \ge {beta}]",
)


def _smooth(s: Setting) -> Term:
    """A square near zero; where beta is 0, the absolute error."""
    return elementwise(s, _SMOOTH if s.loss.beta else _ABSOLUTE)


LOSSES: dict[type[Loss], Rule] = {
    losses.MeanSquaredError: _of(
        Each(
            "{r}^{{2}}",
            "{r}",
            lambda f, a, t: f.factor * (a - t) ** 2,
            lambda f, a, t: 2 * f.factor * (a - t),
            lambda f: (f.factor, 2 * f.factor),
        )
    ),
    losses.MeanAbsoluteError: _of(_ABSOLUTE),
    losses.Huber: _of(
        Each(
            r"h{r}",
            r"\max(-{delta}, \min({delta}, {a} - {t}))",
            lambda f, a, t: np.where(
                np.abs(a - t) <= f.delta, 0.5 * (a - t) ** 2, f.delta * (np.abs(a - t) - 0.5 * f.delta)
            ),
            lambda f, a, t: np.clip(a - t, -f.delta, f.delta),
            where=r"h(r) = \frac{{r^{{2}}}}{{2}} [|r| \le {delta}] + {delta} (|r| - \frac{{{delta}}}{{2}}) "
            "[|r| > {delta}]",
        )
    ),
    losses.SmoothL1: _smooth,
    losses.Quantile: _of(
        Each(
            r"\max({quantile} ({t} - {a}), ({quantile} - 1) ({t} - {a}))",
            "([{a} > {t}] - {quantile})",
            lambda f, a, t: np.maximum(f.quantile * (t - a), (f.quantile - 1) * (t - a)),
            _quantile_slope,
        )
    ),
    losses.LogCosh: _of(
        Each(r"\log \cosh{r}", r"\tanh{r}", _log_cosh, lambda _, a, t: np.tanh(a - t)),
    ),
    losses.MeanAbsolutePercentageError: _of(
        Each(
            r"\frac{{|{a} - {t}|}}{{\max(|{t}|, 10^{{-7}})}}",
            r"\frac{{\operatorname{{sign}}{r}}}{{\max(|{t}|, 10^{{-7}})}}",
            lambda _, a, t: 100 * np.abs(a - t) / _size(t),
            lambda _, a, t: 100 * np.sign(a - t) / _size(t),
            lambda _: (100.0, 100.0),
        )
    ),
    losses.MeanSquaredLogarithmicError: _of(
        Each(
            r"(\log(1 + {a}) - \log(1 + {t}))^{{2}}",
            r"\frac{{\log(1 + {a}) - \log(1 + {t})}}{{1 + {a}}} \odot [{a} > 10^{{-7}}]",
            lambda _, a, t: (np.log1p(_positive(a)) - np.log1p(_positive(t))) ** 2,
            _logarithmic_slope,
            lambda _: (1.0, 2.0),
        )
    ),
    losses.Poisson: _poisson,
    losses.GaussianNegativeLogLikelihood: _gaussian,
    losses.LaplaceNegativeLogLikelihood: _laplace,
    losses.MarginRanking: _ranking,
    losses.Hinge: _of(
        Each(
            r"\max(0, 1 - {t} \odot {a})",
            r"{t} \odot [{t} \odot {a} < 1]",
            lambda _, a, t: _hinge(a, t),
            lambda _, a, t: -t * (t * a < 1),
            lambda _: (1.0, -1.0),
            signed=True,
        )
    ),
    losses.SquaredHinge: _of(
        Each(
            r"\max(0, 1 - {t} \odot {a})^{{2}}",
            r"{t} \odot \max(0, 1 - {t} \odot {a})",
            lambda _, a, t: _hinge(a, t) ** 2,
            lambda _, a, t: -2 * t * _hinge(a, t),
            lambda _: (1.0, -2.0),
            signed=True,
        )
    ),
    losses.SoftMargin: _of(
        Each(
            r"\log(1 + \exp(-{t} \odot {a}))",
            r"(\sigma({a}) - [{t} > 0])",
            lambda _, a, t: np.logaddexp(0.0, -t * a),
            lambda _, a, t: sigmoid(a) - (t > 0),
            signed=True,
        )
    ),
    losses.HingeEmbedding: _of(
        Each(
            r"([{t} > 0] \odot {a} + [{t} < 0] \odot \max(0, {margin} - {a}))",
            r"([{t} > 0] - [{t} < 0] \odot [{a} < {margin}])",
            lambda f, a, t: np.where(t > 0, a, np.maximum(0.0, f.margin - a)),
            lambda f, a, t: 1.0 * (t > 0) - (t < 0) * (a < f.margin),
            signed=True,
        )
    ),
}
