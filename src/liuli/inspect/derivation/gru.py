"""GRU through time: h_t = s(z) h_{t-1} + (1 - s(z)) a(g), where s(r) resets what h_{t-1} brings to g."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from liuli.inspect.derivation.activations import symbol
from liuli.inspect.derivation.lines import Expression, Step
from liuli.inspect.derivation.notation import transposed
from liuli.inspect.derivation.recurrence import Array, Loop, cut_in, pull, push
from liuli.layers.recurrent.gru import GRUStep


class GRULoop(Loop):
    """``reset_after``: g = x W_g + b_g + s(r) (h U_g + b'_g);   else g = x W_g + (s(r) h) U_g + b_g"""

    def forward(self) -> list[Step]:
        s, a, z, g, h = *self._functions(), self.at("z"), self.at("g"), self.at("h", "t-1")
        new = rf"{s}({z}) \odot {h} + (1 - {s}({z})) \odot {a}({g})"
        return [
            Step("gates", Expression(self._gates_formula(), self._gates, self._blocks())),
            Step("candidate", Expression(self._candidate_formula(), self._candidate)),
            Step("h", Expression(new, self._h)),
        ]

    def backward(self) -> list[Step]:
        (s, a), z, g, r = self._functions(), self.at("z"), self.at("g"), self.at("r")
        dh, dg, h = self.D("h"), self.D("g"), self.at("h", "t-1")
        of_r = (
            rf"{dg} \odot ({self._reset_formula()})"
            if self._after
            else rf"{self._into_reset('t')} \odot {self.recurring_symbol()}"
        )
        of_gates = rf"[{dh} \odot ({h} - {a}({g})) \odot {s}'({z}), {of_r} \odot {s}'({r})]"
        of_g = rf"{dh} \odot (1 - {s}({z})) \odot {a}'({g})"
        return [
            Step("h", self.gathered("h")),
            Step("candidate", Expression(of_g, self._dg)),
            Step("gates", Expression(of_gates, self._dgates)),
        ]

    def carried(self, state: str, step: str) -> list[Expression]:
        s, U = symbol(self.cell.recurrent_activation), self._U_symbol
        z, r = f"{s}({self.at('z', step)})", f"{s}({self.at('r', step)})"
        by_gates = f"{self._dgates_symbol(step)} {transposed(U('zr'))}"
        after = rf"({self.D('g', step)} \odot {r}) {transposed(U('g'))}"
        by_g = after if self._after else rf"{r} \odot {self._into_reset(step)}"
        return [
            Expression(rf"{self.D('h', step)} \odot {z}", self._held_by_z),
            self._into_h(by_gates, lambda: self.gradient("gates") @ self._U("zr").T),
            self._into_h(by_g, self._by_candidate),
        ]

    def _held_by_z(self) -> Array:
        return self.counts() * self.gradient("h") * self._s()[0] + self.kept("h")

    def _by_candidate(self) -> Array:
        r = self._s()[1]
        return (self.gradient("candidate") * r) @ self._U("g").T if self._after else r * self._reset()

    def _into_h(self, text: str, compute: Callable[[], Array]) -> Expression:
        """A term that comes to h through a product, with what dropout left of h in it."""
        shown = self.dropped("recurrent_dropout", "h", text, False)
        return Expression(shown, lambda: compute() * self.factor("recurrent_dropout", self.value("h")))

    def dz(self) -> Array:
        return np.concatenate([self.gradient("gates"), self.gradient("candidate")], axis=-1)

    def dz_symbol(self, step: str = "t") -> str:
        return f"[{self.D('z', step)}, {self.D('r', step)}, {self.D('g', step)}]"

    def params(self) -> dict[str, Expression]:
        over = "" if self.alone else r"\sum_{t} "
        kernel = Expression(
            self.onto(over, self.entering_symbol(), self.dz_symbol()), lambda: self.to_kernel(self.dz())
        )
        found = {"kernel": kernel, "recurrent_kernel": self._of_recurrent(over)}
        return found | ({"bias": self._of_bias(over or r"\sum ")} if self.cell.use_bias else {})

    # Letters -------------------------------------------------------------------------------------------

    @property
    def _after(self) -> bool:
        return self.cell.reset_after

    def _functions(self) -> tuple[str, str]:
        return symbol(self.cell.recurrent_activation), symbol(self.cell.activation)

    def _block(self, letter: str, part: str) -> str:
        return rf"{letter}_{{{','.join([str(self.call.owner), *self._own()[1:], part])}}}"

    def _U_symbol(self, part: str) -> str:
        return self._block("U", part)

    def _blocks(self) -> str:
        """What the letters of the parts of W, U and b stand for."""
        cut = [
            rf"{self.W(name)} = [{', '.join(self._block(letter, part) for part in ('zr', 'g'))}]"
            for name, letter in _LETTERS
        ]
        if not self.cell.use_bias:
            return r", \quad ".join(cut)
        rows = ["b", "b'"] if self._after else ["b"]
        parts = ["".join(f", {self._block(letter, part)}" for part in ("zr", "g")) for letter in rows]
        return r", \quad ".join([*cut, f"{self.W('bias')} = [{'; '.join(part[2:] for part in parts)}]"])

    def _gates_formula(self) -> str:
        x, h = self.entering_symbol(), self.recurring_symbol()
        biases = ["b", "b'"][: 1 + self._after] if self.cell.use_bias else []
        own = "".join(f" + {self._block(letter, 'zr')}" for letter in biases)
        return f"{x} {self._block('W', 'zr')} + {h} {self._U_symbol('zr')}{own} = [{self.at('z')}, {self.at('r')}]"

    def _candidate_formula(self) -> str:
        b = f" + {self._block('b', 'g')}" if self.cell.use_bias else ""
        s, r = symbol(self.cell.recurrent_activation), self.at("r")
        x = f"{self.entering_symbol()} {self._block('W', 'g')}{b}"
        if self._after:
            return rf"{x} + {s}({r}) \odot ({self._reset_formula()})"
        return rf"{x} + ({s}({r}) \odot {self.recurring_symbol()}) {self._U_symbol('g')}"

    def _reset_formula(self) -> str:
        """What s(r) resets, where it does so after the product."""
        b = f" + {self._block(_PRIME, 'g')}" if self.cell.use_bias else ""
        return f"{self.recurring_symbol()} {self._U_symbol('g')}{b}"

    def _into_reset(self, step: str) -> str:
        return f"({self.D('g', step)} {transposed(self._U_symbol('g'))})"

    def _dgates_symbol(self, step: str) -> str:
        return f"[{self.D('z', step)}, {self.D('r', step)}]"

    # Numbers -------------------------------------------------------------------------------------------

    def _U(self, part: str) -> Array:
        cut = 2 * self.cell.units
        return self.weight("recurrent_kernel")[:, slice(cut) if part == "zr" else slice(cut, None)]

    def _s(self) -> list[Array]:
        """s(z) and s(r)"""
        return cut_in(push(self.cell.recurrent_activation, self.value("gates")), 2)

    def _biases(self) -> tuple[Array, Array]:
        """b and b', or b and 0."""
        zero = np.zeros(3 * self.cell.units)
        if not self.cell.use_bias:
            return zero, zero
        return tuple(self.weight("bias")) if self._after else (self.weight("bias"), zero)  # type: ignore[return-value]

    def _from_x(self) -> Array:
        return self.by_kernel(self.entering()) + self._biases()[0]

    def _gates(self) -> Array:
        cut = 2 * self.cell.units
        return self._from_x()[..., :cut] + self.recurring() @ self._U("zr") + self._biases()[1][:cut]

    def _brought(self) -> Array:
        """h U_g + b'_g"""
        return self.recurring() @ self._U("g") + self._biases()[1][2 * self.cell.units :]

    def _candidate(self) -> Array:
        r, own = self._s()[1], self._from_x()[..., 2 * self.cell.units :]
        return own + (r * self._brought() if self._after else (r * self.recurring()) @ self._U("g"))

    def _a(self) -> Array:
        return push(self.cell.activation, self.value("candidate"))

    def _h(self) -> Array:
        z = self._s()[0]
        return self.held("h", z * self.before("h") + (1.0 - z) * self._a())

    def _dg(self) -> Array:
        arriving = self.counts() * self.gradient("h") * (1.0 - self._s()[0])
        return pull(self.cell.activation, arriving, self.value("candidate"))

    def _reset(self) -> Array:
        """The gradient of s(r) h, where h is reset before the product."""
        return self.gradient("candidate") @ self._U("g").T

    def _dgates(self) -> Array:
        of_z = self.counts() * self.gradient("h") * (self.before("h") - self._a())
        of_r = self.gradient("candidate") * self._brought() if self._after else self._reset() * self.recurring()
        return pull(self.cell.recurrent_activation, np.concatenate([of_z, of_r], -1), self.value("gates"))

    def _by_h(self) -> Array:
        """What h_{t-1} U, or its bias b', has as its gradient, where h is reset after the product."""
        return np.concatenate([self.gradient("gates"), self.gradient("candidate") * self._s()[1]], axis=-1)

    def _by_h_symbol(self) -> str:
        r = f"{symbol(self.cell.recurrent_activation)}({self.at('r')})"
        return rf"[{self.D('z')}, {self.D('r')}, {self.D('g')} \odot {r}]"

    def _of_recurrent(self, over: str) -> Expression:
        h, dg = self.recurring_symbol(), self.D("g")
        if self._after:
            return Expression(self.onto(over, h, self._by_h_symbol()), lambda: self.to_recurrent(self._by_h()))
        reset = rf"({symbol(self.cell.recurrent_activation)}({self.at('r')}) \odot {h})"
        text = f"[{self.onto(over, h, self._dgates_symbol('t'))}, {self.onto(over, reset, dg)}]"

        def compute() -> Array:
            by_g = np.einsum("btn,btu->nu", self._s()[1] * self.recurring(), self.gradient("candidate"))
            return np.concatenate([self.to_recurrent(self.gradient("gates")), by_g], axis=-1)

        return Expression(text, compute)

    def _of_bias(self, over: str) -> Expression:
        if not self._after:
            return Expression(f"{over}{self.dz_symbol()}", lambda: self.dz().sum((0, 1)))
        text = f"[{over}{self.dz_symbol()}; {over}{self._by_h_symbol()}]"
        return Expression(text, lambda: np.stack([self.dz().sum((0, 1)), self._by_h().sum((0, 1))]))


_PRIME = "b'"
_LETTERS = (("kernel", "W"), ("recurrent_kernel", "U"))
LOOPS = [(GRUStep, GRULoop)]
