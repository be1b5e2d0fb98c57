"""Small layers that leave the shape as it is: the identity, masking, functions by name, a penalty on activity."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from liuli.core.errors import SpecError
from liuli.core.fields import nearest
from liuli.core.numerics import magnitude
from liuli.core.specs import dial, spec
from liuli.layers.base import Context, Layer, Params, Shape, State, require_rank
from liuli.layers.masks import all_of

__all__ = ["ActivityRegularization", "Identity", "Lambda", "Masking"]

_FUNCTIONS = {  # of jax.numpy, element by element
    "abs", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctanh", "cbrt", "ceil", "cos", "cosh", "exp", "exp2",
    "expm1", "floor", "log", "log10", "log1p", "log2", "negative", "reciprocal", "round", "sign", "sin", "sinc", "sinh",
    "sqrt", "square", "tan", "tanh", "trunc",
}  # fmt: skip


@spec
class Identity(Layer):
    """y = x            x, y: (...)

    Example:
        >>> from liuli import layers
        >>> layers.Identity()
        Identity()
    """

    takes_integers: ClassVar[bool] = True

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        return x, state


@spec
class Masking(Layer):
    """y_t = x_t where step t counts, else 0            x, y: (batch, time, ..., n)

    A step counts where any of its features differs from mask_value. Layers after this one leave the others out, and
    those that were masked before.

    mask_value:  what padding consists of.

    Raises:
        ShapeError: the input has no time axis, or no features.

    Example:
        >>> from liuli import layers
        >>> layers.Masking(-1.0)
        Masking(mask_value=-1.0)
    """

    mask_value: float = dial(default=0.0)

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        require_rank(x, tuple(range(3, 9)), "(batch, time, features)")
        return {}, {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        counts = self.output_mask(x, ctx.mask)
        return jnp.where(counts.reshape(counts.shape + (1,) * (x.ndim - 2)), x, 0), state

    def output_mask(self, x: Any, mask: Any) -> Any:
        differs = x != jnp.asarray(self.mask_value).astype(x.dtype)
        return all_of((mask, differs.any(axis=tuple(range(2, x.ndim)))))


@spec
class Lambda(Layer):
    """y = f(x), element by element            x, y: (...)

    A file holds the name of f and can never run code. Code of one's own is a layer of one's own, named where a file is
    read: ``Model.load(path, registry=[Cube])``.

    function:  the name of f in jax.numpy: ``"abs"``, ``"exp"``, ``"log1p"``, ``"sin"``, ``"sqrt"``, ``"square"`` ...

    Raises:
        SpecError: the name is of no such function; the near ones are listed.

    Example:
        >>> from liuli import layers
        >>> layers.Lambda("log1p")
        Lambda('log1p')
        >>> class Cube(layers.Layer):
        ...     def apply(self, params, state, x, ctx):
        ...         return x**3, state
        >>> Cube()
        Cube()
    """

    function: str

    def check(self) -> None:
        if self.function not in _FUNCTIONS:
            fix = f"write {nearest(self.function, _FUNCTIONS)}; for another function write a class of layers.Layer"
            expected = "the name of a function of jax.numpy that works element by element"
            raise SpecError("Lambda.function", got=repr(self.function), expected=expected, fix=fix)

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        return getattr(jnp, self.function)(x), state


@spec
class ActivityRegularization(Layer):
    """y = x, and (l1 sum |x| + l2 sum x^2) / batch is added to the loss            x, y: (batch, ...)

    The sums are over all samples, so that the penalty is the mean over samples: as in Keras.

    Reference: Glorot, Bordes and Bengio, *Deep Sparse Rectifier Neural Networks*, AISTATS 2011.

    l1, l2:  the strengths.

    Example:
        >>> from liuli import layers
        >>> layers.ActivityRegularization(l1=1e-3)
        ActivityRegularization(l1=0.001)
    """

    l1: float = dial(default=0.0, least=0.0)
    l2: float = dial(default=0.0, least=0.0)

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        return x, state

    def activity_penalty(self, y: jax.Array) -> jax.Array:
        wide = y.astype(float)  # in half precision the sums overflow
        return (self.l1 * magnitude(wide).sum() + self.l2 * jnp.square(wide).sum()) / y.shape[0]
