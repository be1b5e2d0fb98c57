"""SimpleRNN and LSTM through time: the equations of one step, and of its gradients, which need those of the step after.

dL/dW = sum over t of x_t^T dL/dz_t,   dL/dU = sum over t of h_{t-1}^T dL/dz_t
"""

from __future__ import annotations

from typing import Any

import numpy as np

from liuli.inspect.derivation.activations import symbol
from liuli.inspect.derivation.lines import Expression, Step
from liuli.inspect.derivation.recurrence import Array, Loop, cut_in, pull, push
from liuli.layers.recurrent.lstm import LSTMStep
from liuli.layers.recurrent.simple_rnn import SimpleRNNStep


class SimpleLoop(Loop):
    """h_t = a(z_t),   z_t = x_t W + h_{t-1} U + b"""

    def forward(self) -> list[Step]:
        a = symbol(self.cell.activation)
        z, h = self.affine(), f"{a}({self.at('z')})"
        return [
            Step("z", Expression(z, self._z)),
            Step("h", Expression(h, lambda: self.held("h", push(self.cell.activation, self.value("z"))))),
        ]

    def backward(self) -> list[Step]:
        dz = rf"{self.D('h')} \odot {symbol(self.cell.activation)}'({self.at('z')})"
        return [
            Step("h", self.gathered("h")),
            Step("z", Expression(dz, lambda: self.counts() * self._through(self.gradient("h")))),
        ]

    def carried(self, state: str, step: str) -> list[Expression]:
        return [by_recurrent(self, step)]

    def dz(self) -> Array:
        return self.gradient("z")

    def dz_symbol(self, step: str = "t") -> str:
        return self.D("z", step)

    def params(self) -> dict[str, Expression]:
        return products(self, self.dz_symbol(), self.dz)

    def _z(self) -> Array:
        return self.by_kernel(self.entering()) + self.by_recurrent(self.recurring()) + self.bias()

    def _through(self, g: Array) -> Array:
        return pull(self.cell.activation, g, self.value("z"))


class LSTMLoop(Loop):
    """c_t = s(f) c_{t-1} + s(i) a(g),   h_t = s(o) a(c_t)"""

    def forward(self) -> list[Step]:
        s, a = self._functions()
        i, f, g, o, c = map(self.at, "ifgoc")
        z = f"{self.affine()} = [{i}, {f}, {g}, {o}]"
        c_now = rf"{s}({f}) \odot {self.at('c', 't-1')} + {s}({i}) \odot {a}({g})"
        return [
            Step("gates", Expression(z, self._z, self.where())),
            Step("c", Expression(c_now, self._c)),
            Step("h", Expression(rf"{s}({o}) \odot {a}({c})", self._h)),
        ]

    def backward(self) -> list[Step]:
        (s, a), (i, f, g, o, c), before = self._functions(), map(self.at, "ifgoc"), self.at("c", "t-1")
        dh, dc = self.D("h"), self.D("c")
        of_c = rf"{dh} \odot {s}({o}) \odot {a}'({c})"
        of_z = (
            rf"[{dc} \odot {a}({g}) \odot {s}'({i}), {dc} \odot {before} \odot {s}'({f}), "
            rf"{dc} \odot {s}({i}) \odot {a}'({g}), {dh} \odot {a}({c}) \odot {s}'({o})]"
        )
        return [
            Step("h", self.gathered("h")),
            Step("c", self.gathered("c", Expression(of_c, self._through_h))),
            Step("gates", Expression(of_z, self._dz)),
        ]

    def carried(self, state: str, step: str) -> list[Expression]:
        if state == "h":
            return [by_recurrent(self, step)]
        text = rf"{self.D('c', step)} \odot {symbol(self.cell.recurrent_activation)}({self.at('f', step)})"
        return [Expression(text, lambda: self.counts() * self.gradient("c") * self._s(1) + self.kept("c"))]

    def dz(self) -> Array:
        return self.gradient("gates")

    def dz_symbol(self, step: str = "t") -> str:
        return self.D("z", step)

    def params(self) -> dict[str, Expression]:
        return products(self, self.dz_symbol(), self.dz)

    def _functions(self) -> tuple[str, str]:
        return symbol(self.cell.recurrent_activation), symbol(self.cell.activation)

    def _gate(self, place: int) -> Array:
        return cut_in(self.value("gates"), 4)[place]

    def _s(self, place: int) -> Array:
        return push(self.cell.recurrent_activation, self._gate(place))

    def _a(self) -> Array:
        return push(self.cell.activation, self._gate(2))

    def _z(self) -> Array:
        return self.by_kernel(self.entering()) + self.by_recurrent(self.recurring()) + self.bias()

    def _c(self) -> Array:
        return self.held("c", self._s(1) * self.before("c") + self._s(0) * self._a())

    def _h(self) -> Array:
        return self.held("h", self._s(3) * push(self.cell.activation, self.value("c")))

    def _through_h(self) -> Array:
        """What comes to c from the h of the same step."""
        return self.counts() * pull(self.cell.activation, self.gradient("h") * self._s(3), self.value("c"))

    def _dz(self) -> Array:
        dc, dh, s = self.gradient("c"), self.gradient("h"), self.cell.recurrent_activation
        parts = [
            pull(s, dc * self._a(), self._gate(0)),
            pull(s, dc * self.before("c"), self._gate(1)),
            pull(self.cell.activation, dc * self._s(0), self._gate(2)),
            pull(s, dh * push(self.cell.activation, self.value("c")), self._gate(3)),
        ]
        return self.counts() * np.concatenate(parts, axis=-1)


def by_recurrent(loop: Loop, step: str) -> Expression:
    """dL/dz U^T, which a step gives to the h before it."""

    def compute() -> Array:
        return loop.from_recurrent(loop.dz()) * loop.factor("recurrent_dropout", loop.value("h")) + loop.kept("h")

    back = loop.back_through(loop.dz_symbol(step), loop.W("recurrent_kernel"))
    return Expression(loop.dropped("recurrent_dropout", "h", back, False), compute)


def products(loop: Loop, dz: str, value: Any) -> dict[str, Expression]:
    """dL/dW, dL/dU and dL/db of z_t = x_t W + h_{t-1} U + b."""
    over = "" if loop.alone else r"\sum_{t} "
    found = {
        "kernel": Expression(loop.onto(over, loop.entering_symbol(), dz), lambda: loop.to_kernel(value())),
        "recurrent_kernel": Expression(
            loop.onto(over, loop.recurring_symbol(), dz), lambda: loop.to_recurrent(value())
        ),
    }
    if loop.cell.use_bias:
        found["bias"] = Expression(
            rf"\sum_{{t}} {dz}" if over else rf"\sum {dz}", lambda: value().sum(tuple(range(value().ndim - 1)))
        )
    return found


LOOPS = [(LSTMStep, LSTMLoop), (SimpleRNNStep, SimpleLoop)]
