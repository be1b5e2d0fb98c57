"""Layers that draw at random in training, and what they drew, which a derivation takes as given."""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpy as np

from liuli import layers
from liuli.core.specs import with_fields
from liuli.inspect.derivation.call import Call
from liuli.inspect.derivation.lines import Expression, Piece, Step
from liuli.layers.base import Context
from liuli.layers.dropout import normal

Array = np.ndarray
_LOWEST = -1.7580993408473766  # what SELU approaches on the negative side


def left(call: Call, shape: tuple[int, ...], rate: float, inside: str = "") -> Array:
    """0 for what dropout leaves out of an array of ``shape``, 1 / (1 - rate) for the rest, as the call drew it."""
    ctx = Context(training=True, key=call.key)
    layer = with_fields(layers.Dropout(0.0), {"rate": rate, "noise_shape": _noise_shape(call)})
    ones = jnp.ones(shape, float)
    return np.asarray(layer.apply({}, {}, ones, ctx.at(inside) if inside else ctx)[0], np.float64)


def dropout(call: Call) -> Piece:
    """a = m x / (1 - p): what was left out has no gradient. In inference a = x."""
    if not call.training:
        return unchanged(call)
    p = call.layer.rate

    def factor() -> Array:
        ones = jnp.ones(call.x.shape, float)
        return np.asarray(call.layer.apply({}, {}, ones, Context(training=True, key=call.key))[0], np.float64)

    words = rf"\frac{{m_{{{call.index}}}}}{{1 - {p:.4g}}} \odot "
    where = rf"m_{{{call.index}}} \in \{{0, 1\}}"
    forward = Expression(f"{words}{call.X}", lambda: factor() * call.x, where)
    return _one_line(call, forward, Expression(f"{words}{call.D('y')}", lambda: factor() * call.gradient("y")))


def gaussian_dropout(call: Call) -> Piece:
    """a = x (1 + s e), e ~ N(0, 1): the gradient has the same factor."""
    if not call.training:
        return unchanged(call)
    p = call.layer.rate

    def factor() -> Array:
        return 1.0 + math.sqrt(p / (1.0 - p)) * _normal(call)

    words = rf"(1 + {math.sqrt(p / (1.0 - p)):.4g} \, e_{{{call.index}}})"
    forward = Expression(rf"{call.X} \odot {words}", lambda: factor() * call.x, _drawn(call))
    back = Expression(rf"{call.D('y')} \odot {words}", lambda: factor() * call.gradient("y"))
    return _one_line(call, forward, back)


def alpha_dropout(call: Call) -> Piece:
    """a = k (m x + l (1 - m)) + b: units that were set to l have no gradient."""
    if not call.training:
        return unchanged(call)
    p = call.layer.rate
    k = 1.0 / math.sqrt((1.0 - p) * (1.0 + p * _LOWEST**2))
    m = f"m_{{{call.index}}}"

    def kept() -> Array:
        return 1.0 * (left(call, call.x.shape, p) > 0)

    def forward() -> Array:
        return k * (kept() * call.x + _LOWEST * (1.0 - kept())) - k * p * _LOWEST

    set_to = rf"({m} \odot {call.X} - {-_LOWEST:.4g} (1 - {m}))"
    line = Expression(rf"{k:.4g} \, {set_to} + {-k * p * _LOWEST:.4g}", forward, rf"{m} \in \{{0, 1\}}")
    back = Expression(rf"{k:.4g} \, {m} \odot {call.D('y')}", lambda: k * kept() * call.gradient("y"))
    return _one_line(call, line, back)


def gaussian_noise(call: Call) -> Piece:
    """a = x + s e, e ~ N(0, 1): the noise has no part in the gradient."""
    if not call.training:
        return unchanged(call)
    s = call.layer.stddev
    forward = Expression(rf"{call.X} + {s:.4g} \, e_{{{call.index}}}", lambda: call.x + s * _normal(call), _drawn(call))
    return _one_line(call, forward, Expression(call.D("y"), lambda: call.gradient("y")))


def unchanged(call: Call) -> Piece:
    """a = x"""
    forward = Expression(call.X, lambda: call.x)
    return _one_line(call, forward, Expression(call.D("y"), lambda: call.gradient("y")))


def _one_line(call: Call, forward: Expression, back: Expression) -> Piece:
    floats = call.trace[call.inputs[0]].gradient is not None
    return Piece([Step("y", forward)], [], [back if floats else None])


def _noise_shape(call: Call) -> tuple[int | None, ...] | None:
    return getattr(call.layer, "noise_shape", None)


def _normal(call: Call) -> Array:
    return np.asarray(normal(Context(training=True, key=call.key), jnp.zeros(call.x.shape, jnp.float32)), np.float64)


def _drawn(call: Call) -> str:
    return rf"e_{{{call.index}}} \sim N(0, 1)"


RULES = {
    layers.ActivityRegularization: unchanged,
    layers.AlphaDropout: alpha_dropout,
    layers.Dropout: dropout,
    layers.GaussianDropout: gaussian_dropout,
    layers.GaussianNoise: gaussian_noise,
    layers.Identity: unchanged,
    layers.SpatialDropout1D: dropout,
    layers.SpatialDropout2D: dropout,
    layers.SpatialDropout3D: dropout,
}
