"""Layers that are an activation: a = f(z), z = x; those with a dial, an axis, a mask or a parameter of their own."""

from __future__ import annotations

from typing import Any

import numpy as np

from liuli import layers
from liuli.activations import Activation
from liuli.inspect.derivation.activations import activated
from liuli.inspect.derivation.call import Call
from liuli.inspect.derivation.lines import Expression, Piece, Step
from liuli.layers.axes import places

Array = np.ndarray


def activation(call: Call) -> Piece:
    """z = x,   a = f(z)."""
    function: Activation = call.layer.activation
    forward, backward = activated(call, function)
    return _of_input(call, forward, backward)


def relu(call: Call) -> Piece:
    """a = min(z or its slope below the threshold, the largest): a bound passes nothing back."""
    layer: Any = call.layer
    z, theta, k, most = call.symbol("z"), f"{layer.threshold:.4g}", layer.negative_slope, layer.max_value
    below = rf" + {k:.4g} [{z} \le {theta}] \odot ({z} - {theta})" if k else ""
    text, slope = (
        rf"[{z} > {theta}] \odot {z}{below}",
        f"[{z} > {theta}]" + (rf" + {k:.4g} [{z} \le {theta}]" if k else ""),
    )
    if most is not None:
        text, slope = rf"\min({text}, {most:.4g})", rf"({slope}) \odot [{call.symbol('y')} < {most:.4g}]"

    def unbounded() -> Array:
        value = call.value("z")
        return np.where(value > layer.threshold, value, k * (value - layer.threshold))

    def through() -> Array:
        factor = np.where(call.value("z") > layer.threshold, 1.0, k)
        return factor if most is None else factor * _below(unbounded(), most)

    slope = f"({slope})" if " + " in slope and most is None else slope
    forward = Expression(text, lambda: unbounded() if most is None else np.minimum(unbounded(), most))
    back = Expression(rf"{call.D('y')} \odot {slope}", lambda: call.gradient("y") * through())
    return _of_input(call, [Step("y", forward)], [Step("z", back)])


def softmax(call: Call) -> Piece:
    """a_i = exp(z_i) / sum_j exp(z_j) over the axes, of what the mask counts: dL/dz = a (g - <g, a>)."""
    axes = places(call.layer.axis, call.x)
    if axes == (call.x.ndim - 1,) and (call.mask is None or 1 not in axes):
        return activation(call)
    a, g, z = call.symbol("y"), call.D("y"), call.symbol("z")

    def counts() -> Array:
        if call.mask is None or 1 not in axes:
            return np.ones(call.x.shape)
        mask = np.asarray(call.mask, np.float64)
        return np.broadcast_to(mask.reshape(*mask.shape, *(1,) * (call.x.ndim - 2)), call.x.shape)

    def forward() -> Array:
        left = np.where(counts() > 0, call.value("z"), np.finfo(np.float32).min)
        powers = np.exp(left - left.max(axes, keepdims=True))
        return counts() * powers / powers.sum(axes, keepdims=True)

    def back() -> Array:
        y, gradient = call.value("y"), call.gradient("y")
        return y * (gradient - (gradient * y).sum(axes, keepdims=True))

    over = ",".join(map(str, axes))
    line = Expression(rf"\mathrm{{softmax}}_{{{over}}}({z})", forward)
    return _of_input(
        call, [Step("y", line)], [Step("z", Expression(rf"{a} \odot ({g} - \langle {g}, {a}\rangle)", back))]
    )


def prelu(call: Call) -> Piece:
    """a = z where z > 0, else alpha z: dL/dalpha is the sum of dL/da z where z is not above 0."""
    z, alpha, dy = call.symbol("z"), call.weight_symbol("alpha"), call.D("y")

    def slope() -> Array:
        return np.where(call.value("z") > 0, 1.0, call.weight("alpha")[None])

    def of_alpha() -> Array:
        value, one = call.value("z"), call.weight("alpha").shape
        found = np.where(value > 0, 0.0, call.gradient("y") * value).sum(0)
        return found.sum(tuple(i for i, n in enumerate(one) if n == 1), keepdims=True).reshape(one)

    forward = Expression(rf"\max(0, {z}) + {alpha} \odot \min(0, {z})", lambda: slope() * call.value("z"))
    back = Expression(rf"{dy} \odot ([{z} > 0] + {alpha} \odot [{z} \le 0])", lambda: slope() * call.gradient("y"))
    piece = _of_input(call, [Step("y", forward)], [Step("z", back)])
    params = {"alpha": Expression(rf"\sum {dy} \odot \min(0, {z})", of_alpha)}
    return Piece(piece.forward, piece.backward, piece.inputs, params)


def _below(y: Array, most: float) -> Array:
    """What ``min(y, most)`` passes back; of two that are equal half."""
    return np.where(y == most, 0.5, 1.0 * (y < most))


def _of_input(call: Call, forward: list[Step], backward: list[Step]) -> Piece:
    same = Step("z", Expression(call.X, lambda: call.x))
    return Piece([same, *forward], backward, [Expression(call.D("z"), lambda: call.gradient("z"))])


RULES = {
    layers.Activation: activation,
    layers.ELU: activation,
    layers.LeakyReLU: activation,
    layers.PReLU: prelu,
    layers.ReLU: relu,
    layers.Softmax: softmax,
}
