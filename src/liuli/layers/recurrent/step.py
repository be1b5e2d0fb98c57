"""One step of a recurrence: (h_t, ...) = step(x_t, h_{t-1}, ...).

A step is written once. As a :class:`Cell` it is a layer of one step, as a :class:`~liuli.layers.Recurrent` of many.
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from liuli.core.errors import ShapeError
from liuli.core.specs import abstract
from liuli.layers.base import Context, Layer, Params, Shape, State, shown
from liuli.layers.masks import refuse_mask

__all__ = ["Cell"]

States = tuple[jax.Array, ...]


@abstract
class Step(Layer):
    """The base of everything that takes steps. What it puts out is the first of its states, unless it says otherwise.

    Here x is one time step, (batch, ...), as an array or, where only its shape is known, as a ShapeDtypeStruct.
    """

    state_names: ClassVar[tuple[str, ...]] = ("h",)

    def parameters(self, key: jax.Array, x: Shape) -> Params:
        """Parameters for steps like ``x``."""
        return {}

    def start(self, x: Any) -> States:
        """The states before the first step, one for each of ``state_names``: (batch, ...)."""
        raise NotImplementedError

    def prepare(self, params: Params, x: Any, ctx: Context) -> Any:
        """What all steps of a call share, and ``step`` is given: the parameters, and what is drawn once for all."""
        return params

    def step(self, shared: Any, x: jax.Array, states: States, ctx: Context) -> States:
        """The states after the step ``x``."""
        raise NotImplementedError

    def advance(self, shared: Any, x: jax.Array, states: States, ctx: Context) -> States:
        """``step``, whose states are seen, and stay as they were where ``ctx.mask`` (batch,) is False."""
        after = self.step(shared, x, states, ctx)
        named = zip(self.state_names, after, states, strict=True)
        return tuple(ctx.tap(name, held(ctx.mask, new, old)) for name, new, old in named)

    def whole(
        self, shared: Any, x: jax.Array, states: States, mask: Any, sequences: bool
    ) -> tuple[jax.Array | None, States] | None:
        """All steps in one call: the outputs (batch, time, ...), if ``sequences`` are wanted, and the last states.

        None where steps are taken one by one: there is no kernel for them.
        """
        return None

    def output(self, states: States) -> jax.Array:
        """What is put out when the states are these."""
        return states[0]


@abstract
class Cell(Step):
    """y, (h, ...)' = step(x, (h, ...))            x: (batch, n)   a layer of one step, with its states in and out

    A cell of one's own says in ``state_names`` what its states are called, and has three methods: ``parameters`` makes
    its parameters, ``start`` its states before the first step, ``step`` the states after a step. The first state is y;
    masks and taps of the states are taken care of. ``RNN(cell)`` runs it over time.

    Raises:
        ShapeError: as a layer on its own it was not given its states.

    Example:
        >>> import jax.numpy as jnp
        >>> from liuli import layers
        >>> from liuli.core.specs import spec
        >>> @spec
        ... class Decay(layers.Cell):
        ...     def start(self, x):
        ...         return (jnp.zeros(x.shape, x.dtype),)
        ...
        ...     def step(self, shared, x, states, ctx):
        ...         return (0.9 * states[0] + x,)
        >>> layers.RNN(Decay(), return_sequences=True)
        RNN(Decay(), return_sequences=True)
    """

    @property
    def output_count(self) -> int:
        return 1 + len(self.state_names)

    def init(self, key: jax.Array, x: Any) -> tuple[Params, State]:
        x, *given = x if isinstance(x, tuple) else (x,)
        params = self.parameters(key, x)
        require_states(self, given, x)
        return params, {}

    def apply(self, params: Params, state: State, x: Any, ctx: Context) -> tuple[Any, State]:
        now, *before = x
        after = self.advance(self.prepare(params, now, ctx), now, tuple(before), dataclasses.replace(ctx, mask=None))
        return (self.output(after), *after), state

    def output_mask(self, x: Any, mask: Any) -> Any:
        name = type(self).__name__
        for each in mask or ():
            refuse_mask(each, name, f"use layers.RNN({name}(...)), which goes over time")
        return None


def held(mask: Any, new: jax.Array, old: jax.Array) -> jax.Array:
    """``new`` where steps count, ``old`` elsewhere; ``mask``: (batch,) or (batch, time), None where all count."""
    return new if mask is None else jnp.where(mask.reshape(*mask.shape, *(1,) * (new.ndim - mask.ndim)), new, old)


def require_states(step: Step, given: Any, x: Shape) -> None:
    """Raise ShapeError unless ``given`` are states for steps like ``x``."""
    wanted = jax.eval_shape(step.start, x)
    if [each.shape for each in given] != [each.shape for each in wanted]:
        names = ", ".join(step.state_names)
        shapes = " and ".join(f"{name} {shown(each)}" for name, each in zip(step.state_names, wanted, strict=True))
        got = f"states of shapes {', '.join(map(shown, given))}" if given else "no states"
        raise ShapeError("", got=got, expected=shapes, fix=f"{type(step).__name__}(...)([x, {names}])")
