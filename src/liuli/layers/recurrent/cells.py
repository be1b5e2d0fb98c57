"""Any cell over time, and cells on top of each other."""

from __future__ import annotations

from itertools import chain, islice
from typing import Any

import jax

from liuli.core.errors import SpecError
from liuli.core.keys import fold
from liuli.core.specs import Spec, abstract, spec
from liuli.layers.base import Context, Params, Shape
from liuli.layers.recurrent.loop import Recurrent
from liuli.layers.recurrent.step import Cell, States, Step

__all__ = ["RNN", "StackedRNNCells"]


@abstract
class StepOfCell(Step):
    """The step of a cell, whose parameters stand under ``cell``."""

    cell: Cell

    @property
    def state_names(self) -> tuple[str, ...]:  # type: ignore[override]
        return self.cell.state_names

    def parameters(self, key: jax.Array, x: Shape) -> Params:
        params = self.cell.parameters(fold(key, "cell"), x)
        return {"cell": params} if params else {}

    def start(self, x: Any) -> States:
        return self.cell.start(x)

    def prepare(self, params: Params, x: Any, ctx: Context) -> Any:
        return self.cell.prepare(params.get("cell", {}), x, ctx.at("cell"))

    def advance(self, shared: Any, x: jax.Array, states: States, ctx: Context) -> States:
        return self.cell.advance(shared, x, states, ctx.at("cell", ctx.mask))

    def whole(
        self, shared: Any, x: jax.Array, states: States, mask: Any, sequences: bool
    ) -> tuple[jax.Array | None, States] | None:
        return self.cell.whole(shared, x, states, mask, sequences)

    def output(self, states: States) -> jax.Array:
        return self.cell.output(states)

    def penalty(self, params: Params) -> jax.Array | float:
        return self.cell.penalty(params["cell"]) if "cell" in params else 0.0

    def constrained(self, params: Params) -> Params:
        return {name: self.cell.constrained(own) for name, own in params.items()}


@spec
class RNN(Recurrent, StepOfCell):
    """y_t, (h_t, ...) = cell(x_t, (h_{t-1}, ...))            x: (batch, time, n)   y = y_T: (batch, units)

    A cell of one's own is a :class:`~liuli.layers.Cell`. Its parameters and taps stand under ``cell``. The states start
    as the cell says, or as they are given: ``RNN(cell)([x, h])``. A masked step leaves them as they were.

    Reference: Elman, *Finding Structure in Time*, Cognitive Science 14, 1990.

    cell:  what is done at each step: a cell, or several as StackedRNNCells.
    return_sequences, return_state, go_backwards:  as in LSTM.
    stateful, num_steps, zero_output_for_mask:     as in LSTM.

    Raises:
        ShapeError: the input is not (batch, time, ...), or the given states do not fit.

    Example:
        >>> from liuli import layers
        >>> layers.RNN(layers.StackedRNNCells([layers.LSTMCell(32), layers.LSTMCell(16)]))
        RNN(StackedRNNCells((LSTMCell(32), LSTMCell(16))))
    """


@spec
class StackedRNNCells(Cell):
    """y, (h_0', h_1', ...) = step(x, (h_0, h_1, ...))            each cell takes what the one before it puts out

    The parameters and taps of each cell stand under its number, ``0``, ``1``, ...; its states are called ``h_0`` and so
    on. What comes out is what the last cell puts out.

    Reference: Graves, Mohamed and Hinton, *Speech recognition with deep recurrent neural networks*, ICASSP 2013.

    cells:  the cells, from the input on.

    Raises:
        SpecError: there are no cells.

    Example:
        >>> from liuli import layers
        >>> layers.StackedRNNCells([layers.GRUCell(32), layers.GRUCell(16)])
        StackedRNNCells((GRUCell(32), GRUCell(16)))
    """

    cells: tuple[Cell, ...]

    def check(self) -> None:
        if not self.cells:
            raise SpecError("StackedRNNCells.cells", got="none", expected="at least one", fix="[layers.LSTMCell(32)]")

    def part_name(self, field: str, index: int | None, part: Spec) -> str:
        return super().part_name(field, index, part) if index is None else str(index)

    @property
    def state_names(self) -> tuple[str, ...]:  # type: ignore[override]
        return tuple(f"{name}_{i}" for i, cell in enumerate(self.cells) for name in cell.state_names)

    def parameters(self, key: jax.Array, x: Shape) -> Params:
        made = {
            str(i): cell.parameters(fold(key, str(i)), entering)
            for i, (cell, entering) in enumerate(zip(self.cells, self._entering(x), strict=True))
        }
        return {name: own for name, own in made.items() if own}

    def start(self, x: Any) -> States:
        each = zip(self.cells, self._entering(x), strict=True)
        return tuple(chain.from_iterable(cell.start(entering) for cell, entering in each))

    def prepare(self, params: Params, x: Any, ctx: Context) -> list[Any]:
        each = enumerate(zip(self.cells, self._entering(x), strict=True))
        return [cell.prepare(params.get(str(i), {}), entering, ctx.at(str(i))) for i, (cell, entering) in each]

    def advance(self, shared: list[Any], x: jax.Array, states: States, ctx: Context) -> States:
        after: States = ()
        for i, (cell, own, before) in enumerate(zip(self.cells, shared, self._dealt(states), strict=True)):
            made = cell.advance(own, x, before, ctx.at(str(i), ctx.mask))
            x, after = cell.output(made), after + made
        return after

    def output(self, states: States) -> jax.Array:
        return self.cells[-1].output(self._dealt(states)[-1])

    def penalty(self, params: Params) -> jax.Array | float:
        return sum((self.cells[int(name)].penalty(own) for name, own in params.items()), 0.0)

    def constrained(self, params: Params) -> Params:
        return {name: self.cells[int(name)].constrained(own) for name, own in params.items()}

    def _entering(self, x: Any) -> list[Shape]:
        """What a step of each cell is like."""
        shapes = [jax.eval_shape(lambda x: x, x)]
        for cell in self.cells[:-1]:
            shapes.append(jax.eval_shape(lambda x, cell=cell: cell.output(cell.start(x)), shapes[-1]))
        return shapes

    def _dealt(self, states: States) -> list[States]:
        """The states of each cell."""
        left = iter(states)
        return [tuple(islice(left, len(cell.state_names))) for cell in self.cells]
