"""Rows on the device. On the CPU large arrays stay where the caller has them: what is copied are the batches.

XLA takes memory as it is from a 64-byte border on, and the large arrays that NumPy makes begin 16 bytes behind one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

_BORDER = 64
_LARGE = 1 << 20  # bytes; less is copied


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Rows:
    """x[i] = first[i] for i < len(first), else rest[i n - skipped : (i + 1) n - skipped], for rows of n numbers.

    first:  the rows that begin before the first border: (few, ...).
    rest:   all numbers from that border on, flat, where the caller has them.
    shape:  of x.
    """

    first: jax.Array
    rest: jax.Array
    shape: tuple[int, ...] = field(metadata={"static": True})

    @property
    def dtype(self) -> Any:
        return self.first.dtype

    def take(self, rows: jax.Array) -> jax.Array:
        """x[rows]"""
        n = math.prod(self.shape[1:])
        skipped = math.prod(self.shape) - self.rest.size
        flat = jax.vmap(lambda i: jax.lax.dynamic_slice(self.rest, (i * n - skipped,), (n,)))(rows)
        early = taken_rows(self.first, jnp.minimum(rows, len(self.first) - 1))
        is_early = (rows < len(self.first)).reshape(-1, *[1] * (len(self.shape) - 1))
        return jnp.where(is_early, early, flat.reshape(early.shape))


def is_rows(value: Any) -> bool:
    """Whether ``value`` is an array that stayed with the caller."""
    return isinstance(value, Rows)


def taken_rows(array: Any, rows: jax.Array) -> jax.Array:
    """array[rows], where all ``rows`` are there."""
    return array.take(rows) if is_rows(array) else array.at[rows].get(mode="promise_in_bounds")


def on_device(arrays: Any, in_batches: bool = False) -> Any:
    """Arrays where they are trained on: copies, so that the caller's may change.

    ``in_batches``: nothing but :func:`taken_rows` is asked of them, before the caller goes on. Then large arrays are
    not copied on the CPU.
    """
    if jax.default_backend() != "cpu":
        return jax.device_put(arrays)
    return jax.tree.map(lambda a: _in_place(a) if in_batches and _can_stay(a) else jax.device_put(_aligned(a)), arrays)


def on_border(arrays: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
    """The same arrays, large ones where XLA takes them as they are: it copies others slowly."""
    return tuple([_aligned(a) if a.nbytes >= _LARGE else a for a in arrays])


def _can_stay(array: np.ndarray) -> bool:
    """Whether it is large, in one piece, and its numbers can be counted in 32 bits."""
    return array.nbytes >= _LARGE and array.flags.c_contiguous and array.flags.aligned and array.size < 2**31


def _in_place(array: np.ndarray) -> Any:
    skipped = -array.ctypes.data % _BORDER // array.itemsize
    if not skipped:
        return jax.device_put(array)
    few = -(-skipped // math.prod(array.shape[1:]))
    return Rows(jax.device_put(array[:few].copy()), jax.device_put(array.reshape(-1)[skipped:]), array.shape)


def _aligned(array: np.ndarray) -> np.ndarray:
    """A copy that XLA takes as it is. NumPy's own large arrays come in large pages: to make the copy here is several
    times quicker than to have it made."""
    room = np.empty(array.nbytes + _BORDER, np.uint8)
    start = -room.ctypes.data % _BORDER
    copy = room[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    np.copyto(copy, array)
    return copy
