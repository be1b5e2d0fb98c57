"""What a rule of a loss is given, and what it gives: how each element counts, and the three lines of a loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from liuli.inspect.derivation.lines import Expression
from liuli.inspect.derivation.notation import fraction, gradient
from liuli.training.recipe import Output

Array = np.ndarray

LEAST = 1e-7  # where losses on probabilities cut them


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
    def loss(self) -> Any:
        return self.output.loss

    @property
    def fused(self) -> bool:
        return self.logit is not None

    @property
    def per_batch(self) -> tuple[float, int]:
        """The factor before the sum over the samples: numerator and denominator."""
        weight = 1.0 if self.output.weight is None else self.output.weight
        return weight, len(self.target) if self.loss.reduction == "mean" else 1

    @property
    def per_sample(self) -> float:
        """The same as a number."""
        weight, count = self.per_batch
        return weight / count

    def shares(self, values: int, keep: Array | None = None, which: str = "m") -> Shares:
        """How much each of ``values`` values of a sample counts in L, where ``keep`` says which do at all.

        A mask over time is the ``keep`` of losses that are a mean over the steps.
        """
        weight, samples = self.per_batch
        if keep is None and self.mask is not None:
            steps = self.mask.shape[1]
            return Shares(weight, samples, np.asarray(self.mask, bool), values // steps, which)
        return Shares(weight, samples * values) if keep is None else Shares(weight, samples, keep, 1, which)


@dataclass(frozen=True, eq=False)
class Shares:
    """Of L = sum c_i l_i the c_i: one number, or where only some count, m / n of it, n of them to a sample.

    each:   how many values there are to an element of ``keep``.
    which:  the symbol of ``keep``.
    """

    weight: float
    count: int
    keep: Array | None = None
    each: int = 1
    which: str = "m"

    def summed(self, body: str, values: Callable[[], Array], shown: float = 1.0, where: str = "") -> Expression:
        """sum c_i l_i. ``shown`` is the part of ``values`` that stands before the sum; its sign before all."""
        factor, counted = self._factor(abs(shown))
        inner = rf"\sum {factor}{body}" if self.keep is not None else rf"{factor}\sum {body}"

        def compute() -> Array:
            found = values()
            return np.asarray((self._numbers(found) * found).sum())

        return Expression("-" * (shown < 0) + inner, compute, _joined(where, counted))

    def along(self, slope: str, values: Callable[[], Array], shown: float = 1.0, where: str = "") -> Expression:
        """c_i dl_i/da. ``shown`` is the part of ``values`` that stands before ``slope``."""
        factor, counted = self._factor(abs(shown))

        def compute() -> Array:
            found = values()
            return self._numbers(found) * found

        return Expression("-" * (shown < 0) + factor + slope, compute, _joined(where, counted))

    def _factor(self, times: float) -> tuple[str, str]:
        if self.keep is None:
            return fraction(times * self.weight, self.count), ""
        m, size = self.which, self.count * self.each
        above = m if times * self.weight == 1 else rf"{times * self.weight:.4g} \, {m}"
        below = "n" if size == 1 else rf"{size} \, n"
        return rf"\frac{{{above}}}{{{below}}} \odot ", rf"n = \max(1, \sum_{{j}} {m}_{{ij}})"

    def _numbers(self, like: Array) -> Array:
        """c_i, lined up with the first axes of ``like``."""
        if self.keep is None:
            return np.asarray(self.weight / self.count)
        n = np.maximum(self.keep.reshape(len(self.keep), -1).sum(1), 1)
        c = self.weight / (self.count * self.each) * self.keep / n.reshape(-1, *[1] * (self.keep.ndim - 1))
        return c.reshape(c.shape + (1,) * (like.ndim - c.ndim))


def _joined(*definitions: str) -> str:
    return r", \quad ".join(text for text in definitions if text)


@dataclass(frozen=True, eq=False)
class Term:
    """The part of one output in L: its value, its gradient at the prediction, and at the pre-activation if moved."""

    value: Expression
    gradient: Expression
    fused: Expression | None = None


Rule = Callable[[Setting], Term]


def through_softmax(s: Setting, closed: Expression) -> Expression:
    """dL/dz of a = softmax(z) which moved into the loss, by the chain rule and in closed form."""
    D = gradient(s.a)
    return Expression(rf"{s.a} \odot ({D} - \langle {D}, {s.a}\rangle) = {closed.latex}", closed.compute, closed.where)


def through_sigmoid(s: Setting, closed: Expression) -> Expression:
    """dL/dz of a = sigmoid(z) which moved into the loss, by the chain rule and in closed form."""
    return Expression(rf"{gradient(s.a)} \odot {s.a} \odot (1 - {s.a}) = {closed.latex}", closed.compute, closed.where)


def logarithm(p: Array, exact: bool) -> Array:
    """log p; where it was not computed from logits, of p cut."""
    return np.log(np.maximum(p, np.finfo(np.float64).tiny) if exact else np.clip(p, LEAST, 1 - LEAST))


def inside(p: Array) -> Array:
    """1 where a probability is not cut, and has a gradient."""
    return 1.0 * ((p >= LEAST) & (p <= 1 - LEAST))


def one_hot(s: Setting) -> Array:
    """Targets, labels or one-hot, as one-hot: (batch, ..., C). A label that is no class has none."""
    classes = s.prediction().shape[-1]
    if s.target.ndim == s.prediction().ndim:
        return np.asarray(s.target, np.float64)
    return 1.0 * (np.asarray(s.target)[..., None] == np.arange(classes))
