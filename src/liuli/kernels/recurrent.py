"""LSTM, GRU and SimpleRNN over whole sequences in one native call, with the usual activations.

Where there is no :func:`~liuli.kernels.usable` kernel, layers take one step after the other instead.
"""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from liuli.kernels.native import call, like

States = tuple[jax.Array, ...]


class CellKind(NamedTuple):
    """A kind of cell: the gates of W and U, of both together, its states.

    Of a step it saves h, a number for each gate, whose gradients take their place on the way back, and the rest.
    """

    name: str
    x_gates: int
    h_gates: int
    gates: int
    states: int
    rest: int


LSTM = CellKind("lstm", x_gates=4, h_gates=4, gates=4, states=2, rest=1)  # gates i f g o; states h c
GRU = CellKind("gru", x_gates=3, h_gates=3, gates=4, states=1, rest=0)  # z r n, n in two parts: of x and of h
SIMPLE_RNN = CellKind("simple_rnn", x_gates=1, h_gates=1, gates=1, states=1, rest=0)


def recurrent(
    cell: CellKind,
    x: jax.Array,
    kernel: jax.Array,
    recurrent_kernel: jax.Array,
    bias: jax.Array | None,
    states: States,
    mask: jax.Array | None = None,
    sequences: bool = True,
) -> tuple[jax.Array | None, States]:
    """The outputs h_1 .. h_T, and the states after the last step.

    x: (batch, time, n)   kernel: (n, gates units)   recurrent_kernel: (units, gates units)   bias: (gates, units)
    states: each (batch, units)   mask: (batch, time)   the outputs: (batch, time, units), or None without ``sequences``

    The bias has a row for each gate before activation; GRU's four are z, r, and the two parts of the candidate.
    A masked step leaves the states as they were.
    """
    units = states[0].shape[-1]
    bias = jnp.zeros((cell.gates, units), x.dtype) if bias is None else bias
    counts = None if mask is None else mask.astype(jnp.uint8)
    found: Any = _over_time(cell, sequences, x, kernel, recurrent_kernel, bias, jnp.stack(states), counts)
    ys, last = found
    return ys if sequences else None, tuple(last)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _over_time(cell: CellKind, sequences: bool, *arrays: Any) -> tuple[jax.Array, jax.Array]:
    ys, last, *_ = _forward(cell, sequences, False, *arrays)
    return ys, last


def _forward(
    cell: CellKind,
    sequences: bool,
    keep: bool,
    x: Any,
    kernel: Any,
    recurrent_kernel: Any,
    bias: Any,
    start: Any,
    mask: Any,
) -> Any:
    (batch, steps, n), units = x.shape, start.shape[-1]
    wide = _wide(units)
    outputs = [
        like(batch, steps, units) if sequences else like(1),
        like(*start.shape),
        like(steps, batch, n + wide) if keep else like(1),
        like(steps, batch, cell.gates * wide) if keep else like(1),
        like(steps, batch, cell.rest * wide) if keep and cell.rest else like(1),
    ]
    given = (x, kernel, recurrent_kernel, bias, start, _or_one(mask, jnp.uint8))
    how: dict[str, Any] = {"masked": mask is not None, "sequences": sequences, "keep": keep}
    return call(f"{cell.name}_forward", outputs, *given, **how)


def _kept(cell: CellKind, sequences: bool, *arrays: Any) -> Any:
    ys, last, *kept = _forward(cell, sequences, True, *arrays)
    _, kernel, recurrent_kernel, _, _, mask = arrays
    return (ys, last), (*kept, kernel, recurrent_kernel, mask)


def _back(cell: CellKind, sequences: bool, saved: Any, gradients: Any) -> Any:
    z, kept, rest, kernel, recurrent_kernel, mask = saved
    dys, dlast = gradients
    (steps, batch, _), (n, _), (units, _) = z.shape, kernel.shape, recurrent_kernel.shape
    outputs = [like(*kept.shape), like(*dlast.shape), like(*kernel.shape), like(*recurrent_kernel.shape)]
    given = (kept, rest, z, recurrent_kernel, dys, dlast, _or_one(mask, jnp.uint8))
    how = {"masked": mask is not None, "sequences": sequences}
    bias = like(cell.gates, _wide(units))
    gates, dstart, *weights, dbias = call(f"{cell.name}_backward", [*outputs, bias], *given, places={0: 0}, **how)
    (dx,) = call(f"{cell.name}_inputs", [like(batch, steps, n)], gates, kernel)
    return dx, *weights, dbias[:, :units], dstart, None


_over_time.defvjp(_kept, _back)


def _wide(units: int) -> int:
    """Units filled up to whole panels, as the native arrays have them."""
    return 16 * math.ceil(units / 16)


def _or_one(a: jax.Array | None, dtype: Any) -> jax.Array:
    return jnp.zeros(1, dtype) if a is None else a
