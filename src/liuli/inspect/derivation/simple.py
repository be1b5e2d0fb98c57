"""Layers that join, move, scale or look up values: Add, Concatenate, Flatten, Reshape, Dropout, Embedding, scalings."""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np

from liuli.inspect.derivation.call import Call
from liuli.inspect.derivation.lines import Expression, Piece, Step
from liuli.layers.base import Context


def add(call: Call) -> Piece:
    """a = x_1 + x_2 + ...: the gradient goes to each."""
    forward = Expression(" + ".join(call.symbols), lambda: np.sum(call.xs, axis=0))
    back = Expression(call.D("y"), lambda: call.gradient("y"))
    return Piece([Step("y", forward)], [], [back] * len(call.inputs))


def concatenate(call: Call) -> Piece:
    """a = [x_1, x_2, ...]: each takes its part of the gradient."""
    axis = call.layer.axis  # type: ignore[attr-defined]
    ends = np.cumsum([x.shape[axis] for x in call.xs])

    def part(i: int) -> Expression:
        begin, end = int(ends[i] - call.xs[i].shape[axis]), int(ends[i])
        taken = np.arange(begin, end)
        return Expression(rf"{call.D('y')}[{begin}:{end}]", lambda: np.take(call.gradient("y"), taken, axis=axis))

    forward = Expression(f"[{', '.join(call.symbols)}]", lambda: np.concatenate(call.xs, axis=axis))
    return Piece([Step("y", forward)], [], [part(i) for i in range(len(call.inputs))])


def reshape(call: Call) -> Piece:
    """a = x in another shape: the gradient goes back into the old one."""
    shape, old = call.value("y").shape, call.x.shape
    forward = Expression(rf"\mathrm{{reshape}}({call.X}, {_words(shape)})", lambda: call.x.reshape(shape))
    back = Expression(rf"\mathrm{{reshape}}({call.D('y')}, {_words(old)})", lambda: call.gradient("y").reshape(old))
    return Piece([Step("y", forward)], [], [back])


def dropout(call: Call) -> Piece:
    """a = m x: what was left out has no gradient. In inference a = x."""
    if not call.training:
        return _scaled(call, "", "", lambda: 1.0, lambda: 0.0)

    def mask() -> np.ndarray:
        ones = jnp.ones(call.x.shape, float)
        return np.asarray(call.layer.apply({}, {}, ones, Context(training=True, key=call.key))[0], np.float64)

    return _scaled(call, rf"m_{{{call.index}}} \odot ", "", mask, lambda: 0.0)


def rescaling(call: Call) -> Piece:
    """a = scale x + offset."""
    layer = call.layer
    words = f"{layer.scale:.4g} \\, ", f" + {layer.offset:.4g}" if layer.offset else ""  # type: ignore[attr-defined]
    return _scaled(call, *words, lambda: layer.scale, lambda: layer.offset)  # type: ignore[attr-defined]


def normalization(call: Call) -> Piece:
    """a = (x - mean) / sqrt(variance), or the inverse."""
    mean = np.asarray(call.state["mean"], np.float64)
    deviation = np.sqrt(np.asarray(call.state["variance"], np.float64) + np.finfo(np.float32).tiny)
    mu, sd = rf"\mu_{{{call.index}}}", rf"\sqrt{{\nu_{{{call.index}}}}}"
    if call.layer.invert:  # type: ignore[attr-defined]
        return _scaled(call, rf"{sd} \odot ", f" + {mu}", lambda: deviation, lambda: mean)
    return _scaled(
        call,
        rf"\frac{{1}}{{{sd}}} \odot ",
        rf" - \frac{{{mu}}}{{{sd}}}",
        lambda: 1 / deviation,
        lambda: -mean / deviation,
    )


def embedding(call: Call) -> Piece:
    """a = E[x]: row j of dL/dE is the sum of dL/da where x = j."""
    E = call.weight_symbol("embeddings")
    rows = call.weight("embeddings").shape[0]

    def ids() -> np.ndarray:
        return np.clip(call.x.astype(int), 0, rows - 1)

    def scattered() -> np.ndarray:
        found = np.zeros_like(call.weight("embeddings"))
        np.add.at(found, ids(), call.gradient("y"))
        return found

    forward = Expression(f"{E}[{call.X}]", lambda: call.weight("embeddings")[ids()])
    params = {"embeddings": Expression(rf"\sum_{{{call.X} = j}} {call.D('y')}", scattered)}
    return Piece([Step("y", forward)], [], [None], params)


def _scaled(call: Call, factor: str, offset: str, scale: Callable[[], object], shift: Callable[[], object]) -> Piece:
    """a = scale x + shift, and dL/dx = scale dL/da."""
    forward = Expression(f"{factor}{call.X}{offset}", lambda: scale() * call.x + shift())  # type: ignore[operator]
    back = Expression(f"{factor}{call.D('y')}", lambda: scale() * call.gradient("y"))  # type: ignore[operator]
    return Piece([Step("y", forward)], [], [back])


def _words(shape: tuple[int, ...]) -> str:
    return r" \times ".join(map(str, shape))
