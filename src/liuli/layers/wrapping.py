"""Layers around a layer: they change how it is called, or what its parameters are."""

from __future__ import annotations

from typing import Any

import jax

from liuli.core.keys import fold
from liuli.core.specs import abstract
from liuli.layers.base import Context, Layer, Params, State

__all__ = ["Wrapper"]


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

    def penalty(self, params: Params) -> jax.Array | float:
        return self.layer.penalty(params["layer"]) if "layer" in params else 0.0

    def constrained(self, params: Params) -> Params:
        return {**params, "layer": self.layer.constrained(params["layer"])} if "layer" in params else params


def nested(own: dict[str, Any]) -> dict[str, Any]:
    """What belongs to the wrapped layer, where it has any."""
    return {"layer": own} if own else {}
