"""What a layer is, and the context in which it is called.

A layer is a spec with two pure functions. ``init`` makes its parameters and state from the shape of
its input; ``apply`` computes its output. Both keep nothing: parameters and state live outside.
"""

from __future__ import annotations

import dataclasses
import functools
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np

from liuli.constraints import Constraint
from liuli.core.dials import join
from liuli.core.errors import LiuliError, ShapeError
from liuli.core.keys import fold
from liuli.core.specs import Spec, abstract, setting, spec
from liuli.regularizers import Regularizer

__all__ = ["Context", "Layer", "Part", "Symbol"]

Shape = jax.ShapeDtypeStruct
Params = dict[str, Any]
State = dict[str, Any]
Apply = Callable[..., tuple[Any, State]]


@runtime_checkable
class Watch(Protocol):
    """Someone who looks at taps: told every value, and may add a zero whose gradient is wanted."""

    def offset(self, path: str, like: Any) -> jax.Array | None: ...  # like: anything with a shape and a dtype
    def record(self, path: str, value: jax.Array) -> None: ...


@dataclass(frozen=True)
class Context:
    """The call of a layer: everything that changes between training, inference and watching.

    training:  whether the layer learns: dropout drops, batch normalization uses the batch.
    key:       this layer's own random key, or None.
    mask:      True where a time step of the input counts, (batch, time), or None; a tuple of them for several inputs.
    path:      where in the network this is.
    watch:     who looks at the taps, or None.
    inside:    whether the taps within layers are looked at too, or only what leaves each of them.
    dtype:     what values are computed in; None leaves them as they come.
    penalties: where :meth:`penalize` collects, or None.
    """

    training: bool = False
    key: jax.Array | None = None
    mask: Any = None
    path: str = ""
    watch: Watch | None = None
    dtype: Any = None
    penalties: list[jax.Array] | None = None
    inside: bool = True

    def at(self, name: str, mask: Any = None) -> Context:
        """The context of the layer called ``name`` within this one."""
        key = None if self.key is None else fold(self.key, name)
        return dataclasses.replace(self, key=key, mask=mask, path=join(self.path, name))

    def unwatched(self) -> Context:
        """The same, with nobody who looks."""
        return dataclasses.replace(self, watch=None)

    def tap(self, name: str, value: jax.Array) -> jax.Array:
        """Let ``value`` be seen as ``path/name``. Use what is returned: its gradient is the gradient at this point."""
        if self.watch is None:
            return value
        path = join(self.path, name)
        zero = self.watch.offset(path, value) if jnp.issubdtype(value.dtype, jnp.inexact) else None
        value = value if zero is None else value + zero
        self.watch.record(path, value)
        return value

    def penalize(self, value: jax.Array) -> None:
        """Add ``value``, a scalar that depends on what flows through the layer, to the loss. Not within ``scan``."""
        if self.penalties is not None:
            self.penalties.append(value)

    def scan(self, step: Callable[[Context, Any, Any], tuple[Any, Any]], carry: Any, xs: Any) -> tuple[Any, Any]:
        """``jax.lax.scan`` of ``step(ctx, carry, x)`` over the leading (time) axis of ``xs``, in which ``ctx.tap``
        works.

        A value tapped inside is seen once for all steps, batch first: (batch, time, ...).
        """
        if self.watch is None:
            return jax.lax.scan(functools.partial(step, self), carry, xs)
        length = jax.tree.leaves(xs)[0].shape[0]
        seen = jax.eval_shape(self._one_step(step, {}), carry, jax.tree.map(lambda x: x[0], xs))[1][1]
        zeros = {path: self.watch.offset(path, _over_time(shape, length)) for path, shape in seen.items()}
        zeros = {path: jnp.moveaxis(zero, 1, 0) for path, zero in zeros.items() if zero is not None}

        def watched(carry: Any, x_and_zeros: tuple[Any, dict[str, jax.Array]]) -> tuple[Any, Any]:
            x, zeros_now = x_and_zeros
            return self._one_step(step, zeros_now)(carry, x)

        carry, (ys, values) = jax.lax.scan(watched, carry, (xs, zeros))
        for path, value in values.items():
            self.watch.record(path, jnp.moveaxis(value, 0, 1))
        return carry, ys

    def _one_step(self, step: Callable[..., Any], zeros: dict[str, jax.Array]) -> Callable[..., Any]:
        """``step`` with its taps collected into what it returns, and ``zeros`` added to them."""

        def run(carry: Any, x: Any) -> Any:
            collected = _Collected(zeros)
            carry, y = step(dataclasses.replace(self, watch=collected), carry, x)
            return carry, (y, collected.values)

        return run


class _Collected:
    """The taps of one step of a scan."""

    def __init__(self, zeros: dict[str, jax.Array]) -> None:
        self.zeros, self.values = zeros, OrderedDict()  # a dict would come back from JAX sorted by name

    def offset(self, path: str, like: Any) -> jax.Array | None:
        return self.zeros.get(path)

    def record(self, path: str, value: jax.Array) -> None:
        self.values[path] = value


def _over_time(shape: Shape, length: int) -> Shape:
    return Shape((shape.shape[0], length, *shape.shape[1:]), shape.dtype)


