"""Vectors of length 1: u = x / |x|, and back: dL/dx = (g - u <g, u>) / |x| for g = dL/du."""

from __future__ import annotations

import numpy as np

from liuli import layers
from liuli.inspect.derivation.activations import activated
from liuli.inspect.derivation.call import Call
from liuli.inspect.derivation.lines import Expression, Piece, Step
from liuli.inspect.derivation.notation import transposed
from liuli.layers.axes import places

Array = np.ndarray
Axes = int | tuple[int, ...]


def length(x: Array, axes: Axes) -> Array:
    """|x| along some axes, which stay."""
    return np.sqrt((x**2).sum(axes, keepdims=True))


def normalized(x: Array, axes: Axes) -> Array:
    """x / |x|; zeros stay zeros."""
    norm = length(x, axes)
    return x / np.where(norm > 0, norm, 1.0)


def through_norm(g: Array, x: Array, axes: Axes) -> Array:
    """dL/dx of g = dL/du; zeros have a gradient of zero."""
    u, norm = normalized(x, axes), length(x, axes)
    return np.where(norm > 0, (g - u * (g * u).sum(axes, keepdims=True)) / np.where(norm > 0, norm, 1.0), 0.0)


def hat(symbol: str) -> str:
    """The symbol of x / |x|: a hat on the letter, before its number.

    >>> print(hat("x_{12}"))
    \\hat{x}_{12}
    """
    letter, under, number = symbol.partition("_")
    return rf"\hat{{{letter}}}{under}{number}"


def turned_back(g: str, u: str, x: str) -> str:
    """The formula of that."""
    return rf"\frac{{1}}{{|{x}|}} ({g} - {u} \odot \langle {g}, {u}\rangle)"


def unit(call: Call) -> Piece:
    """a = x / |x|: what comes back along a is taken away, for only the direction of x counts."""
    axes, X = places(call.layer.axis, call.x), call.X
    forward = Expression(rf"\frac{{{X}}}{{|{X}|}}", lambda: normalized(call.x, axes))
    text = turned_back(call.D("y"), call.symbol("y"), X)
    return Piece([Step("y", forward)], [], [Expression(text, lambda: through_norm(call.gradient("y"), call.x, axes))])


def cosine(call: Call) -> Piece:
    """z = x / |x| W / |W|, column by column, a = f(z)."""
    X, W, dz = call.X, call.weight_symbol("kernel"), call.D("z")
    u, v = hat(X), hat(W)

    def units() -> tuple[Array, Array]:
        return normalized(call.x, -1), normalized(call.weight("kernel"), 0)

    def to_input() -> Array:
        return through_norm(call.gradient("z") @ units()[1].T, call.x, -1)

    def to_kernel() -> Array:
        rows = [array.reshape(-1, array.shape[-1]) for array in (units()[0], call.gradient("z"))]
        return through_norm(rows[0].T @ rows[1], call.weight("kernel"), 0)

    where = rf"{u} = \frac{{{X}}}{{|{X}|}}, \quad {v} = \frac{{{W}}}{{|{W}|}}"
    z = Step("z", Expression(f"{u} {v}", lambda: units()[0] @ units()[1], where))
    forward, backward = activated(call, call.layer.activation)
    back = Expression(turned_back(f"{dz} {transposed(v)}", u, X), to_input)
    params = {"kernel": Expression(turned_back(f"{transposed(u)} {dz}", v, W), to_kernel)}
    return Piece([z, *forward], backward, [back], params)


RULES = {layers.CosineNormalization: cosine, layers.UnitNormalization: unit}
