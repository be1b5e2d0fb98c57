"""An activation as a layer of its own."""

from __future__ import annotations

from typing import ClassVar

import jax

from liuli.activations import Activation as Function
from liuli.core.specs import spec
from liuli.layers.base import Context, Layer, Params, State

__all__ = ["Activation"]


@spec
class Activation(Layer):
    """y = f(z)            z, y: (...)

    Taps: ``z``, the input.

    activation:  f, by name or as an object.

    Example:
        >>> from liuli import layers
        >>> layers.Activation("tanh")
        Activation(Tanh())
    """

    activation: Function

    ends_in_activation: ClassVar[bool] = True

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        return self.activation(ctx.tap("z", x)), state
