"""Layers whose every output sees every feature: dense, along any axes (einsum), of a pair (bilinear)."""

from __future__ import annotations

import re
import string
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from liuli import kernels
from liuli.activations import Activation, Identity, ReLU
from liuli.constraints import Constraint
from liuli.core.errors import ShapeError, SpecError
from liuli.core.keys import fold
from liuli.core.specs import setting, spec
from liuli.initializers import GlorotUniform, Initializer, Zeros
from liuli.layers.base import Context, Layer, Params, Shape, State, last_axis, require_rank, shown
from liuli.layers.masks import all_of, refuse_mask
from liuli.regularizers import Regularizer

__all__ = ["Bilinear", "Dense", "EinsumDense"]


@spec
class Dense(Layer):
    """y = f(x W + b)            x: (..., n)   W: (n, units)   b: (units,)   y: (..., units)

    Taps: ``z``, the pre-activation x W + b.

    Reference: Rumelhart, Hinton and Williams, *Learning representations by back-propagating errors*, Nature 323, 1986.

    units:               the number of outputs.
    activation:          f, by name or as an object.
    use_bias:            whether there is a b.
    kernel_initializer:  how W starts.
    bias_initializer:    how b starts.
    kernel_regularizer, bias_regularizer:  penalties added to the loss.
    kernel_constraint, bias_constraint:    what W and b are put back into after each update.

    Example:
        >>> from liuli import layers
        >>> layers.Dense(64, "relu")
        Dense(64, activation=ReLU())
    """

    units: int = setting(least=1)
    activation: Activation = Identity()
    use_bias: bool = True
    kernel_initializer: Initializer = GlorotUniform()
    bias_initializer: Initializer = Zeros()
    kernel_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    kernel_constraint: Constraint | None = None
    bias_constraint: Constraint | None = None

    ends_in_activation: ClassVar[bool] = True

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        require_rank(x, tuple(range(2, 9)), "(batch, ..., features)")
        params = {"kernel": self.kernel_initializer(fold(key, "kernel"), (x.shape[-1], self.units))}
        if self.use_bias:
            params["bias"] = self.bias_initializer(fold(key, "bias"), (self.units,))
        return params, {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        relu = type(self.activation) is ReLU and ctx.watch is None  # where nobody looks at z
        z = kernels.product(x, params["kernel"], params["bias"] if self.use_bias else None, relu)  # (..., units)
        return z if relu else self.activation(ctx.tap("z", z)), state


@spec
class Bilinear(Layer):
    """y_k = f(sum over i and j of x1_i W_ijk x2_j + b_k)            x1: (..., n)   x2: (..., m)   y: (..., units)

    W: (n, m, units)   b: (units,)

    Two inputs. y is linear in each of them, and no product of a feature of one with a feature of the other is left out.

    Taps: ``z``, the pre-activation.

    Reference: Tenenbaum and Freeman, *Separating Style and Content with Bilinear Models*, Neural Computation 12, 2000.

    units:                           the number of outputs.
    activation, use_bias:            as in Dense.
    kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, kernel_constraint, bias_constraint:  as
        in Dense; the fan of W is n m to units.

    Raises:
        ShapeError: not two inputs, or their shapes differ before the last axis.

    Example:
        >>> from liuli import layers
        >>> layers.Bilinear(8)
        Bilinear(8)
    """

    units: int = setting(least=1)
    activation: Activation = Identity()
    use_bias: bool = True
    kernel_initializer: Initializer = GlorotUniform()
    bias_initializer: Initializer = Zeros()
    kernel_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    kernel_constraint: Constraint | None = None
    bias_constraint: Constraint | None = None

    ends_in_activation: ClassVar[bool] = True

    def init(self, key: jax.Array, x: tuple[Shape, Shape]) -> tuple[Params, State]:
        if not isinstance(x, tuple) or len(x) != 2:
            got = f"{len(x)} inputs" if isinstance(x, tuple) else "one input"
            raise ShapeError("", got=got, expected="two", fix="give a list: layers.Bilinear(8)([a, b])")
        for one in x:
            require_rank(one, tuple(range(2, 9)), "(batch, ..., features)")
        if x[0].shape[1:-1] != x[1].shape[1:-1]:
            got = f"inputs of shapes {shown(x[0])} and {shown(x[1])}"
            raise ShapeError("", got=got, expected="shapes that agree but for the last axis", fix="Reshape one of them")
        shape = (x[0].shape[-1], x[1].shape[-1], self.units)
        params = {"kernel": self.kernel_initializer(fold(key, "kernel"), shape)}
        if self.use_bias:
            params["bias"] = self.bias_initializer(fold(key, "bias"), (self.units,))
        return params, {}

    def apply(self, params: Params, state: State, x: Any, ctx: Context) -> tuple[jax.Array, State]:
        z = jnp.einsum("...i,ijk,...j->...k", x[0], params["kernel"], x[1])  # (..., units)
        if self.use_bias:
            z = z + last_axis(params["bias"], z)
        return self.activation(ctx.tap("z", z)), state

    def output_mask(self, x: Any, mask: Any) -> Any:
        return all_of(mask)


@spec
class EinsumDense(Layer):
    """y = f(einsum(equation, x, W) + b)

    A dense layer along the axes that ``equation`` names: letters of x that y lacks are summed over, letters that only
    W and y have are new. ``"...x,xy->...y"`` is Dense, ``"abc,cde->abde"`` makes d heads of e features each.

    Taps: ``z``, the pre-activation.

    Reference: the summation convention of Einstein, *Die Grundlage der allgemeinen Relativitätstheorie*, 1916; this
    form as in Keras.

    equation:      letters of x, of W and of y. x and y begin with the batch, or with dots that stand for it and any
                   number of axes after it; or both end in dots.
    output_shape:  the sizes of y along its letters, the batch left out; None where x says it.
    activation:    f, by name or as an object.
    bias_axes:     the letters of y along which b has values of its own; None leaves b out.
    kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, kernel_constraint, bias_constraint:  as
        in Dense; the fan is that of the last two axes of W.

    Raises:
        SpecError: ``equation`` is none, or ``output_shape`` or ``bias_axes`` do not go with it.
        ShapeError: the input does not go with them.
        LiuliError: the input carries a mask, and y has another second axis.

    Example:
        >>> from liuli import layers
        >>> layers.EinsumDense("abc,cd->abd", (None, 64), bias_axes="d")
        EinsumDense('abc,cd->abd', (None, 64), bias_axes='d')
    """

    equation: str
    output_shape: tuple[int | None, ...] = setting(least=1)
    activation: Activation = Identity()
    bias_axes: str | None = None
    kernel_initializer: Initializer = GlorotUniform()
    bias_initializer: Initializer = Zeros()
    kernel_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    kernel_constraint: Constraint | None = None
    bias_constraint: Constraint | None = None

    ends_in_activation: ClassVar[bool] = True

    def check(self) -> None:
        letters = _Letters.of(self.equation)
        named = letters.sized
        if len(self.output_shape) != len(named):
            got, expected = f"{self.output_shape} for {self.equation!r}", f"a size for each of {', '.join(named)}"
            raise SpecError("EinsumDense.output_shape", got=got, expected=expected, fix="None where x says the size")
        for letter, size in zip(named, self.output_shape, strict=True):
            if size is None and letter not in letters.x:
                got = f"None for {letter} of {self.equation!r}, which x lacks"
                raise SpecError("EinsumDense.output_shape", got=got, expected="its size", fix="write a number")
        if set(self.bias_axes or "") - set(named):
            got, expected = f"{self.bias_axes!r} for {self.equation!r}", f"letters of {named!r}"
            raise SpecError("EinsumDense.bias_axes", got=got, expected=expected, fix=repr(named[-1:]))

    def init(self, key: jax.Array, x: Shape) -> tuple[Params, State]:
        letters = self._letters(x)
        sizes = self._sizes(letters, x)
        params = {"kernel": self.kernel_initializer(fold(key, "kernel"), tuple(sizes[i] for i in letters.w))}
        if self.bias_axes:
            first = min(map(letters.y.index, self.bias_axes))
            shape = tuple(sizes[i] if i in self.bias_axes else 1 for i in letters.y[first:])
            params["bias"] = self.bias_initializer(fold(key, "bias"), shape)
        return params, {}

    def apply(self, params: Params, state: State, x: jax.Array, ctx: Context) -> tuple[jax.Array, State]:
        z = jnp.einsum(self.equation, x, params["kernel"])
        if self.bias_axes:
            bias = params["bias"]
            z = z + bias.reshape((1,) * (z.ndim - bias.ndim) + bias.shape)
        return self.activation(ctx.tap("z", z)), state

    def output_mask(self, x: Any, mask: Any) -> Any:
        letters = self._letters(x)
        if letters.x[:2] == letters.y[:2]:
            return mask
        return refuse_mask(mask, "EinsumDense", "drop mask_zero=True")

    def _letters(self, x: Any) -> _Letters:
        """The letters of every axis of inputs like ``x``."""
        letters = _Letters.of(self.equation)
        more = x.ndim - len(letters.x)
        if more < letters.begins or (more and not letters.begins | letters.ends):
            got = f"an input of shape {shown(x)}"
            raise ShapeError("", got=got, expected=f"axes as in {self.equation!r}", fix="write ... for further axes")
        return letters.filled(more)

    def _sizes(self, letters: _Letters, x: Shape) -> dict[str, int]:
        """The size along every letter."""
        sizes = dict(zip(letters.x, x.shape, strict=True))
        for letter, size in zip(_Letters.of(self.equation).sized, self.output_shape, strict=True):
            if size is not None and sizes.setdefault(letter, size) != size:
                got = f"{sizes[letter]} along {letter}, of an input of shape {shown(x)}"
                raise ShapeError("", got=got, expected=f"{size}, as in output_shape", fix="write None there")
        return sizes


class _Letters(NamedTuple):
    """The letters of an equation; whether those of x and y begin, or end, in dots."""

    x: str
    w: str
    y: str
    begins: bool
    ends: bool

    @classmethod
    def of(cls, equation: str) -> _Letters:
        """What ``equation`` means; SpecError where it means nothing."""
        found = re.fullmatch(r"(\.{3})?([a-zA-Z]+)(\.{3})?,([a-zA-Z]+)->(\.{3})?([a-zA-Z]+)(\.{3})?", equation)
        before, x, after, w, *of_y = found.groups() if found else ("", "", "", "", "", "", "")
        y = of_y.pop(1)
        distinct = all(len(set(letters)) == len(letters) for letters in (x, w, y))
        known = set(w) <= set(x + y) and set(y) <= set(x + w)
        batch = before or (x[:1] == y[:1] and x[:1] not in w)
        if not (found and distinct and known and batch and of_y == [before, after] and not (before and after)):
            expected = 'x,W->y in letters, the batch first, such as "ab,bc->ac" or "...x,xy->...y"'
            raise SpecError("EinsumDense.equation", got=repr(equation), expected=expected, fix='"...x,xy->...y"')
        return cls(x, w, y, bool(before), bool(after))

    @property
    def sized(self) -> str:
        """The letters of y whose sizes are named: all but the batch."""
        return self.y if self.begins else self.y[1:]

    def filled(self, more: int) -> _Letters:
        """With unused letters in the place of the dots, ``more`` of them."""
        unused = "".join(i for i in string.ascii_letters if i not in self.x + self.w + self.y)[:more]
        x, y = (unused + i if self.begins else i + unused for i in (self.x, self.y))
        return self._replace(x=x, y=y)
