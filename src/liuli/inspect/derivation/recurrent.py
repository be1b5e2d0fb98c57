"""Recurrent layers, cells and stacks of cells, over time: the lines of all their loops, put together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from liuli import layers
from liuli.inspect.derivation import convolving_lstm, gru, steps
from liuli.inspect.derivation.call import Call
from liuli.inspect.derivation.general import general
from liuli.inspect.derivation.lines import Expression, Piece, Step
from liuli.inspect.derivation.penalties import penalized
from liuli.inspect.derivation.recurrence import Array, Loop

LOOPS: list[tuple[type, type[Loop]]] = [*steps.LOOPS, *gru.LOOPS, *convolving_lstm.LOOPS]


def recurrent(call: Call) -> Piece:
    """The lines of all cells of a recurrent layer, or of a cell alone.

    The formulas are those of a step that counts; a masked one keeps its states, and is computed so. A layer with cells
    of one's own is described in general.
    """
    stack = loops(call)
    if not stack:
        return general(call)
    forward = [_placed(loop, step) for loop in stack for step in loop.forward()]
    backward = [_placed(loop, step) for loop in reversed(stack) for step in loop.backward()]
    entering = Expression(stack[0].giving(), lambda: _as_given(stack[0], stack[0].read(stack[0].to_x())))
    starts = [loop.to_start(name) for loop in stack for name in loop.names] if len(call.inputs) > 1 else []
    params = {loop.home + name: term for loop in stack for name, term in loop.params().items()}
    if stack[0].home:
        params = {name: penalized(call, name, _cell_of(stack, name), term) for name, term in params.items()}
    return Piece([*forward, *_leaving(call, stack)], backward, [entering, *starts], params)


def loops(call: Call) -> list[Loop]:
    """The loops of a call, from the input on; none where one of its cells is not known."""
    stack: list[Loop] = []
    for home, cell in _cells(call.layer, ""):
        kind = next((loop for step, loop in LOOPS if isinstance(cell, step)), None)
        if kind is None:
            return []
        stack.append(kind(call, cell, home, stack))
    return stack


def _cells(layer: Any, home: str) -> list[tuple[str, Any]]:
    """Each cell with its place in the layer; the layer itself where it is one."""
    if isinstance(layer, layers.RNN):
        return _cells(layer.cell, "cell/")
    if isinstance(layer, layers.StackedRNNCells):
        return [found for i, cell in enumerate(layer.cells) for found in _cells(cell, f"{home}{i}/")]
    return [(home, layer)]


def _placed(loop: Loop, step: Step) -> Step:
    """A line of a loop as one of the call."""
    said = step.expression
    return Step(loop.home + step.tap, replace(said, compute=lambda: _as_given(loop, said.compute())))


def _cell_of(stack: list[Loop], name: str) -> Any:
    return next(loop.cell for loop in stack if name.startswith(loop.home))


def _as_given(loop: Loop, sequence: Array) -> Array:
    return sequence[:, 0] if loop.alone else sequence


def _leaving(call: Call, stack: list[Loop]) -> list[Step]:
    """The lines of the outputs: h of the last cell, and where they are asked for all last states."""
    last, every = stack[-1], getattr(call.layer, "return_sequences", False)

    def y() -> Array:
        h = last.value("h")
        return h * last.counts() if call.layer.zero_output_for_mask else h

    ended = [(loop, name) for loop in stack for name in loop.names]
    states = [
        Step(tap, Expression(loop.at(name, "T"), lambda loop=loop, name=name: loop.value(name)[:, -1]))
        for tap, (loop, name) in zip(call.made[1:], ended, strict=False)
    ]
    out = Expression(last.at("h"), y) if every else Expression(last.at("h", "T"), lambda: last.value("h")[:, -1])
    return [Step(call.made[0], out), *states]


RULES = {
    layers.ConvLSTM1D: recurrent,
    layers.ConvLSTM2D: recurrent,
    layers.ConvLSTM3D: recurrent,
    layers.GRU: recurrent,
    layers.GRUCell: recurrent,
    layers.LSTM: recurrent,
    layers.LSTMCell: recurrent,
    layers.RNN: recurrent,
    layers.SimpleRNN: recurrent,
    layers.SimpleRNNCell: recurrent,
    layers.StackedRNNCells: recurrent,
}
