"""Pooling: by windows, of all space, into bins; what becomes one number is its mean, or its largest."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from liuli import layers
from liuli.inspect.derivation.call import Call
from liuli.inspect.derivation.lines import Expression, Piece, Step
from liuli.inspect.derivation.windows import Array, Windows, windows


def max_pooling(call: Call) -> Piece:
    """a = the largest of each window, which alone has a gradient; of equal ones the first. Masked steps are out."""
    over, keep = _windows(call), _kept(call)
    at, where = over.index()

    def seen() -> Array:
        return np.stack(over.views(np.where(keep, call.x, -np.inf), -np.inf))

    def forward() -> Array:
        largest = seen().max(axis=0)
        return np.where(np.isfinite(largest), largest, 0.0)

    def to_input() -> Array:
        views = seen()
        first, dy = views.argmax(axis=0), call.gradient("y") * np.isfinite(views.max(axis=0))
        return over.spread(lambda k: dy * (first == k))

    X, counted = call.X, _counted(call)
    largest = Expression(rf"\max_{{p{counted}}} {X}[{at}]", forward, where)
    back = Expression(
        rf"\sum_{{i, p: {at} = j}} [p = p^{{*}}[i]] \, {call.D('y')}[i]",
        to_input,
        r", \quad ".join(filter(None, (rf"p^{{*}}[i] = \operatorname{{argmax}}_{{p{counted}}} {X}[{at}]", where))),
    )
    return Piece([Step("y", largest)], [], [back])


def average_pooling(call: Call) -> Piece:
    """a = the mean of each window, whose elements share its gradient evenly; padding and masked steps do not count."""
    over, keep = _windows(call), _kept(call)
    at, where = over.index()

    def count() -> Array:
        return np.maximum(sum(over.views(np.broadcast_to(1.0 * keep, call.x.shape))), 1)

    def forward() -> Array:
        return np.asarray(sum(over.views(np.where(keep, call.x, 0.0))) / count())

    def to_input() -> Array:
        each = call.gradient("y") / count()
        return keep * over.spread(lambda k: each)

    m = r"m[j] \, " if call.mask is not None else ""
    full = not any(over.before) and call.mask is None
    share = rf"\frac{{1}}{{{int(np.prod(over.window))}}}" if full else r"\frac{1}{n[i]}"
    said = r", \quad ".join(filter(None, (where, "" if full else _number(call, over))))
    mean = Expression(rf"{share} \sum_{{p{_counted(call)}}} {call.X}[{at}]", forward, said)
    back = Expression(rf"{m}\sum_{{i, p: {at} = j}} {share} \, {call.D('y')}[i]", to_input, said)
    return Piece([Step("y", mean)], [], [back])


def _number(call: Call, over: Windows) -> str:
    at, _ = over.index()
    inside = rf"{at} \in {call.X}" if call.mask is None else rf"m[{at}] = 1"
    return rf"n[i] = \sum_{{p}} [{inside}]"


def global_average_pooling(call: Call) -> Piece:
    """a = the mean of each channel over all that counts."""
    axes, keep = _space(call), _kept(call)

    def share() -> Array:
        ones = np.broadcast_to(1.0 * keep, call.x.shape)
        return ones / np.maximum(ones.sum(axes, keepdims=True), 1)

    def forward() -> Array:
        return (share() * call.x).sum(axes).reshape(call.value("y").shape)

    def to_input() -> Array:
        return share() * call.gradient("y").reshape(_short(call))

    n = int(np.prod(call.x.shape[1:-1]))
    masked = call.mask is not None
    factor, m = (r"\frac{1}{n}", r"m \odot ") if masked else (rf"\frac{{1}}{{{n}}}", "")
    where = r"n = \max(1, \sum_{j} m[j])" if masked else ""
    mean = Expression(rf"{factor} \sum_{{j}} {m}{call.X}[j]", forward, where)
    back = Expression(rf"{factor} \, {m}{call.D('y')}", to_input, where)
    return Piece([Step("y", mean)], [], [back])


def global_max_pooling(call: Call) -> Piece:
    """a = the largest of each channel over all that counts; equal ones share the gradient."""
    axes, keep = _space(call), _kept(call)

    def largest() -> Array:
        return np.where(keep, call.x, -np.inf).max(axes, keepdims=True)

    def forward() -> Array:
        return np.where(np.isfinite(largest()), largest(), 0.0).reshape(call.value("y").shape)

    def to_input() -> Array:
        top = keep & (call.x == largest())
        share = top / np.maximum(top.sum(axes, keepdims=True), 1)
        return share * call.gradient("y").reshape(_short(call))

    a, X = call.symbol("y"), call.X
    back = Expression(rf"\frac{{[{X}[j] = {a}]}}{{n}} \odot {call.D('y')}", to_input, rf"n = \sum_{{j}} [{X}[j] = {a}]")
    top = Expression(rf"\max_{{j{_counted(call, 'j')}}} {X}[j]", forward)
    return Piece([Step("y", top)], [], [back])


def adaptive_average_pooling(call: Call) -> Piece:
    """a[i] = the mean over bin i: along each axis a matrix M, whose rows are even over their bins."""
    matrices = [_shares(n, m) for n, m in zip(call.x.shape[1:-1], call.value("y").shape[1:-1], strict=True)]

    def forward() -> Array:
        return functools.reduce(_along, enumerate(matrices, 1), call.x)

    def to_input() -> Array:
        return functools.reduce(_along, enumerate((M.T for M in matrices), 1), call.gradient("y"))

    mean = Expression(rf"\frac{{1}}{{|B_{{i}}|}} \sum_{{j \in B_{{i}}}} {call.X}[j]", forward, _bins(call))
    back = Expression(rf"\sum_{{i: j \in B_{{i}}}} \frac{{1}}{{|B_{{i}}|}} {call.D('y')}[i]", to_input, _bins(call))
    return Piece([Step("y", mean)], [], [back])


def adaptive_max_pooling(call: Call) -> Piece:
    """a[i] = the largest of bin i, which alone has a gradient; of equal ones the first."""
    sizes = call.value("y").shape[1:-1]
    edges = [_edges(n, m) for n, m in zip(call.x.shape[1:-1], sizes, strict=True)]

    def bin_at(place: tuple[int, ...]) -> tuple[slice, ...]:
        return (slice(None), *(slice(*axis[i]) for axis, i in zip(edges, place, strict=True)))

    def forward() -> Array:
        found = np.zeros(call.value("y").shape)
        for place in np.ndindex(*sizes):
            found[(slice(None), *place)] = _flat(call.x[bin_at(place)]).max(1)
        return found

    def to_input() -> Array:
        found, dy = np.zeros(call.x.shape), call.gradient("y")
        for place in np.ndindex(*sizes):
            part = found[bin_at(place)]
            seen = _flat(call.x[bin_at(place)])
            first = np.arange(seen.shape[1])[None, :, None] == seen.argmax(1)[:, None]
            part += (first * dy[(slice(None), *place)][:, None]).reshape(part.shape)
        return found

    X = call.X
    top = Expression(rf"\max_{{j \in B_{{i}}}} {X}[j]", forward, _bins(call))
    star = rf"j^{{*}}[i] = \operatorname{{argmax}}_{{j \in B_{{i}}}} {X}[j], \quad {_bins(call)}"
    back = Expression(rf"\sum_{{i}} [j = j^{{*}}[i]] \, {call.D('y')}[i]", to_input, star)
    return Piece([Step("y", top)], [], [back])


def _windows(call: Call) -> Windows:
    layer: Any = call.layer
    window, strides, padding = layer._windows
    return windows(call.x.shape, window, strides, (1,) * len(window), padding)


def _kept(call: Call) -> Array:
    """What counts, lined up with x."""
    return np.ones((1,) * call.x.ndim, bool) if call.mask is None else np.asarray(call.mask, bool)[..., None]


def _counted(call: Call, at: str = "") -> str:
    """The condition under a sum or maximum that a step counts."""
    return "" if call.mask is None else f": m[{at}] = 1" if at else ": m = 1"


def _space(call: Call) -> tuple[int, ...]:
    return tuple(range(1, call.x.ndim - 1))


def _short(call: Call) -> tuple[int, ...]:
    return (len(call.x), *(1,) * (call.x.ndim - 2), call.x.shape[-1])


def _edges(size: int, bins: int) -> list[tuple[int, int]]:
    return [(i * size // bins, -(-(i + 1) * size // bins)) for i in range(bins)]


def _shares(size: int, bins: int) -> Array:
    found = np.zeros((bins, size))
    for i, (start, stop) in enumerate(_edges(size, bins)):
        found[i, start:stop] = 1 / (stop - start)
    return found


def _along(x: Array, step: tuple[int, Array]) -> Array:
    """M x along an axis."""
    axis, M = step
    return np.moveaxis(np.tensordot(M, x, (1, axis)), 0, axis)


def _bins(call: Call) -> str:
    n, m = (call.trace[path].shape[1:-1] for path in (call.inputs[0], f"{call.path}/y"))
    names = [str(size[0]) if len(set(size)) == 1 else letter for letter, size in (("n", n), ("m", m))]
    of_n = rf"\lfloor i \, {names[0]} / {names[1]}\rfloor \le j < \lceil (i + 1) \, {names[0]} / {names[1]}\rceil"
    sizes = [
        f"{name} = ({', '.join(map(str, size))})" for name, size in zip(names, (n, m), strict=True) if name in "nm"
    ]
    return r", \quad ".join([rf"B_{{i}} = \{{j: {of_n}\}}", *sizes])


def _flat(x: Array) -> Array:
    return x.reshape(len(x), -1, x.shape[-1])


RULES = {
    getattr(layers, f"{kind}Pooling{rank}D"): rule
    for kind, rule in {
        "Average": average_pooling,
        "Max": max_pooling,
        "GlobalAverage": global_average_pooling,
        "GlobalMax": global_max_pooling,
        "AdaptiveAverage": adaptive_average_pooling,
        "AdaptiveMax": adaptive_max_pooling,
    }.items()
    for rank in (1, 2, 3)
}
