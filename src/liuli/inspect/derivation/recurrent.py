"""LSTM, through time. All steps stand in one array; the gradients of a step need those of the step after it."""

from __future__ import annotations

from typing import Any

import numpy as np

from liuli.inspect.derivation.activations import function, slope, symbol
from liuli.inspect.derivation.call import Call
from liuli.inspect.derivation.general import general
from liuli.inspect.derivation.lines import Expression, Piece, Step
from liuli.inspect.derivation.notation import gradient, transposed

Array = np.ndarray


class _Numbers:
    """What the rules of an LSTM compute with: everything in the order of reading, (batch, time, ...)."""

    def __init__(self, call: Call) -> None:
        self.call, self.layer = call, call.layer

    @property
    def x(self) -> Array:
        return self.read(self.call.x)

    @property
    def counts(self) -> Array:
        """1 where a step counts, 0 where it is masked: (batch, time, 1)."""
        if self.call.mask is None:
            return np.ones((*self.call.x.shape[:2], 1))
        return self.read(np.asarray(self.call.mask, np.float64))[:, :, None]

    def read(self, sequence: Array) -> Array:
        """From the order of time to that of reading, and back."""
        return sequence[:, ::-1] if self.layer.go_backwards else sequence  # type: ignore[attr-defined]

    def gates(self) -> list[Array]:
        return np.split(self.call.value("gates"), 4, axis=-1)

    def s(self, z: Array) -> Array:
        return function(self.layer.recurrent_activation, z)  # type: ignore[attr-defined]

    def ds(self, z: Array) -> Array:
        return slope(self.layer.recurrent_activation, z)  # type: ignore[attr-defined]

    def a(self, z: Array) -> Array:
        return function(self.layer.activation, z)  # type: ignore[attr-defined]

    def da(self, z: Array) -> Array:
        return slope(self.layer.activation, z)  # type: ignore[attr-defined]

    def arriving(self) -> Array:
        """What comes to each h from the layer's output: from every step, or from the last alone."""
        dy = self.call.gradient("y")
        if self.layer.return_sequences:  # type: ignore[attr-defined]
            return dy
        return np.concatenate([np.zeros_like(self.call.value("h"))[:, 1:], dy[:, None]], axis=1)

    def z(self) -> Array:
        call, h = self.call, _earlier(self.call.value("h"))
        b = call.weight("bias") if "bias" in call.params else 0.0
        return self.x @ call.weight("kernel") + h @ call.weight("recurrent_kernel") + b

    def c(self) -> Array:
        (i, f, g, _), m, before = self.gates(), self.counts, _earlier(self.call.value("c"))
        return m * (self.s(f) * before + self.s(i) * self.a(g)) + (1 - m) * before

    def h(self) -> Array:
        m, before = self.counts, _earlier(self.call.value("h"))
        return m * self.s(self.gates()[3]) * self.a(self.call.value("c")) + (1 - m) * before

    def dh(self) -> Array:
        call, kept = self.call, (1 - self.counts) * self.call.gradient("h")
        return self.arriving() + _later(call.gradient("gates") @ call.weight("recurrent_kernel").T + kept)

    def dc(self) -> Array:
        call, (_, f, _, o), m = self.call, self.gates(), self.counts
        carried = call.gradient("c") * (m * self.s(f) + 1 - m)
        return m * call.gradient("h") * self.s(o) * self.da(call.value("c")) + _later(carried)

    def dz(self) -> Array:
        call, (i, f, g, o) = self.call, self.gates()
        dc, dh, c = call.gradient("c"), call.gradient("h"), call.value("c")
        parts = [
            dc * self.a(g) * self.ds(i),
            dc * _earlier(c) * self.ds(f),
            dc * self.s(i) * self.da(g),
            dh * self.a(c) * self.ds(o),
        ]
        return self.counts * np.concatenate(parts, axis=-1)

    def y(self) -> Array:
        h = self.call.value("h")
        return h if self.layer.return_sequences else h[:, -1]  # type: ignore[attr-defined]


