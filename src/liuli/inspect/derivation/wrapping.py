"""What is left of layers made of layers when their parts are written: how the parts are put together."""

from __future__ import annotations

from typing import Any

import numpy as np

from liuli import layers
from liuli.inspect.derivation.call import Call
from liuli.inspect.derivation.drawn import unchanged
from liuli.inspect.derivation.lines import Expression, Piece, Step
from liuli.inspect.derivation.simple import reshaped

Array = np.ndarray


def time_distributed(call: Call) -> Piece:
    """a = what the layer made, with its time: the gradient is folded as x was."""
    lines = [reshaped(call, i) for i in range(len(call.made))]
    return Piece(
        [Step(tap, there) for tap, (there, _) in zip(call.made, lines, strict=True)], [], [b for _, b in lines]
    )


def bidirectional(call: Call) -> Piece:
    """a = [h, h'], with the sequence that was read from its end put in the order of time; its states as they are."""
    both = _Directions(call)
    forward = [Step(tap, line) for tap, line in zip(call.made, [*both.merged(), *both.states()], strict=True)]
    half = len(call.inputs) // 2
    states = [Expression(call.D(tap), lambda tap=tap: call.gradient(tap)) for tap in call.made[len(both.merged()) :]]
    a, b = both.parts()
    return Piece(forward, [], [a, *states[: half - 1], b, *states[half - 1 :]])


class _Directions:
    """What the two layers of a Bidirectional put out, in the order of time."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.mode: str | None = call.layer.merge_mode
        self.layers: list[Any] = list(call.layer.directions.values())
        self.half = len(call.inputs) // 2

    def in_time(self, i: int, sequence: Array) -> Array:
        """From the order of reading to that of time, 0 where it is masked; and the gradient back."""
        each, mask = self.layers[i], self.call.mask
        if not each.return_sequences:
            return sequence
        counts = np.ones(sequence.shape[:2]) if mask is None else np.asarray(mask, np.float64)
        counts = counts.reshape(*counts.shape, *(1,) * (sequence.ndim - 2))
        return sequence[:, ::-1] * counts if each.go_backwards else sequence * counts

    def back(self, i: int, gradient: Array) -> Array:
        ones = self.in_time(i, np.ones(gradient.shape))
        each = self.layers[i]
        turn = each.return_sequences and each.go_backwards
        return (gradient * ones)[:, ::-1] if turn else gradient * ones

    def value(self, i: int) -> Array:
        return self.in_time(i, self.call.xs[i * self.half])

    def symbol(self, i: int) -> str:
        each, symbol = self.layers[i], self.call.symbols[i * self.half]
        turned = each.return_sequences and each.go_backwards
        return rf"\mathrm{{reversed}}({symbol})" if turned else symbol

    def merged(self) -> list[Expression]:
        """The outputs before the states."""
        a, b = self.symbol(0), self.symbol(1)
        if self.mode is None:
            return [Expression(self.symbol(i), lambda i=i: self.value(i)) for i in range(2)]
        formulas = {
            "concat": f"[{a}, {b}]",
            "sum": f"{a} + {b}",
            "mul": rf"{a} \odot {b}",
            "ave": rf"\frac{{1}}{{2}} ({a} + {b})",
        }
        return [Expression(formulas[self.mode], self._merge)]

    def states(self) -> list[Expression]:
        """The last states, as they came."""
        places = [i for i in range(len(self.call.inputs)) if i % self.half]
        return [Expression(self.call.symbols[i], lambda i=i: self.call.xs[i]) for i in places]

    def parts(self) -> list[Expression]:
        """What the gradient of the output brings to each layer."""
        return [Expression(self._said(i), lambda i=i: self.back(i, self._share(i))) for i in range(2)]

    def _merge(self) -> Array:
        a, b = self.value(0), self.value(1)
        if self.mode == "concat":
            return np.concatenate([a, b], axis=-1)
        return a * b if self.mode == "mul" else (a + b) * (0.5 if self.mode == "ave" else 1.0)

    def _share(self, i: int) -> Array:
        if self.mode is None:
            return self.call.gradient(self.call.made[i])
        dy, cut = self.call.gradient(self.call.made[0]), self.value(0).shape[-1]
        if self.mode == "concat":
            return dy[..., cut:] if i else dy[..., :cut]
        return dy * {"mul": self.value(1 - i), "sum": 1.0, "ave": 0.5}[self.mode]

    def _said(self, i: int) -> str:
        each = self.layers[i]
        dy = self.call.D(self.call.made[i if self.mode is None else 0])
        cut = self.value(0).shape[-1]
        parts = (f"{dy}[:{cut}]", f"{dy}[{cut}:]")
        said = {"mul": rf"{dy} \odot {self.symbol(1 - i)}", "ave": rf"\frac{{1}}{{2}} {dy}", "concat": parts[i]}
        text = said.get(str(self.mode), dy)
        return rf"\mathrm{{reversed}}({text})" if each.return_sequences and each.go_backwards else text


RULES = {
    layers.Bidirectional: bidirectional,
    layers.TimeDistributed: time_distributed,
    layers.TransformerDecoder: unchanged,
    layers.TransformerEncoder: unchanged,
}
