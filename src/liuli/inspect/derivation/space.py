"""Layers that move elements to other places, or weigh them by fixed matrices: borders, sizes, orders of axes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from liuli import layers
from liuli.inspect.derivation.call import Call
from liuli.inspect.derivation.lines import Expression, Piece, Step
from liuli.layers.base import Context

Array = np.ndarray
Kernel = Callable[[Array], Array]


def moving(call: Call, taken: str, given: str, where: str = "") -> Piece:
    """a[i] = x[s(i)], and 0 where s(i) is nowhere;   dL/dx[j] = sum of dL/da[i] over all i with s(i) = j.

    s is found by sending the numbers of the elements through the layer.

    taken, given:  the two formulas.
    """

    @functools.cache
    def source() -> Array:
        numbers = jnp.arange(1, call.x.size + 1, dtype=jnp.int32).reshape(call.x.shape)
        return np.asarray(call.layer.apply({}, {}, numbers, Context())[0]) - 1

    def forward() -> Array:
        s = source()
        return np.where(s < 0, 0.0, call.x.ravel()[s])

    def back() -> Array:
        s, found = source(), np.zeros(call.x.size)
        np.add.at(found, s[s >= 0], call.gradient("y")[s >= 0])
        return found.reshape(call.x.shape)

    return Piece([Step("y", Expression(taken, forward, where))], [], [Expression(given, back, where)])


def padding(call: Call) -> Piece:
    """a[i] = x[i - o], and 0 around: what was put around has no x to give its gradient to."""
    o, where = _sides(call, "o")
    return moving(call, f"{call.X}[i{_less(o)}]", f"{call.D('y')}[j{_more(o)}]", where)


def cropping(call: Call) -> Piece:
    """a[i] = x[i + o]: what was cut off has a gradient of 0."""
    o, where = _sides(call, "o")
    return moving(call, f"{call.X}[i{_more(o)}]", f"{call.D('y')}[j{_less(o)}]", where)


def up_sampling(call: Call) -> Piece:
    """a[i] = x[floor(i / s)]: the gradients of all copies come back. Or between pixels, by matrices."""
    layer: Any = call.layer
    if getattr(layer, "interpolation", "nearest") != "nearest":
        return resampled(call, layer.interpolation)
    times = layer._times
    s, where = (str(times[0]), "") if len(set(times)) == 1 else ("s", f"s = ({', '.join(map(str, times))})")
    taken = rf"{call.X}[\lfloor i / {s} \rfloor]"
    return moving(call, taken, rf"\sum_{{p < {s}}} {call.D('y')}[{s} j + p]", where)


def pixel_shuffle(call: Call) -> Piece:
    """a[i r + p, j r + q, c] = x[i, j, c r^2 + p r + q]: channels become space."""
    r = call.layer.upscale_factor
    apart, together = f"i, j, {r * r} c + {r} p + q", f"{r} i + p, {r} j + q, c"
    named = f"{call.symbol('y')}[{together}]"
    return moving(call, f"{call.X}[{apart}]", f"{call.D('y')}[{together}]", f"{named} = {call.X}[{apart}]")


def pixel_unshuffle(call: Call) -> Piece:
    """a[i, j, c r^2 + p r + q] = x[i r + p, j r + q, c]: space becomes channels."""
    r = call.layer.downscale_factor
    apart, together = f"i, j, {r * r} c + {r} p + q", f"{r} i + p, {r} j + q, c"
    named = f"{call.symbol('y')}[{apart}]"
    return moving(call, f"{call.X}[{together}]", f"{call.D('y')}[{apart}]", f"{named} = {call.X}[{together}]")


def permute(call: Call) -> Piece:
    """a = x with its axes in another order: the gradient's go back to theirs."""
    dims = call.layer.dims
    back = tuple(dims.index(i) + 1 for i in range(1, len(dims) + 1))
    taken, given = (
        rf"\mathrm{{permute}}({symbol}, ({', '.join(map(str, order))}))"
        for symbol, order in ((call.X, dims), (call.D("y"), back))
    )
    return moving(call, taken, given)


def repeat(call: Call) -> Piece:
    """a[t] = x for every t: the gradients of all steps come back."""
    return moving(call, call.X, rf"\sum_{{t}} {call.D('y')}[t]", rf"{call.symbol('y')}[t] = {call.X}")


def resampled(call: Call, kind: str, antialias: bool = False) -> Piece:
    """a = A x B^T, the weights of the pixels around along each axis;   dL/dx = A^T dL/da B."""
    (_, h, w, _), (_, height, width, _) = call.x.shape, call.value("y").shape
    A, B = weights(h, height, kind, antialias), weights(w, width, kind, antialias)
    return _between(call, A, B, kind)