def lstm(call: Call) -> Piece:
    """dL/dc_t and dL/dh_t gather what comes from above and from step t + 1; dL/dW = sum over t of x_t^T dL/dz_t.

    The formulas are those of a step that counts; a masked one keeps c and h, and is computed so. An LSTM that starts
    from other states than 0, cuts gradients or leaves units out is described in general.
    """
    if not _plain(call):
        return general(call)
    n, words = _Numbers(call), _symbols(call)
    forward = [
        Step("gates", Expression(words["gates"], n.z)),
        Step("c", Expression(words["c"], n.c)),
        Step("h", Expression(words["h"], n.h)),
        Step("y", Expression(words["y"], n.y)),
    ]
    backward = [
        Step("h", Expression(words["dh"], n.dh)),
        Step("c", Expression(words["dc"], n.dc)),
        Step("gates", Expression(words["dz"], n.dz)),
    ]
    params = {
        "kernel": Expression(words["dW"], lambda: np.einsum("btn,btu->nu", n.x, call.gradient("gates"))),
        "recurrent_kernel": Expression(
            words["dU"], lambda: np.einsum("btn,btu->nu", _earlier(call.value("h")), call.gradient("gates"))
        ),
    }
    if "bias" in call.params:
        params["bias"] = Expression(words["db"], lambda: call.gradient("gates").sum((0, 1)))
    back = Expression(words["dx"], lambda: n.read(call.gradient("gates") @ call.weight("kernel").T))
    return Piece(forward, backward, [back], params)


def _plain(call: Call) -> bool:
    """Whether the formulas hold for this LSTM."""
    layer: Any = call.layer
    drops = call.training and (layer.dropout or layer.recurrent_dropout)
    special = layer.return_state or layer.stateful or layer.num_steps or layer.zero_output_for_mask
    return len(call.inputs) == 1 and not special and not drops


def _symbols(call: Call) -> dict[str, str]:
    """The formulas, with t for the step."""
    layer: Any = call.layer
    k, s, a = call.index, symbol(layer.recurrent_activation), symbol(layer.activation)

    def at(letter: str, step: str = "t") -> str:
        return rf"{letter}_{{{k},{step}}}"

    i, f, g, o, c, h = (at(letter) for letter in "ifgoch")
    W, U = call.weight_symbol("kernel"), call.weight_symbol("recurrent_kernel")
    bias, x, dz = (
        f" + {call.weight_symbol('bias')}" if "bias" in call.params else "",
        f"({call.X})_{{t}}",
        gradient(at("z")),
    )
    dc, dh, before = gradient(c), gradient(h), at("c", "t-1")
    above = f"{call.D('y')} + " if layer.return_sequences else f"[t = T] {call.D('y')} + "
    return {
        "gates": f"{x} {W} + {at('h', 't-1')} {U}{bias} = [{i}, {f}, {g}, {o}]",
        "c": rf"{s}({f}) \odot {before} + {s}({i}) \odot {a}({g})",
        "h": rf"{s}({o}) \odot {a}({c})",
        "y": f"{h}" if layer.return_sequences else at("h", "T"),
        "dh": f"{above}{gradient(at('z', 't+1'))} {transposed(U)}",
        "dc": rf"{dh} \odot {s}({o}) \odot {a}'({c}) + {gradient(at('c', 't+1'))} \odot {s}({at('f', 't+1')})",
        "dz": rf"[{dc} \odot {a}({g}) \odot {s}'({i}), {dc} \odot {before} \odot {s}'({f}), "
        rf"{dc} \odot {s}({i}) \odot {a}'({g}), {dh} \odot {a}({c}) \odot {s}'({o})]",
        "dW": rf"\sum_{{t}} {transposed(x)} {dz}",
        "dU": rf"\sum_{{t}} {transposed(at('h', 't-1'))} {dz}",
        "db": rf"\sum_{{t}} {dz}",
        "dx": f"{dz} {transposed(W)}",
    }


def _earlier(sequence: Array) -> Array:
    """The step before each, 0 before the first."""
    return np.concatenate([np.zeros_like(sequence[:, :1]), sequence[:, :-1]], axis=1)


def _later(sequence: Array) -> Array:
    """The step after each, 0 after the last."""
    return np.concatenate([sequence[:, 1:], np.zeros_like(sequence[:, :1])], axis=1)
