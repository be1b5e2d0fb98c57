"""Layers around a layer: they change how it is called, or what its parameters are."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal, cast

import jax
import jax.numpy as jnp

from liuli.core.errors import ShapeError, SpecError
from liuli.core.keys import fold
from liuli.core.specs import abstract, spec, with_fields
from liuli.layers.base import Context, Layer, Params, State, require_rank
from liuli.layers.masks import all_of
from liuli.layers.recurrent.loop import Recurrent, opened

__all__ = ["Bidirectional", "TimeDistributed", "Wrapper"]


@abstract
class Wrapper(Layer):
    """The base of layers around a layer. What is inside stands under ``layer`` in parameters, state and dials.

    layer:  what is wrapped.
    """

    layer: Layer

    @property
    def takes_integers(self) -> bool:  # type: ignore[override]
        return self.layer.takes_integers

    def init(self, key: jax.Array, x: Any) -> tuple[Params, State]:
        params, state = self.layer.init(fold(key, "layer"), x)
        return nested(params), nested(state)

    def inner(self, params: Params, state: State, x: Any, ctx: Context) -> tuple[Any, State]:
        """The output of the wrapped layer, and the new state of the whole."""
        y, after = self.layer.apply(params.get("layer", {}), state.get("layer", {}), x, ctx.at("layer", ctx.mask))
        return y, {**state, **nested(after)}

    def restarted(self, state: State) -> State:
        return {**state, "layer": self.layer.restarted(state["layer"])} if "layer" in state else state

    def activity_penalty(self, y: Any) -> jax.Array | None:
        """That of the wrapper itself, and that of the wrapped layer, whose output this is."""
        asked = [super().activity_penalty(y), self.layer.activity_penalty(y)]
        found = [penalty for penalty in asked if penalty is not None]
        return jnp.asarray(sum(found)) if found else None

    def penalty(self, params: Params) -> jax.Array | float:
        return self.layer.penalty(params["layer"]) if "layer" in params else 0.0

    def constrained(self, params: Params) -> Params:
        return {**params, "layer": self.layer.constrained(params["layer"])} if "layer" in params else params


@spec
class TimeDistributed(Wrapper):
    """y_t = layer(x_t)            x: (batch, time, ...)   y: (batch, time, ...)   the same layer at every step

    Time is folded into the batch, so that the layer sees (batch x time, ...), and no mask; its taps have this shape.
    The mask of x is that of y.

    Taps: ``folded/y``, what the layer sees (``folded_0/y`` and so on of several inputs), ``layer/y``, what it makes of
    it, and the layer's own, under ``layer``.

    Reference: Graves, *Generating Sequences With Recurrent Neural Networks*, 2013, whose outputs are made so.

    layer:  what is done at each step.

    Raises:
        ShapeError: the input is not (batch, time, ...).

    Example:
        >>> from liuli import layers
        >>> layers.TimeDistributed(layers.Conv2D(8, 3))
        TimeDistributed(Conv2D(8, (3, 3)))
    """

    @property
    def output_count(self) -> int:
        return self.layer.output_count

    def init(self, key: jax.Array, x: Any) -> tuple[Params, State]:
        for each in jax.tree.leaves(x):
            require_rank(each, tuple(range(3, 9)), "(batch, time, ...)")
        return super().init(key, jax.eval_shape(_folded, x))

    def apply(self, params: Params, state: State, x: Any, ctx: Context) -> tuple[Any, State]:
        batch, time = jax.tree.leaves(x)[0].shape[:2]
        x = _folded(x)
        several = isinstance(x, tuple)
        x = tuple(ctx.tap(f"folded_{i}/y", v) for i, v in enumerate(x)) if several else ctx.tap("folded/y", x)
        y, state = self.inner(params, state, x, dataclasses.replace(ctx, mask=None))
        y = seen(ctx, "layer/y", y)
        return jax.tree.map(lambda v: v.reshape(batch, time, *v.shape[1:]), y), state

    def output_mask(self, x: Any, mask: Any) -> Any:
        mask = all_of(mask) if isinstance(mask, tuple) else mask
        return mask if self.output_count == 1 else (mask,) * self.output_count


_MERGED = {
    "concat": lambda a, b: jnp.concatenate([a, b], axis=-1),
    "sum": lambda a, b: a + b,
    "mul": lambda a, b: a * b,
    "ave": lambda a, b: (a + b) / 2.0,
}


@spec
class Bidirectional(Wrapper):
    """y = [a, b],   a = layer(x),   b = backward_layer(x), which reads x from its end

    x: (batch, time, ...)   y: (batch, 2 units), or with the layer's ``return_sequences`` (batch, time, 2 units), where
    a and b stand in the order of time, and y is 0 at masked steps.

    With ``return_state`` the last states follow, those of ``layer`` first; initial states are given likewise.
    Parameters and taps stand under ``layer`` and ``backward_layer``, with what each puts out as ``y``.

    Reference: Schuster and Paliwal, *Bidirectional Recurrent Neural Networks*, 1997.

    layer:           a recurrent layer, such as LSTM.
    merge_mode:      y is [a, b] (``"concat"``), a + b (``"sum"``), a b (``"mul"``), (a + b) / 2 (``"ave"``), or a and b
                     as two outputs (None).
    backward_layer:  the layer that reads from the end; None stands for another like ``layer``.

    Raises:
        SpecError: a layer that is not recurrent, or two that do not fit together.
        ShapeError: outputs of two shapes are to be summed, multiplied or averaged.

    Example:
        >>> from liuli import layers
        >>> layers.Bidirectional(layers.LSTM(32), merge_mode="sum")
        Bidirectional(LSTM(32), merge_mode='sum')
    """

    merge_mode: Literal["concat", "sum", "mul", "ave"] | None = "concat"
    backward_layer: Layer | None = None

    def check(self) -> None:
        for layer in (self.layer, self.backward_layer):
            if layer is not None and not isinstance(layer, Recurrent):
                expected = "a recurrent layer"
                raise SpecError("Bidirectional", got=f"{layer!r}", expected=expected, fix="Bidirectional(LSTM(32))")
        a, b = self.directions.values()
        for field in ("return_sequences", "return_state", "stateful"):
            if getattr(a, field) != getattr(b, field):
                got, fix = f"{field}={getattr(b, field)}", f"set {field} alike in both layers"
                raise SpecError("backward_layer", got=got, expected=f"{getattr(a, field)}, as in layer", fix=fix)
        if a.go_backwards == b.go_backwards:
            got, fix = f"go_backwards={a.go_backwards} in both", "set it in backward_layer alone"
            raise SpecError("backward_layer", got=got, expected="one layer for each direction", fix=fix)

    @property
    def directions(self) -> dict[str, Recurrent]:
        """Both layers, by the names under which their parameters stand."""
        layer = cast(Recurrent, self.layer)
        other = self.backward_layer or with_fields(layer, {"go_backwards": not layer.go_backwards})
        return {"layer": layer, "backward_layer": cast(Recurrent, other)}

    @property
    def output_count(self) -> int:
        states = sum(layer.output_count - 1 for layer in self.directions.values())
        return states + (2 if self.merge_mode is None else 1)

    def init(self, key: jax.Array, x: Any) -> tuple[Params, State]:
        entering = self._entering(x)
        made = {name: layer.init(fold(key, name), entering[name]) for name, layer in self.directions.items()}
        params = {name: own for name, (own, _) in made.items() if own}
        return params, {name: own for name, (_, own) in made.items() if own}

    def apply(self, params: Params, state: State, x: Any, ctx: Context) -> tuple[Any, State]:
        entering, mask = self._entering(x), opened(ctx.mask)[0]
        outputs, states, after = [], [], {}
        for name, layer in self.directions.items():
            own = params.get(name, {}), state.get(name, {})
            y, after[name] = layer.apply(*own, entering[name], ctx.at(name, mask))
            y = seen(ctx, f"{name}/y", y)
            y, *last = y if layer.return_state else (y,)
            outputs.append(self._in_time(layer, y, mask))
            states += last
        y = tuple(outputs) if self.merge_mode is None else (self._merged(*outputs),)
        after = {name: own for name, own in after.items() if own}
        return (*y, *states) if self.output_count > 1 else y[0], after

    def restarted(self, state: State) -> State:
        return {name: layer.restarted(state[name]) for name, layer in self.directions.items() if name in state}

    def output_mask(self, x: Any, mask: Any) -> Any:
        forward = self.directions["layer"]
        mask = opened(mask)[0] if forward.return_sequences else None
        if self.output_count == 1:
            return mask
        masks = (mask, mask) if self.merge_mode is None else (mask,)
        return masks + (None,) * (self.output_count - len(masks))

    def penalty(self, params: Params) -> jax.Array | float:
        return sum((self.directions[name].penalty(own) for name, own in params.items()), 0.0)

    def constrained(self, params: Params) -> Params:
        return {name: self.directions[name].constrained(own) for name, own in params.items()}

    def _entering(self, x: Any) -> dict[str, Any]:
        """What each layer takes: the sequence, and where states are given, its own of them."""
        sequence, given = opened(x)
        if not given:
            return dict.fromkeys(self.directions, sequence)
        own = len(cast(Recurrent, self.layer).state_names)
        return {"layer": (sequence, *given[:own]), "backward_layer": (sequence, *given[own:])}

    def _in_time(self, layer: Recurrent, y: jax.Array, mask: Any) -> jax.Array:
        """A sequence in the order of time, 0 where it is masked."""
        if not layer.return_sequences:
            return y
        y = jnp.flip(y, 1) if layer.go_backwards else y
        return y if mask is None else jnp.where(mask.reshape(*mask.shape, *(1,) * (y.ndim - 2)), y, jnp.zeros_like(y))

    def _merged(self, a: jax.Array, b: jax.Array) -> jax.Array:
        if self.merge_mode != "concat" and a.shape != b.shape:
            got, fix = f"{a.shape[-1]} and {b.shape[-1]} units", 'merge_mode="concat", or set units alike'
            raise ShapeError("", got=got, expected="as many in both layers", fix=fix)
        return _MERGED[str(self.merge_mode)](a, b)


def seen(ctx: Context, name: str, y: Any) -> Any:
    """What a part of a layer puts out, tapped as ``name``; several values as ``name_0`` and so on."""
    return tuple(ctx.tap(f"{name}_{i}", v) for i, v in enumerate(y)) if isinstance(y, tuple) else ctx.tap(name, y)


def _folded(x: Any) -> Any:
    """Time folded into the batch."""
    return jax.tree.map(lambda v: v.reshape(-1, *v.shape[2:]), x)


def nested(own: dict[str, Any]) -> dict[str, Any]:
    """What belongs to the wrapped layer, where it has any."""
    return {"layer": own} if own else {}
