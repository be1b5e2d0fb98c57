"""Losses: L, dL/da for the prediction a, and dL/dz where the last activation a = f(z) moved into the loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from liuli import losses
from liuli.inspect.derivation.activations import sigmoid, softmax
from liuli.inspect.derivation.lines import Expression
from liuli.inspect.derivation.notation import fraction, gradient
from liuli.losses import Loss
from liuli.training.recipe import Output

Array = np.ndarray

_LEAST = 1e-7  # where losses on probabilities cut them


@dataclass(frozen=True, eq=False)
class Setting:
    """The loss of an output and what it compares.

    ``t`` and ``a`` are symbols; ``prediction`` and ``logit`` (where the activation moved into the loss) give numbers;
    ``mask`` says which time steps count, where not all do.
    """

    output: Output
    t: str
    a: str
    target: Array
    prediction: Callable[[], Array]
    logit: Callable[[], Array] | None = None
    mask: Array | None = None

    @property
    def loss(self) -> Loss:
        return self.output.loss

    @property
    def weight(self) -> float:
        return 1.0 if self.output.weight is None else self.output.weight

    @property
    def fused(self) -> bool:
        return self.logit is not None

    def factor(self, values: int) -> tuple[float, int]:
        """The factor before the sum over all values, of which each sample has so many: numerator and denominator."""
        return self.weight, values * (len(self.target) if self.loss.reduction == "mean" else 1)


@dataclass(frozen=True, eq=False)
class Term:
    """The part of one output in L: its value, its gradient at the prediction, and at the pre-activation if moved."""

    value: Expression
    gradient: Expression
    fused: Expression | None = None


def term(setting: Setting) -> Term:
    """The rule of the loss; a general one where there is none."""
    partial = setting.mask is not None or getattr(setting.loss, "ignore_class", None) is not None
    return (_general if partial else RULES.get(type(setting.loss), _general))(setting)


def _cross_entropy(s: Setting) -> Term:
    smooth = getattr(s.loss, "label_smoothing", 0.0)
    classes, logits = s.prediction().shape[-1], s.loss.space == "logits"
    hot = np.eye(classes)[s.target] if s.target.ndim < s.prediction().ndim else np.asarray(s.target, np.float64)
    t = (1 - smooth) * hot + smooth / classes
    weight, count = s.factor(t[0].size // classes)
    c, factor, p = weight / count, fraction(weight, count), rf"\mathrm{{softmax}}({s.a})" if logits else s.a

    def probability() -> Array:
        before = s.prediction if logits else s.logit
        return softmax(before()) if before else s.prediction()

    by_logit = Expression(f"{factor}({p} - {s.t})", lambda: c * (probability() * t.sum(-1, keepdims=True) - t))
    by_p = Expression(rf"-{factor}\frac{{{s.t}}}{{{p}}}", lambda: -c * t * _inside(s.prediction()) / s.prediction())
    value = Expression(
        rf"-{factor}\sum {s.t} \odot \log {p}", lambda: -c * (t * _log(probability(), s.fused or logits)).sum()
    )
    chain = rf"{s.a} \odot ({gradient(s.a)} - \langle {gradient(s.a)}, {s.a}\rangle) = {by_logit.latex}"
    return Term(value, by_logit if logits else by_p, Expression(chain, by_logit.compute) if s.fused else None)


def _binary(s: Setting) -> Term:
    t = (1 - s.loss.label_smoothing) * np.asarray(s.target, np.float64) + 0.5 * s.loss.label_smoothing  # type: ignore[attr-defined]
    weight, count = s.factor(t[0].size)
    logits, c, factor = s.loss.space == "logits", weight / count, fraction(weight, count)
    p = rf"\sigma({s.a})" if logits else s.a

    def probability() -> Array:
        before = s.prediction if logits else s.logit
        return sigmoid(before()) if before else s.prediction()

    def value() -> Array:
        p, exact = probability(), s.fused or logits
        return -c * (t * _log(p, exact) + (1 - t) * _log(1 - p, exact)).sum()

    def by_p() -> Array:
        p = s.prediction()
        return c * _inside(p) * (p - t) / (p * (1 - p))

    by_logit = Expression(f"{factor}({p} - {s.t})", lambda: c * (probability() - t))
    slope = Expression(rf"{factor}\frac{{{p} - {s.t}}}{{{p} \odot (1 - {p})}}", by_p)
    log = rf"-{factor}\sum ({s.t} \odot \log {p} + (1 - {s.t}) \odot \log(1 - {p}))"
    chain = rf"{gradient(s.a)} \odot {s.a} \odot (1 - {s.a}) = {by_logit.latex}"
    fused = Expression(chain, by_logit.compute) if s.fused else None
    return Term(Expression(log, value), by_logit if logits else slope, fused)


def _of_residual(
    formula: str, slope: str, value: Callable[[Any, Array], Array], derivative: Callable[[Any, Array], Array]
) -> Any:
    """The rule of a loss that is the mean of a function of the residual r = a - t; formulas in ``{r}``."""

    def rule(s: Setting) -> Term:
        weight, count = s.factor(s.target[0].size)
        own = weight * getattr(s.loss, "factor", 1.0)
        power = 2.0 if slope == "{r}" else 1.0
        r = f"({s.a} - {s.t})"

        def residual() -> Array:
            return s.prediction() - s.target

        whole = Expression(
            fraction(own, count) + rf"\sum {formula.format(r=r)}", lambda: own / count * value(s.loss, residual()).sum()
        )
        part = Expression(
            fraction(power * own, count) + slope.format(r=r), lambda: own / count * derivative(s.loss, residual())
        )
        return Term(whole, part)

    return rule


def _general(s: Setting) -> Term:
    target, mask = jax.numpy.asarray(s.target), None if s.mask is None else jax.numpy.asarray(s.mask)

    def value(a: jax.Array) -> jax.Array:
        return jax.numpy.asarray(s.output.weighed(s.loss(target, a, mask=mask)))

    def at() -> jax.Array:
        return jax.numpy.asarray(s.prediction(), float)

    name = rf"\mathrm{{{type(s.loss).__name__}}}({s.t}, {s.a})"
    slope = Expression(rf"\frac{{\partial {name}}}{{\partial {s.a}}}", lambda: np.asarray(jax.grad(value)(at())))
    return Term(Expression(name, lambda: np.asarray(value(at()))), slope)


def _log(p: Array, exact: bool) -> Array:
    return np.log(np.maximum(p, np.finfo(np.float64).tiny) if exact else np.clip(p, _LEAST, 1 - _LEAST))


def _inside(p: Array) -> Array:
    """1 where a probability is not cut, and has a gradient."""
    return 1.0 * ((p >= _LEAST) & (p <= 1 - _LEAST))


RULES: dict[type[Loss], Callable[[Setting], Term]] = {
    losses.CategoricalCrossentropy: _cross_entropy,
    losses.SparseCategoricalCrossentropy: _cross_entropy,
    losses.BinaryCrossentropy: _binary,
    losses.MeanSquaredError: _of_residual("{r}^{{2}}", "{r}", lambda _, r: r**2, lambda _, r: 2.0 * r),
    losses.MeanAbsoluteError: _of_residual(
        "|{r}|", r"\operatorname{{sign}}{r}", lambda _, r: np.abs(r), lambda _, r: np.sign(r)
    ),
    losses.Huber: _of_residual(
        r"h_{{\delta}}{r}",
        r"\max(-\delta, \min(\delta, {r}))",
        lambda f, r: np.where(np.abs(r) <= f.delta, 0.5 * r**2, f.delta * (np.abs(r) - 0.5 * f.delta)),
        lambda f, r: np.clip(r, -f.delta, f.delta),
    ),
}
