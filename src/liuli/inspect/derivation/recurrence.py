"""One cell over time: the numbers that the rules of recurrent layers compute with, and the letters that they write.

All steps stand in one array, (batch, time, ...), in the order of reading. A cell alone is a loop of one step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax.numpy as jnp
import numpy as np

from liuli.activations import Activation
from liuli.inspect.derivation.activations import function, pulled
from liuli.inspect.derivation.call import Call
from liuli.inspect.derivation.lines import Expression, Step, total
from liuli.inspect.derivation.notation import gradient, transposed
from liuli.layers import Cell
from liuli.layers.base import Context
from liuli.layers.recurrent.affine import factor

Array = np.ndarray


class Loop:
    """A cell within ``call``, whose taps and parameters stand under ``home``.

    ``stack`` holds all cells of the call from the input on; each takes the h of the one before it. ``first`` is the
    place of its own states among those of all.
    """

    def __init__(self, call: Call, cell: Any, home: str, stack: list[Loop]) -> None:
        self.call, self.cell, self.home, self.stack, self.place = call, cell, home, stack, len(stack)
        self.names: tuple[str, ...] = cell.state_names
        self.first = sum(len(each.names) for each in stack)
        self.alone = isinstance(call.layer, Cell)  # a layer of one step

    # What an equation says -----------------------------------------------------------------------------

    def forward(self) -> list[Step]:
        """The line of each tap."""
        raise NotImplementedError

    def backward(self) -> list[Step]:
        """The line of each tap's gradient."""
        raise NotImplementedError

    def carried(self, state: str, step: str) -> list[Expression]:
        """The terms of what each step gives to the gradient of a state before it; in letters for the one ``step``."""
        raise NotImplementedError

    def dz(self) -> Array:
        """What W is multiplied with in the gradient of x."""
        raise NotImplementedError

    def dz_symbol(self, step: str = "t") -> str:
        """Its formula."""
        raise NotImplementedError

    def params(self) -> dict[str, Expression]:
        """The gradient of each parameter, by its name in the cell."""
        raise NotImplementedError

    # Products, which a convolution writes otherwise ------------------------------------------------------

    times = ""

    def by_kernel(self, x: Array) -> Array:
        return x @ self.weight("kernel")

    def by_recurrent(self, h: Array) -> Array:
        return h @ self.weight("recurrent_kernel")

    def from_kernel(self, dz: Array) -> Array:
        return dz @ self.weight("kernel").T

    def from_recurrent(self, dz: Array) -> Array:
        return dz @ self.weight("recurrent_kernel").T

    def to_kernel(self, dz: Array) -> Array:
        return np.einsum("btn,btu->nu", self.entering(), dz)

    def to_recurrent(self, dz: Array) -> Array:
        return np.einsum("btn,btu->nu", self.recurring(), dz)

    def onto(self, over: str, x: str, dz: str) -> str:
        """sum of x^T dz"""
        return f"{over}{transposed(x)} {dz}"

    def back_through(self, dz: str, W: str) -> str:
        """dz W^T"""
        return f"{dz} {transposed(W)}"

    def where(self) -> str:
        """What the signs of products mean, where that is to be said."""
        return ""

    # Numbers ---------------------------------------------------------------------------------------------

    def value(self, tap: str) -> Array:
        return self._steps(self.call.value(self.home + tap))

    def gradient(self, tap: str) -> Array:
        return self._steps(self.call.gradient(self.home + tap))

    def weight(self, name: str) -> Array:
        return self.call.weight(self.home + name)

    def bias(self) -> Array:
        return self.weight("bias") if self.cell.use_bias else np.zeros(())

    def read(self, sequence: Array) -> Array:
        """From the order of time to that of reading, and back."""
        return sequence[:, ::-1] if self._backwards else sequence

    @property
    def _backwards(self) -> bool:
        return getattr(self.call.layer, "go_backwards", False)

    def x(self) -> Array:
        """What comes in at each step."""
        if self.place:
            return self.stack[self.place - 1].value("h")
        return self.read(self._steps(self.call.xs[0]))

    def counts(self) -> Array:
        """1 where a step counts, 0 where it is masked: (batch, time, 1, ...)."""
        h = self.value("h")
        ones = np.ones((*h.shape[:2], *(1,) * (h.ndim - 2)))
        mask = self.call.mask[0] if isinstance(self.call.mask, tuple) else self.call.mask
        return ones if mask is None else self.read(np.asarray(mask, np.float64)).reshape(ones.shape)

    def entering(self) -> Array:
        """x as W sees it, without what dropout leaves out."""
        return self.x() * self.factor("dropout", self.x())

    def recurring(self) -> Array:
        """h_{t-1} as U sees it."""
        return self.before("h") * self.factor("recurrent_dropout", self.value("h"))

    def factor(self, field: str, like: Array) -> Array:
        """0 for what dropout leaves out at every step, and more than 1 for the rest."""
        ctx = Context(training=self.call.training, key=self.call.key)
        for name in filter(None, self.home.split("/")):
            ctx = ctx.at(name)
        shape = (like.shape[0], *like.shape[2:])
        drawn = factor(getattr(self.cell, field), shape, jnp.float32, ctx.at(field))
        return np.ones(()) if drawn is None else np.asarray(drawn, np.float64)[:, None]

    def before(self, state: str) -> Array:
        """The state before each step."""
        return np.concatenate([self.start(state)[:, None], self.value(state)[:, :-1]], axis=1)

    def start(self, state: str) -> Array:
        """The state before the first step: given, kept from the batch before, or 0."""
        at, given = self.first + self.names.index(state), self.call.xs[1:]
        if given:
            return given[at]
        if getattr(self.call.layer, "stateful", False):
            return np.asarray(self.call.state[self.call.layer.state_names[at]], np.float64)
        return np.zeros_like(self.value(state)[:, 0])

    def gathered(self, state: str, *own: Expression) -> Expression:
        """The gradient of a state: from outside the loop, from this step (``own``) and from the step after it."""
        terms = [*self._from_outside(state), *own, *([] if self.alone else self._from_next(state))]
        zero = Expression("0", lambda: np.zeros_like(self.value(state)))
        return total(terms) if terms else zero

    def to_start(self, state: str) -> Expression:
        """The gradient of the state before the first step."""
        return total([replace(term, compute=_first(term.compute)) for term in self.carried(state, "1")])

    def _from_outside(self, state: str) -> list[Expression]:
        leaving, last = self.call.made[1:], "" if self.alone else r"[t = T] \, "
        every = getattr(self.call.layer, "return_sequences", False)
        found: list[Expression] = []
        if state == self.names[0] and self is self.stack[-1]:
            found.append(Expression(f"{'' if every else last}{self.call.D(self.call.made[0])}", self._of_output))
        elif state == self.names[0]:
            above = self.stack[self.place + 1]
            found.append(Expression(above.giving(), above.to_x))
        if leaving:
            tap = leaving[self.first + self.names.index(state)]
            found.append(Expression(f"{last}{self.call.D(tap)}", lambda: self._at_end(state, self.call.gradient(tap))))
        return found

    def _from_next(self, state: str) -> list[Expression]:
        """What comes from the step after each; nothing where gradients are cut."""
        every = getattr(self.call.layer, "num_steps", None)
        found = []
        for term in self.carried(state, "t+1"):
            text = term.latex if every is None else rf"(1 - [t \in {every} \mathrm{{Z}}]) \odot ({term.latex})"
            found.append(replace(term, latex=text, compute=lambda term=term: self._passed(term.compute(), every)))
        return found

    def _passed(self, given: Array, every: int | None) -> Array:
        given = given[:, 1:]
        if every is not None:
            cut = np.arange(1, given.shape[1] + 1) % every == 0
            given = np.where(cut.reshape(1, -1, *(1,) * (given.ndim - 2)), 0.0, given)
        return np.concatenate([given, np.zeros((len(given), 1, *given.shape[2:]))], axis=1)

    def _of_output(self) -> Array:
        dy = self.call.gradient(self.call.made[0])
        if not getattr(self.call.layer, "return_sequences", False):
            return self._at_end(self.names[0], dy)
        return dy * (self.counts() if self.call.layer.zero_output_for_mask else 1.0)

    def _at_end(self, state: str, gradient: Array) -> Array:
        found = np.zeros_like(self.value(state))
        found[:, -1] = gradient
        return found

    def to_x(self) -> Array:
        """The gradient of what comes in at each step."""
        return self.from_kernel(self.dz()) * self.factor("dropout", self.x())

    def held(self, state: str, new: Array) -> Array:
        """``new`` where steps count, the state before them elsewhere."""
        m = self.counts()
        return m * new + (1.0 - m) * self.before(state)

    def kept(self, state: str) -> Array:
        """What a masked step, which changes nothing, passes on."""
        return (1.0 - self.counts()) * self.gradient(state)

    def _steps(self, array: Array) -> Array:
        return array[:, None] if self.alone else array

    # Letters ---------------------------------------------------------------------------------------------

    def at(self, letter: str, step: str = "t") -> str:
        """A letter at a step of this cell."""
        if letter in self.names and (step == "t-1" and self.alone):
            return self.call.symbols[1 + self.first + self.names.index(letter)]
        return rf"{letter}_{{{','.join([*self._own(), *([] if self.alone else [step])])}}}"

    def X(self) -> str:
        """x at a step."""
        if self.place:
            return self.stack[self.place - 1].at("h")
        if self.alone:
            return self.call.X
        return rf"\mathrm{{reversed}}({self.call.X})_{{t}}" if self._backwards else f"({self.call.X})_{{t}}"

    def entering_symbol(self) -> str:
        return self.dropped("dropout", "x", self.X())

    def recurring_symbol(self) -> str:
        return self.dropped("recurrent_dropout", "h", self.at("h", "t-1"))

    def W(self, name: str = "kernel") -> str:
        return self.call.weight_symbol(self.home + name)

    def affine(self) -> str:
        """x W + h U + b"""
        x, h = f"{self.entering_symbol()}{self.times} {self.W()}", f"{self.recurring_symbol()}{self.times} "
        return f"{x} + {h}{self.W('recurrent_kernel')}" + (f" + {self.W('bias')}" if self.cell.use_bias else "")

    def giving(self) -> str:
        """The formula of what a step gives to the gradient of its x."""
        back = self.dropped("dropout", "x", self.back_through(self.dz_symbol(), self.W()), bracket=False)
        return rf"\mathrm{{reversed}}({back})" if self._backwards and not self.place else back

    def D(self, letter: str, step: str = "t") -> str:
        return gradient(self.at(letter, step))

    def dropped(self, field: str, letter: str, symbol: str, bracket: bool = True) -> str:
        """``symbol`` with the mask that dropout drew, where it drops."""
        if getattr(self.cell, field) is None or not self.call.training:
            return symbol
        m = f"m_{{{','.join([*self._own(), letter])}}}"
        return rf"({m} \odot {symbol})" if bracket else rf"{m} \odot ({symbol})"

    def _own(self) -> list[str]:
        """The number of the call, and those of the cell within it."""
        inside = self.home.removeprefix("cell/").strip("/")
        return [str(self.call.index), *(inside.split("/") if inside else ())]


def _first(sequence: Callable[[], Array]) -> Callable[[], Array]:
    return lambda: sequence()[:, 0]


def cut_in(array: Array, parts: int) -> list[Array]:
    """Equal parts along the last axis."""
    return np.split(array, parts, axis=-1)


def pull(activation: Activation, g: Array, z: Array) -> Array:
    """f'(z) g"""
    return pulled(activation, "g", "z", "a", lambda: (g, z)).compute()


def push(activation: Activation, z: Array) -> Array:
    """f(z)"""
    return function(activation, z)
