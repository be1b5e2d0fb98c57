"""Layers that make one value of several: what comes back is dealt out to each."""

from __future__ import annotations

from functools import reduce

import numpy as np

from liuli import layers
from liuli.inspect.derivation.call import Call
from liuli.inspect.derivation.lines import Expression, Piece, Step
from liuli.inspect.derivation.units import hat, normalized, through_norm, turned_back

Array = np.ndarray


def add(call: Call) -> Piece:
    """a = x_1 + x_2 + ...: the gradient goes to each."""
    forward = Expression(" + ".join(call.symbols), lambda: np.sum(call.xs, axis=0))
    back = Expression(call.D("y"), lambda: call.gradient("y"))
    return Piece([Step("y", forward)], [], [back] * len(call.inputs))


def subtract(call: Call) -> Piece:
    """a = x_1 - x_2: the second takes the gradient with the other sign."""
    forward = Expression(" - ".join(call.symbols), lambda: call.xs[0] - call.xs[1])
    first = Expression(call.D("y"), lambda: call.gradient("y"))
    return Piece([Step("y", forward)], [], [first, Expression(f"-{call.D('y')}", lambda: -call.gradient("y"))])


def average(call: Call) -> Piece:
    """a = (x_1 + ... + x_k) / k: each takes a share of the gradient."""
    k = len(call.inputs)
    total = rf"\frac{{1}}{{{k}}} ({' + '.join(call.symbols)})"
    back = Expression(rf"\frac{{1}}{{{k}}} {call.D('y')}", lambda: call.gradient("y") / k)
    return Piece([Step("y", Expression(total, lambda: np.mean(call.xs, axis=0)))], [], [back] * k)


def multiply(call: Call) -> Piece:
    """a = x_1 x_2 ...: each takes the gradient times all others."""

    def part(i: int) -> Expression:
        others = [symbol for j, symbol in enumerate(call.symbols) if j != i]

        def compute() -> Array:
            return reduce(np.multiply, [x for j, x in enumerate(call.xs) if j != i], call.gradient("y"))

        return Expression(r" \odot ".join([call.D("y"), *others]), compute)

    forward = Expression(r" \odot ".join(call.symbols), lambda: reduce(np.multiply, call.xs))
    return Piece([Step("y", forward)], [], [part(i) for i in range(len(call.inputs))])


def extreme(call: Call) -> Piece:
    """a = max(x_1, x_2, ...), or min: the gradient goes to the one that it is; two that are equal take half each."""
    largest = isinstance(call.layer, layers.Maximum)
    chosen, a = np.maximum if largest else np.minimum, call.symbol("y")

    def shares() -> list[Array]:
        """The share of each input, from the last comparison to the first."""
        xs, left = call.xs, np.ones(call.x.shape)
        before = [reduce(chosen, xs[: i + 1]) for i in range(len(xs))]
        found: list[Array] = []
        for i in range(len(xs) - 1, 0, -1):
            taken = np.where(xs[i] == before[i - 1], 0.5, 1.0 * (chosen(xs[i], before[i - 1]) == xs[i]))
            found.append(left * taken)
            left = left * (1.0 - taken)
        return [left, *reversed(found)]

    def part(i: int) -> Expression:
        return Expression(rf"[{call.symbols[i]} = {a}] \odot {call.D('y')}", lambda: shares()[i] * call.gradient("y"))

    name = r"\max" if largest else r"\min"
    forward = Expression(f"{name}({', '.join(call.symbols)})", lambda: reduce(chosen, call.xs))
    return Piece([Step("y", forward)], [], [part(i) for i in range(len(call.inputs))])


def concatenate(call: Call) -> Piece:
    """a = [x_1, x_2, ...]: each takes its part of the gradient."""
    axis = call.layer.axis
    ends = np.cumsum([x.shape[axis] for x in call.xs])

    def part(i: int) -> Expression:
        begin, end = int(ends[i] - call.xs[i].shape[axis]), int(ends[i])
        taken = np.arange(begin, end)
        return Expression(rf"{call.D('y')}[{begin}:{end}]", lambda: np.take(call.gradient("y"), taken, axis=axis))

    forward = Expression(f"[{', '.join(call.symbols)}]", lambda: np.concatenate(call.xs, axis=axis))
    return Piece([Step("y", forward)], [], [part(i) for i in range(len(call.inputs))])


def dot(call: Call) -> Piece:
    """a = sum_i x_1i x_2i: each takes the gradient times the other, through its length where both were normalized."""
    pair = _Pair(call)
    x, y = pair.names
    where = r"\hat{x} = \frac{x}{|x|}" if pair.normalize else ""
    forward = Expression(rf"\sum_{{i}} ({x})_{{i}} ({y})_{{i}}", pair.product, where)
    return Piece([Step("y", forward)], [], [pair.back(0), pair.back(1)])


class _Pair:
    """The inputs of a Dot, the letters of their axes (i is the one that is summed over), and of those of the output."""

    def __init__(self, call: Call) -> None:
        self.call, self.normalize = call, call.layer.normalize
        self.axes = call.layer._axes(call.xs)
        free, self.letters = iter("cdefghjklmnopqrstuvwxyz"), []
        for x, axis in zip(call.xs, self.axes, strict=True):
            self.letters.append("".join("b" if n == 0 else "i" if n == axis else next(free) for n in range(x.ndim)))
        self.out = "b" + "".join(each[1:].replace("i", "") for each in self.letters)
        self.names = [hat(symbol) if self.normalize else symbol for symbol in call.symbols]

    def value(self, i: int) -> Array:
        return normalized(self.call.xs[i], self.axes[i]) if self.normalize else self.call.xs[i]

    def product(self) -> Array:
        y = np.einsum(f"{self.letters[0]},{self.letters[1]}->{self.out}", self.value(0), self.value(1))
        return y.reshape(self.call.value("y").shape)

    def back(self, i: int) -> Expression:
        own, other, D = self.names[i], self.names[1 - i], self.call.D("y")
        if not self.normalize:
            return Expression(f"{D} {other}", lambda: self._to(i))
        text = turned_back(f"{D} {other}", own, self.call.symbols[i])
        return Expression(text, lambda: through_norm(self._to(i), self.call.xs[i], self.axes[i]))

    def _to(self, i: int) -> Array:
        """The gradient of one input as it is multiplied."""
        dy, other = self.call.gradient("y"), self.value(1 - i)
        dy = dy[:, 0] if len(self.out) == 1 else dy
        return np.einsum(f"{self.out},{self.letters[1 - i]}->{self.letters[i]}", dy, other)


RULES = {
    layers.Add: add,
    layers.Average: average,
    layers.Concatenate: concatenate,
    layers.Dot: dot,
    layers.Maximum: extreme,
    layers.Minimum: extreme,
    layers.Multiply: multiply,
    layers.Subtract: subtract,
}
