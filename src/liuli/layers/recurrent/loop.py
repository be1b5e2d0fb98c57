"""A step taken for every time step of a sequence."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from liuli.core.errors import ShapeError
from liuli.core.specs import abstract, setting
from liuli.layers.base import Context, Params, Shape, State, require_rank, shown
from liuli.layers.masks import time_reversed
from liuli.layers.recurrent.step import States, Step, held, require_states

__all__ = ["Recurrent"]


@abstract
class Recurrent(Step):
    """(h_t, ...) = step(x_t, (h_{t-1}, ...))            x: (batch, time, ...)   y = h_T: (batch, ...)

    The base of layers that go over time. The states start at 0, or as they are given, as further inputs:
    ``LSTM(8)([x, h, c])``. A masked step leaves them as they were.

    return_sequences:      y is every h: (batch, time, ...); at a masked step the last that counted.
    return_state:          the last states are further outputs: ``y, h, c = LSTM(8, return_state=True)(x)``.
    go_backwards:          read the sequence from its end; with ``return_sequences`` y is in the order of reading.
    stateful:              each batch starts from the last states of the one before it, row by row. They are the layer's
                           state, for the batch size that it was built for; no gradient flows into the batch before.
    num_steps:             truncated back-propagation through time: the states are carried on, but their gradient is cut
                           every so many steps (Werbos, 1990; Williams and Peng, 1990); None cuts nowhere.
    zero_output_for_mask:  with ``return_sequences`` y is 0 at masked steps.

    Raises:
        ShapeError: the input is no sequence, the given states do not fit, or the batch size of a ``stateful`` layer
            changed.
    """

    return_sequences: bool = False
    return_state: bool = False
    go_backwards: bool = False
    stateful: bool = False
    num_steps: int | None = setting(default=None, least=1)
    zero_output_for_mask: bool = False

    @property
    def output_count(self) -> int:
        return 1 + len(self.state_names) * self.return_state

    def init(self, key: jax.Array, x: Any) -> tuple[Params, State]:
        x, given = opened(x)
        require_rank(x, tuple(range(3, 9)), "(batch, time, features)")
        if x.shape[1] == 0:
            got = f"an input of shape {shown(x)}"
            raise ShapeError("", got=got, expected="sequences that are not empty", fix="look at the data")
        now = _one_step(x)
        params = self.parameters(key, now)
        if given:
            require_states(self, given, now)
        return params, dict(zip(self.state_names, self.start(now), strict=True)) if self.stateful else {}

    def apply(self, params: Params, state: State, x: Any, ctx: Context) -> tuple[Any, State]:
        x, given = opened(x)
        before, mask = given or self._before(state, _one_step(x)), opened(ctx.mask)[0]
        if self.go_backwards:
            x, mask = jnp.flip(x, 1), time_reversed(mask)
        shared = self.prepare(params, _one_step(x), ctx)
        ys, after = self._at_once(shared, x, before, mask, ctx) or self._by_steps(shared, x, before, mask, ctx)
        y = self.output(after) if ys is None else ys
        if ys is not None and self.zero_output_for_mask:
            y = held(mask, y, jnp.zeros_like(y))
        state = {name: _last(new, state[name]) for name, new in zip(self.state_names, after, strict=True) if state}
        return (y, *after) if self.return_state else y, state

    def _at_once(self, shared: Any, x: jax.Array, before: States, mask: Any, ctx: Context) -> Any:
        """The outputs, if they are wanted, and the last states, where one call makes them and nobody looks inside."""
        if ctx.watch is not None or self.num_steps is not None:
            return None
        return self.whole(shared, x, before, mask, self.return_sequences)

    def _by_steps(self, shared: Any, x: jax.Array, before: States, mask: Any, ctx: Context) -> Any:
        def step(ctx: Context, states: States, now: Any) -> tuple[States, jax.Array | None]:
            x_t, counts, cut = now
            if cut is not None:
                states = tuple(jnp.where(cut, jax.lax.stop_gradient(s), s) for s in states)
            states = self.advance(shared, x_t, states, dataclasses.replace(ctx, mask=counts))
            return states, self.output(states) if self.return_sequences else None

        t = jnp.arange(x.shape[1])
        cut = None if self.num_steps is None else (t > 0) & (t % self.num_steps == 0)
        in_time = jnp.moveaxis(x, 1, 0), None if mask is None else jnp.moveaxis(mask, 1, 0), cut
        after, ys = ctx.scan(step, before, in_time)
        return None if ys is None else jnp.moveaxis(ys, 0, 1), after

    def restarted(self, state: State) -> State:
        return jax.tree.map(jnp.zeros_like, state) if self.stateful else state

    def output_mask(self, x: Any, mask: Any) -> Any:
        mask = opened(mask)[0] if self.return_sequences else None
        mask = time_reversed(mask) if self.go_backwards else mask
        return (mask, *(None for _ in self.state_names)) if self.return_state else mask

    def _before(self, state: State, x: Shape) -> States:
        """The states that the first step takes."""
        start = self.start(x)
        if not self.stateful:
            return start
        stored = [state[name] for name in self.state_names]
        if stored[0].shape[0] != x.shape[0]:
            expected = f"{stored[0].shape[0]} samples, for which this stateful layer was built"
            fix = "give ll.Input((time, features), batch_size=...) and fit the same batch_size"
            raise ShapeError("", got=f"a batch of {x.shape[0]}", expected=expected, fix=fix)
        return tuple(old.astype(new.dtype) for old, new in zip(stored, start, strict=True))


def opened(x: Any) -> tuple[Any, tuple[Any, ...]]:
    """The sequence, and the states that are given with it; of masks likewise."""
    return (x[0], tuple(x[1:])) if isinstance(x, tuple) else (x, ())


def _one_step(x: Any) -> Shape:
    """A time step of ``x``."""
    return Shape((x.shape[0], *x.shape[2:]), x.dtype)


def _last(new: jax.Array, old: jax.Array) -> jax.Array:
    return jax.lax.stop_gradient(new).astype(old.dtype)
