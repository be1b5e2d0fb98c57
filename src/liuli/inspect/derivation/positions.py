"""Positions in time: added to what comes in, or turning it."""

from __future__ import annotations

from typing import Any

import numpy as np

from liuli import layers
from liuli.inspect.derivation.call import Call
from liuli.inspect.derivation.lines import Expression, Piece, Step
from liuli.inspect.derivation.notation import transposed

Array = np.ndarray


def sinusoidal(call: Call) -> Piece:
    """a = x + P, whose gradient goes to x as it is."""
    P, n = rf"P_{{{call.index}}}", call.x.shape[-1]

    def waves() -> Array:
        turned = angles(call.x, call.layer.max_wavelength)
        return np.stack([np.sin(turned), np.cos(turned)], -1).reshape(call.x.shape[1], -1)[:, :n]

    longest = f"{call.layer.max_wavelength:.6g}^{{2i / n}}"
    where = rf"P_{{t,2i}} = \sin(t / {longest}), \quad P_{{t,2i+1}} = \cos(t / {longest})"
    forward = Expression(f"{call.X} + {P}", lambda: call.x + waves(), where)
    return Piece([Step("y", forward)], [], [Expression(call.D("y"), lambda: call.gradient("y"))])


def position_embedding(call: Call) -> Piece:
    """a = x + E_1..T: row t of dL/dE is the sum of dL/da at step t."""
    E, time = call.weight_symbol("embeddings"), call.x.shape[1]

    def rows() -> Array:
        found = np.zeros_like(call.weight("embeddings"))
        found[:time] = call.gradient("y").sum(0)
        return found

    forward = Expression(f"{call.X} + {E}[1:{time}]", lambda: call.x + call.weight("embeddings")[:time])
    params = {"embeddings": Expression(rf"\sum {call.D('y')}", rows)}
    return Piece([Step("y", forward)], [], [Expression(call.D("y"), lambda: call.gradient("y"))], params)


def rotary(call: Call) -> Piece:
    """a = R x, where R turns pairs of features: the gradient is turned back, dL/dx = R^T dL/da."""
    R, layer = turning(call.index), call.layer
    forward = Expression(f"{R} {call.X}", lambda: rotated(layer, call.x), turning_words(layer, call.index))
    back = Expression(f"{transposed(R)} {call.D('y')}", lambda: rotated(layer, call.gradient("y"), back=True))
    return Piece([Step("y", forward)], [], [back])


def rotated(layer: Any, x: Array, back: bool = False) -> Array:
    """x (batch, time, ..., n), each step turned by its place in time, or turned back."""
    turned = angles(x, layer.max_wavelength) / layer.scaling_factor * (-1.0 if back else 1.0)
    turned = turned.reshape(1, x.shape[1], *(1,) * (x.ndim - 3), -1)
    real, imaginary = np.split(x, 2, axis=-1)
    cos, sin = np.cos(turned), np.sin(turned)
    return np.concatenate([real * cos - imaginary * sin, real * sin + imaginary * cos], axis=-1)


def turning(index: int) -> str:
    """The symbol of the rotation."""
    return rf"R_{{{index}}}"


def turning_words(layer: Any, index: int) -> str:
    """What it is."""
    slowed = f"{layer.scaling_factor:.6g} \\cdot " if layer.scaling_factor != 1 else ""
    angle = rf"\frac{{t}}{{{slowed}{layer.max_wavelength:.6g}^{{2i / n}}}}"
    return rf"{turning(index)}: (x_{{i}}, x_{{i + n/2}}) \to \mathrm{{angle}} + {angle}"


def angles(x: Array, longest: float) -> Array:
    """t longest^(-2i / n): (time, ceil(n / 2))."""
    n = x.shape[-1]
    return np.arange(x.shape[1])[:, None] * longest ** (-np.arange(0, n, 2) / n)


RULES = {
    layers.PositionEmbedding: position_embedding,
    layers.RotaryEmbedding: rotary,
    layers.SinusoidalPositionalEncoding: sinusoidal,
}
