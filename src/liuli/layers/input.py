"""Where values enter a graph."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import jax

from liuli.core.specs import setting, spec
from liuli.layers.base import Context, Layer, Params, State, Symbol

__all__ = ["Input", "InputLayer"]

DType = Literal["float32", "int32", "uint8", "bool"]


@spec
class InputLayer(Layer):
    """The entrance of a graph: passes its input on.

    shape:       the input without its batch axis, or None where it is found from the data.
    dtype:       what the input must hold; None takes what comes. Integers become floats where the next layer needs
                 floats.
    batch_size:  how many samples every batch has, where layers keep something for each of them (``stateful=True``).

    Example:
        >>> from liuli import layers
        >>> layers.InputLayer((28, 28, 1))
        InputLayer(shape=(28, 28, 1))
    """

    shape: tuple[int, ...] | None = None
    dtype: DType | None = None
    batch_size: int | None = setting(default=None, least=1)

    takes_integers: ClassVar[bool] = True

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[Any, State]:
        return x, state


def Input(
    shape: tuple[int, ...], dtype: DType | None = None, name: str | None = None, batch_size: int | None = None
) -> Symbol:
    """A value to draw a graph from: one input of the network, its batch axis left out.

    Example:
        >>> import liuli as ll
        >>> x = ll.Input((32,))
        >>> net = ll.Graph(x, ll.layers.Dense(10, "softmax")(x))
        >>> list(net.names)
        ['input_1', 'dense_1']
    """
    return Symbol(InputLayer(shape, dtype, batch_size, name=name))