@abstract
class Layer(Spec, family="layers"):
    """The base of every layer.

    name:                  the name of its node.
    trainable:             False freezes its parameters.
    activity_regularizer:  a penalty on its output, divided by the number of samples, added to the loss.
    """

    name: str | None = dataclasses.field(default=None, kw_only=True)
    trainable: bool = dataclasses.field(default=True, kw_only=True)
    activity_regularizer: Regularizer | None = dataclasses.field(default=None, kw_only=True)

    takes_integers: ClassVar[bool] = False  # else integer inputs become floats before `apply`
    ends_in_activation: ClassVar[bool] = False  # whether y = activation(z) is the last that `apply` does
    on_host: ClassVar[bool] = False  # whether `host` does the work, before anything goes to the device
    adjusts: ClassVar[bool] = False  # whether `adjust` starts parameters or state from the first batch

    @property
    def output_count(self) -> int:
        """How many values ``apply`` returns; more than one as a tuple."""
        return 1

    def init(self, key: jax.Array, x: Any) -> tuple[Params, State]:
        """Parameters and state for inputs like ``x`` (ShapeDtypeStruct, several as a tuple)."""
        return {}, {}

    def apply(self, params: Params, state: State, x: Any, ctx: Context) -> tuple[Any, State]:
        """The output for input ``x`` (arrays, several as a tuple), and the new state."""
        raise NotImplementedError

    def merged(self, *after: Layer) -> Apply | None:
        """``apply`` of this layer and, on what it makes, of those ``after`` it, where all are one operation; else None.

        Where one of them takes a second value, it comes after x: (x, other).
        """
        return None

    def host(self, x: np.ndarray) -> np.ndarray:
        """What a layer ``on_host`` makes of raw values, such as text, before they go to the device."""
        return x

    def adjust(self, params: Params, state: State, x: Any, ctx: Context) -> tuple[Params, State]:
        """Where a layer ``adjusts``: its parameters and state, started from the first batch ``x``."""
        return params, state

    def restarted(self, state: State) -> State:
        """The state before a new sequence: what is carried from batch to batch at its start, the rest as it is."""
        return state

    def output_mask(self, x: Any, mask: Any) -> Any:
        """The mask of the output, given the input and its mask; of several outputs, a tuple.

        The time axis is kept unless a layer says otherwise.
        """
        return mask

    def activity_penalty(self, y: Any) -> jax.Array | None:
        """What the output ``y`` adds to the loss, per sample; None where nothing."""
        if self.activity_regularizer is None:
            return None
        leaves = jax.tree.leaves(y)
        return jnp.asarray(sum(map(self.activity_regularizer, leaves))) / leaves[0].shape[0]

    def penalty(self, params: Params) -> jax.Array | float:
        """The sum of the regularizers: a field ``kernel_regularizer`` speaks of the parameter ``kernel``."""
        return sum(
            (rule(params[name]) for name, rule in self._rules("_regularizer", Regularizer) if name in params), 0.0
        )

    def constrained(self, params: Params) -> Params:
        """The parameters after an update, put back where fields such as ``kernel_constraint`` allow them."""
        return {
            **params,
            **{name: rule(params[name]) for name, rule in self._rules("_constraint", Constraint) if name in params},
        }

    def _rules(self, suffix: str, kind: type) -> list[tuple[str, Any]]:
        fields = [f.name for f in dataclasses.fields(self) if f.name.endswith(suffix)]
        return [(n.removesuffix(suffix), getattr(self, n)) for n in fields if isinstance(getattr(self, n), kind)]

    def __call__(self, inputs: Symbol | Sequence[Symbol]) -> Any:
        """Draw a graph: the value that this layer makes of ``inputs``; several values as a tuple.

        One layer called twice shares its weights.
        """
        several = (inputs,) if isinstance(inputs, Symbol) else tuple(inputs)
        for value in several:
            if not isinstance(value, Symbol):
                raise LiuliError(
                    self.name or type(self).__name__,
                    got=f"a {type(value).__name__}",
                    expected="values of a graph that is being drawn",
                    fix="start from x = ll.Input(shape); for arrays use a Model's predict",
                )
        made = Symbol(self, several)
        parts = tuple(Symbol(Part(i), (made,)) for i in range(self.output_count))
        return made if len(parts) == 1 else parts


@spec
class Part(Layer):
    """y = x_index            x: several values, which one layer made; drawn by calling such a layer

    index:  which of them, from 0.

    Example:
        >>> from liuli import layers
        >>> layers.Part(1)
        Part(1)
    """

    index: int = setting(least=0)

    takes_integers: ClassVar[bool] = True

    def apply(self, params: Params, state: State, x: Any, ctx: Context) -> tuple[Any, State]:
        return x[self.index], state

    def output_mask(self, x: Any, mask: Any) -> Any:
        return mask if mask is None else mask[self.index]


@dataclass(frozen=True, eq=False)
class Symbol:
    """A value in a graph that is being drawn.

    layer:   what makes it.
    inputs:  the values that it is made from.
    """

    layer: Layer
    inputs: tuple[Symbol, ...] = ()


def require_rank(x: Shape, ranks: int | tuple[int, ...], axes: str) -> None:
    """Raise ShapeError unless ``x`` has one of ``ranks`` axes; ``axes`` names them."""
    allowed = (ranks,) if isinstance(ranks, int) else ranks
    if x.ndim not in allowed:
        fix = (
            f"reshape the input to {axes}"
            if x.ndim < min(allowed)
            else "put layers.Flatten() or a pooling layer before it"
        )
        raise ShapeError("", got=f"an input of shape {shown(x)}", expected=axes, fix=fix)


def shown(x: Shape) -> str:
    """A shape for a message, its first axis the batch."""
    return f"({', '.join(['batch', *map(str, x.shape[1:])])})"


def last_axis(vector: jax.Array, like: jax.Array) -> jax.Array:
    """``vector`` (n,) as (1, ..., 1, n), to be added to or multiplied with ``like`` (..., n)."""
    return vector.reshape((1,) * (like.ndim - 1) + vector.shape)
