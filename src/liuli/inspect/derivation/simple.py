"""Layers that reshape, scale or mask what comes in."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from liuli import layers
from liuli.inspect.derivation.call import Call
from liuli.inspect.derivation.lines import Expression, Piece, Step


def reshape(call: Call) -> Piece:
    """a = x in another shape: the gradient goes back into the old one."""
    forward, back = reshaped(call)
    return Piece([Step("y", forward)], [], [back if call.trace[call.inputs[0]].gradient is not None else None])


def reshaped(call: Call, i: int = 0) -> tuple[Expression, Expression]:
    """What a layer makes of its input number ``i`` where it only gives it another shape, and the way back."""
    x, tap = call.xs[i], call.made[i]
    shape, old = call.value(tap).shape, x.shape
    forward = Expression(rf"\mathrm{{reshape}}({call.symbols[i]}, {_words(shape)})", lambda: call.xs[i].reshape(shape))
    back = Expression(rf"\mathrm{{reshape}}({call.D(tap)}, {_words(old)})", lambda: call.gradient(tap).reshape(old))
    return forward, back


def rescaling(call: Call) -> Piece:
    """a = scale x + offset."""
    layer = call.layer
    words = f"{layer.scale:.4g} \\, ", f" + {layer.offset:.4g}" if layer.offset else ""
    return _scaled(call, *words, lambda: layer.scale, lambda: layer.offset)


def normalization(call: Call) -> Piece:
    """a = (x - mean) / sqrt(variance), or the inverse."""
    mean = np.asarray(call.state["mean"], np.float64)
    deviation = np.sqrt(np.asarray(call.state["variance"], np.float64) + np.finfo(np.float32).tiny)
    mu, sd = rf"\mu_{{{call.index}}}", rf"\sqrt{{\nu_{{{call.index}}}}}"
    if call.layer.invert:
        return _scaled(call, rf"{sd} \odot ", f" + {mu}", lambda: deviation, lambda: mean)
    return _scaled(
        call,
        rf"\frac{{1}}{{{sd}}} \odot ",
        rf" - \frac{{{mu}}}{{{sd}}}",
        lambda: 1 / deviation,
        lambda: -mean / deviation,
    )


def masking(call: Call) -> Piece:
    """a_t = x_t where step t counts, else 0: a step that does not has no gradient."""
    m = f"m_{{{call.index}}}"

    def counts() -> np.ndarray:
        value = np.float64(np.float32(call.layer.mask_value))
        differs = (call.x != value).any(axis=tuple(range(2, call.x.ndim)))
        differs = differs if call.mask is None else differs & np.asarray(call.mask)
        return 1.0 * differs.reshape(*differs.shape, *(1,) * (call.x.ndim - 2))

    where = rf"({m})_{{t}} = [({call.X})_{{t}} \ne {call.layer.mask_value:.4g}]"
    forward = Expression(rf"{m} \odot {call.X}", lambda: counts() * call.x, where)
    back = Expression(rf"{m} \odot {call.D('y')}", lambda: counts() * call.gradient("y"))
    return Piece([Step("y", forward)], [], [back])


def _scaled(call: Call, factor: str, offset: str, scale: Callable[[], object], shift: Callable[[], object]) -> Piece:
    """a = scale x + shift, and dL/dx = scale dL/da."""
    forward = Expression(f"{factor}{call.X}{offset}", lambda: scale() * call.x + shift())  # type: ignore[operator]
    back = Expression(f"{factor}{call.D('y')}", lambda: scale() * call.gradient("y"))  # type: ignore[operator]
    return Piece([Step("y", forward)], [], [back])


def _words(shape: tuple[int, ...]) -> str:
    return r" \times ".join(map(str, shape))


RULES = {
    layers.Flatten: reshape,
    layers.Masking: masking,
    layers.Normalization: normalization,
    layers.Rescaling: rescaling,
    layers.Reshape: reshape,
}
