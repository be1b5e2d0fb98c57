"""Losses of classes, and of yes and no: cross entropies and their relatives, down to dL/dz = p - t."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from liuli import losses
from liuli.inspect.derivation.activation_rules import sigmoid, softmax
from liuli.inspect.derivation.lines import Expression
from liuli.inspect.derivation.terms import (
    LEAST,
    Array,
    Rule,
    Setting,
    Shares,
    Term,
    inside,
    logarithm,
    one_hot,
    through_sigmoid,
    through_softmax,
)
from liuli.losses import Loss


class _Chances:
    """The probabilities of a loss that takes them, or the logits that they are made of."""

    def __init__(self, s: Setting, made: Callable[[Array], Array], name: str) -> None:
        self.s, self.made = s, made
        self.logits = s.loss.space == "logits"
        self.exact = self.logits or s.fused
        self.symbol = f"{name}({s.a})" if self.logits else s.a

    def __call__(self) -> Array:
        """p, by logits where there are any."""
        before = self.s.prediction if self.logits else self.s.logit
        return self.made(before()) if before else self.s.prediction()

    def log(self) -> Array:
        """log p."""
        return logarithm(self(), self.exact)

    def term(self, value: Expression, by_p: Expression, by_logit: Expression) -> Term:
        """The three lines of a loss."""
        through = through_softmax if self.made is softmax else through_sigmoid
        return Term(value, by_logit if self.logits else by_p, through(self.s, by_logit) if self.s.fused else None)


def _softmaxed(s: Setting) -> _Chances:
    return _Chances(s, softmax, r"\mathrm{softmax}")


def _of_rows(s: Setting) -> Shares:
    """How each row of class scores counts; where one label is ignored, the others alone."""
    ignored, rows = getattr(s.loss, "ignore_class", None), s.prediction().shape[:-1]
    if ignored is None:
        return s.shares(int(np.prod(rows[1:])))
    keep = np.asarray(s.target) != ignored
    both = keep if s.mask is None else keep & np.asarray(s.mask, bool)
    which = rf"[{s.t} \ne {ignored}]"
    return s.shares(1, both, which if s.mask is None else rf"(m \odot {which})")


def _smoothed(s: Setting) -> tuple[Array, str]:
    """Targets (batch, ..., C) with their smoothing, and what that is."""
    smooth, hot = getattr(s.loss, "label_smoothing", 0.0), one_hot(s)
    where = rf"{s.t} \leftarrow {1 - smooth:.4g} \, {s.t} + {smooth / hot.shape[-1]:.4g}" if smooth else ""
    return (1 - smooth) * hot + smooth / hot.shape[-1], where


def _dot(one: Array, other: Array) -> Array:
    return (one * other).sum(-1, keepdims=True)


def _cross_entropy(s: Setting) -> Term:
    p, shares, (t, where) = _softmaxed(s), _of_rows(s), _smoothed(s)
    P = p.symbol
    return p.term(
        shares.summed(rf"{s.t} \odot \log {P}", lambda: -t * p.log(), -1.0, where),
        shares.along(rf"\frac{{{s.t}}}{{{P}}}", lambda: -t * inside(p()) / p(), -1.0, where),
        shares.along(f"({P} - {s.t})", lambda: p() * t.sum(-1, keepdims=True) - t, where=where),
    )


def _divergence(s: Setting) -> Term:
    """The cross entropy and the entropy of t, which no prediction changes."""
    p, shares = _softmaxed(s), _of_rows(s)
    t, P = np.asarray(s.target, np.float64), p.symbol
    own = t * np.log(np.where(t > 0, t, 1.0))
    return p.term(
        shares.summed(rf"{s.t} \odot \log(\frac{{{s.t}}}{{{P}}})", lambda: own - t * p.log()),
        shares.along(rf"\frac{{{s.t}}}{{{P}}}", lambda: -t * inside(p()) / p(), -1.0),
        shares.along(f"({P} - {s.t})", lambda: p() * t.sum(-1, keepdims=True) - t),
    )


def _generalized(s: Setting) -> Term:
    """(1 - p_t^q) / q, with p_t the probability of the target: dL/dz = p_t^q (p - t)."""
    p, shares, t, q = _softmaxed(s), _of_rows(s), one_hot(s), s.loss.q
    P, right = p.symbol, rf"p_{{t}}^{{{q:.4g}}}"
    where = rf"p_{{t}} = \langle {s.t}, {P}\rangle"

    def power() -> Array:
        return np.exp(q * _dot(t, p.log()))

    return p.term(
        shares.summed(rf"(1 - {right})", lambda: ((1 - power()) / q)[..., 0], 1 / q, where),
        shares.along(
            rf"{right} \odot \frac{{{s.t}}}{{{P}}}", lambda: -power() * t * inside(p()) / p(), -1.0, where=where
        ),
        shares.along(
            rf"{right} \odot ({P} - {s.t})", lambda: power() * (p() * t.sum(-1, keepdims=True) - t), where=where
        ),
    )


def _focal(s: Setting) -> Term:
    """-alpha sum t m^gamma log p, m = 1 - p: what is right already counts for little.

    With h = m^gamma - gamma m^(gamma - 1) p log p, which is -p / t dl/dp, dL/dz = <t, h> p - t h: where t is one class,
    h_t (p - t).
    """
    p, shares, (t, where), f = _softmaxed(s), _of_rows(s), _smoothed(s), s.loss
    P, g = p.symbol, f"{f.gamma:.4g}"

    def factor() -> Array:
        missing = np.maximum(1 - p(), LEAST)
        steep = f.gamma * missing ** (f.gamma - 1) * (1 - p() > LEAST)
        return missing**f.gamma - steep * p() * p.log()

    once = f"(1 - {P})" if f.gamma == 2 else rf"(1 - {P})^{{{f.gamma - 1:.4g}}}"
    h = rf"h = (1 - {P})^{{{g}}} - {g} \, {once} \odot {P} \odot \log {P}"
    where_h = ", \\quad ".join(text for text in (h, where) if text)
    return p.term(
        shares.summed(
            rf"{s.t} \odot (1 - {P})^{{{g}}} \odot \log {P}",
            lambda: -f.alpha * t * np.maximum(1 - p(), LEAST) ** f.gamma * p.log(),
            -f.alpha,
            where,
        ),
        shares.along(
            rf"\frac{{{s.t} \odot h}}{{{P}}}", lambda: -f.alpha * t * factor() * inside(p()) / p(), -f.alpha, where_h
        ),
        shares.along(
            rf"(\langle {s.t}, h\rangle \odot {P} - {s.t} \odot h)",
            lambda: f.alpha * (_dot(t, factor()) * p() - t * factor()),
            f.alpha,
            where_h,
        ),
    )


def _yes_or_no(s: Setting) -> tuple[_Chances, Shares, Array, str]:
    """p, how each element counts, the smoothed targets and what these are."""
    smooth = s.loss.label_smoothing
    t = (1 - smooth) * np.asarray(s.target, np.float64) + 0.5 * smooth
    where = rf"{s.t} \leftarrow {1 - smooth:.4g} \, {s.t} + {smooth / 2:.4g}" if smooth else ""
    return _Chances(s, sigmoid, r"\sigma"), s.shares(t[0].size), t, where


def _surprise(p: _Chances, t: Array) -> Array:
    """-t log p - (1 - t) log(1 - p)"""
    return -t * p.log() - (1 - t) * logarithm(1 - p(), p.exact)


def _binary(s: Setting) -> Term:
    p, shares, t, where = _yes_or_no(s)
    P = p.symbol
    log = rf"({s.t} \odot \log {P} + (1 - {s.t}) \odot \log(1 - {P}))"
    slope = rf"\frac{{{P} - {s.t}}}{{{P} \odot (1 - {P})}}"
    return p.term(
        shares.summed(log, lambda: _surprise(p, t), -1.0, where),
        shares.along(slope, lambda: inside(p()) * (p() - t) / (p() * (1 - p())), where=where),
        shares.along(f"({P} - {s.t})", lambda: p() - t, where=where),
    )


def _binary_focal(s: Setting) -> Term:
    """w m^gamma H, with m what is missing to the right answer and H the cross entropy.

    dm/dz = (1 - 2 t) p (1 - p) and dH/dz = p - t; where t is 0 or 1, dm/dz = (p - t) (1 - m), so that
    dL/dz = w m^(gamma - 1) (m + gamma (1 - m) H) (p - t).
    """
    p, shares, t, where = _yes_or_no(s)
    f, P, g = s.loss, p.symbol, f"{s.loss.gamma:.4g}"
    w = f.alpha * t + (1 - f.alpha) * (1 - t) if f.apply_class_balancing else np.ones(())
    below = "m" if f.gamma == 2 else rf"m^{{{f.gamma - 1:.4g}}}"

    def missing() -> Array:
        return np.maximum(t * (1 - p()) + (1 - t) * p(), LEAST)

    def by_logit() -> Array:
        m, H = missing(), _surprise(p, t)
        return w * (m**f.gamma * (p() - t) + f.gamma * m ** (f.gamma - 1) * (m > LEAST) * _turn(p(), t) * H)

    def by_p() -> Array:
        m, H = missing(), _surprise(p, t)
        steep = f.gamma * m ** (f.gamma - 1) * (m > LEAST) * (1 - 2 * t) * H
        return w * inside(p()) * (steep + m**f.gamma * (p() - t) / (p() * (1 - p())))

    weight = r"w \odot " if f.apply_class_balancing else ""
    letters = [
        rf"m = {s.t} \odot (1 - {P}) + (1 - {s.t}) \odot {P}",
        rf"H = -{s.t} \odot \log {P} - (1 - {s.t}) \odot \log(1 - {P})",
        rf"w = {f.alpha:.4g} \, {s.t} + {1 - f.alpha:.4g} \, (1 - {s.t})" if weight else "",
        where,
    ]
    said = r", \quad ".join(text for text in letters if text)
    of_h = rf"\frac{{{P} - {s.t}}}{{{P} \odot (1 - {P})}}"
    slope = rf"({g} \, {below} \odot (1 - 2 {s.t}) \odot H + m^{{{g}}} \odot {of_h})"
    hard = rf"{below} \odot (m + {g} \, (1 - m) \odot H) \odot ({P} - {s.t})"
    soft = rf"(m^{{{g}}} \odot ({P} - {s.t}) + {g} \, {below} \odot (1 - 2 {s.t}) \odot {P} \odot (1 - {P}) \odot H)"
    closed = hard if np.isin(t, (0, 1)).all() else soft
    return p.term(
        shares.summed(rf"{weight}m^{{{g}}} \odot H", lambda: w * missing() ** f.gamma * _surprise(p, t), 1.0, said),
        shares.along(f"{weight}{slope}", by_p, 1.0, said),
        shares.along(f"{weight}{closed}", by_logit, 1.0, said),
    )


def _turn(p: Array, t: Array) -> Array:
    return (1 - 2 * t) * p * (1 - p)


def _log_likelihood(s: Setting) -> Term:
    """-s_t, s the logarithms of probabilities."""
    shares, t = _of_rows(s), one_hot(s)
    return Term(
        shares.summed(rf"{s.t} \odot {s.a}", lambda: -t * s.prediction(), -1.0),
        shares.along(s.t, lambda: -t, -1.0),
    )


def _categorical_hinge(s: Setting) -> Term:
    """max(0, 1 + max_c (1 - t_c) a_c - sum_c t_c a_c): the worst of the wrong classes, and the right one."""
    shares, t = _of_rows(s), one_hot(s)
    short = rf"1 + \max((1 - {s.t}) \odot {s.a}) - \langle {s.t}, {s.a}\rangle"

    def missing() -> Array:
        wrong = ((1 - t) * s.prediction()).max(-1, keepdims=True)
        return 1 + wrong - _dot(t, s.prediction())

    def slope() -> Array:
        wrong = (1 - t) * s.prediction()
        worst = wrong == wrong.max(-1, keepdims=True)
        return (missing() > 0) * ((1 - t) * worst / worst.sum(-1, keepdims=True) - t)

    return Term(
        shares.summed(rf"\max(0, {short})", lambda: np.maximum(0.0, missing())),
        shares.along(
            rf"[{short} > 0] \odot ((1 - {s.t}) \odot e - {s.t})",
            slope,
            where=rf"e = [(1 - {s.t}) \odot {s.a} = \max((1 - {s.t}) \odot {s.a})]",
        ),
    )


def _multi_margin(s: Setting) -> Term:
    """sum over the wrong classes of max(0, margin - a_t + a_c)^p / C."""
    t, f = one_hot(s), s.loss
    shares, power = s.shares(t[0].size), f"^{{{f.p}}}" if f.p > 1 else ""

    def missing() -> Array:
        return (1 - t) * np.maximum(0.0, f.margin - _dot(t, s.prediction()) + s.prediction())

    def slope() -> Array:
        each = f.p * missing() ** (f.p - 1) * (missing() > 0) * (1 - t)
        return each - t * each.sum(-1, keepdims=True)

    g = r"2 \, h" if f.p == 2 else "[h > 0]"
    where = rf"h = (1 - {s.t}) \odot \max(0, {f.margin:.4g} - \langle {s.t}, {s.a}\rangle + {s.a})"
    return Term(
        shares.summed(rf"h{power}", lambda: missing() ** f.p, where=where),
        shares.along(rf"({g} - {s.t} \odot \langle {g}, 1\rangle)", slope, where=where),
    )


LOSSES: dict[type[Loss], Rule] = {
    losses.CategoricalCrossentropy: _cross_entropy,
    losses.SparseCategoricalCrossentropy: _cross_entropy,
    losses.KLDivergence: _divergence,
    losses.CategoricalGeneralizedCrossEntropy: _generalized,
    losses.CategoricalFocalCrossentropy: _focal,
    losses.BinaryCrossentropy: _binary,
    losses.BinaryFocalCrossentropy: _binary_focal,
    losses.NegativeLogLikelihood: _log_likelihood,
    losses.CategoricalHinge: _categorical_hinge,
    losses.MultiMargin: _multi_margin,
}