def resizing(call: Call) -> Piece:
    """As an enlargement; before it the middle is cut out, or values are put around, where proportions are kept."""
    layer: Any = call.layer
    _, h, w, _ = call.x.shape
    fit = w * layer.height // layer.width, h * layer.width // layer.height
    before = [0, 0]
    rows, columns = np.eye(h), np.eye(w)
    if layer.crop_to_aspect_ratio:
        rows, columns = (_middle(n, max(1, min(n, m))) for n, m in zip((h, w), fit, strict=True))
    if layer.pad_to_aspect_ratio:
        before = [(max(n, m) - n) // 2 for n, m in zip((h, w), fit, strict=True)]
        rows, columns = (np.pad(np.eye(n), ((o, o), (0, 0))) for n, o in zip((h, w), before, strict=True))
    A, B = (
        weights(len(M), size, layer.interpolation, layer.antialias) @ M
        for M, size in ((rows, layer.height), (columns, layer.width))
    )
    return _between(call, A, B, layer.interpolation, layer.fill_value if any(before) else 0.0)


def center_crop(call: Call) -> Piece:
    """a = the middle of x; of a smaller x, resized first so that it covers a."""
    layer: Any = call.layer
    _, h, w, _ = call.x.shape
    if layer.height <= h and layer.width <= w:
        start = (h - layer.height) // 2, (w - layer.width) // 2
        o, where = _offset(start, "o")
        return moving(call, f"{call.X}[i{_more(o)}]", f"{call.D('y')}[j{_less(o)}]", where)
    fit = w * layer.height // layer.width, h * layer.width // layer.height
    sizes = zip((h, w), fit, (layer.height, layer.width), strict=True)
    A, B = (weights(max(1, min(n, m)), size, "bilinear") @ _middle(n, max(1, min(n, m))) for n, m, size in sizes)
    return _between(call, A, B, "bilinear")


def weights(old: int, new: int, kind: str, antialias: bool = False) -> Array:
    """(new, old): row i, the weights of the old pixels for the new pixel i, whose centre is at (i + 1/2) old / new."""
    scale = old / new
    if kind == "nearest":
        return 1.0 * (np.floor((np.arange(new) + 0.5) * scale)[:, None] == np.arange(old))
    at = (np.arange(new) + 0.5) * scale - 0.5
    away = np.abs(at[:, None] - np.arange(old)) / (max(scale, 1.0) if antialias else 1.0)
    found = _KERNELS[kind](away)
    found = found / found.sum(1, keepdims=True)
    return found * ((at >= -0.5) & (at <= old - 0.5))[:, None]


def _between(call: Call, A: Array, B: Array, kind: str, fill: float = 0.0) -> Piece:
    """a = A x B^T + what a fill of the border adds."""
    border = fill * (1 - A.sum(1)[:, None] * B.sum(1))[..., None]

    def both(left: Array, x: Array, right: Array) -> Array:
        return np.einsum("ik,nklc,jl->nijc", left, x, right)

    where = rf"A_{{ik}}, B_{{jl}}: \mathrm{{{kind}}}"
    more = rf" + {fill:.4g} (1 - A 1 1^{{\top}} B^{{\top}})" if fill else ""
    forward = Expression(rf"A {call.X} B^{{\top}}{more}", lambda: both(A, call.x, B) + border, where)
    back = Expression(rf"A^{{\top}} {call.D('y')} B", lambda: both(A.T, call.gradient("y"), B.T), where)
    return Piece([Step("y", forward)], [], [back])


def _middle(size: int, kept: int) -> Array:
    start = (size - kept) // 2
    return np.eye(size)[start : start + kept]


def _sides(call: Call, letter: str) -> tuple[str, str]:
    return _offset(tuple(before for before, _ in call.layer.sides), letter)


def _offset(start: tuple[int, ...], letter: str) -> tuple[str, str]:
    """How far elements move: one number, or a letter and what it is."""
    if len(set(start)) == 1:
        return (str(start[0]) if start[0] else ""), ""
    return letter, f"{letter} = ({', '.join(map(str, start))})"


def _more(offset: str) -> str:
    return f" + {offset}" if offset else ""


def _less(offset: str) -> str:
    return f" - {offset}" if offset else ""


def _cubic(x: Array) -> Array:
    near = ((1.5 * x - 2.5) * x) * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


def _lanczos(radius: int) -> Kernel:
    return lambda x: np.where(x <= radius, np.sinc(x) * np.sinc(x / radius), 0.0)


_KERNELS: dict[str, Kernel] = {
    "bilinear": lambda x: np.maximum(0.0, 1 - x),
    "bicubic": _cubic,
    "lanczos3": _lanczos(3),
    "lanczos5": _lanczos(5),
}
RULES = {
    layers.CenterCrop: center_crop,
    layers.Permute: permute,
    layers.PixelShuffle: pixel_shuffle,
    layers.PixelUnshuffle: pixel_unshuffle,
    layers.RepeatVector: repeat,
    layers.Resizing: resizing,
    **{
        getattr(layers, f"{kind}{rank}D"): rule
        for kind, rule in {"Cropping": cropping, "UpSampling": up_sampling, "ZeroPadding": padding}.items()
        for rank in (1, 2, 3)
    },
}
