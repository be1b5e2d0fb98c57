"""Convolution and pooling, window by window."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from liuli.inspect.derivation.activations import activated
from liuli.inspect.derivation.call import Call
from liuli.inspect.derivation.lines import Expression, Piece, Step
from liuli.kernels.windows import Pair, fit

Array = np.ndarray


class _Windows:
    """The windows over images of one shape: what all of them see at one place, and back."""

    def __init__(self, shape: tuple[int, ...], window: Pair, strides: Pair, dilation: Pair, padding: Any) -> None:
        axes = [fit(*axis, padding) for axis in zip(shape[1:3], window, strides, dilation, strict=True)]
        self.shape, self.window, self.strides, self.dilation = shape, window, strides, dilation
        self.outputs = [outputs for outputs, _ in axes]
        self.before = [before for _, (before, _) in axes]
        self.sizes = [max(n + sum(sides), n + sides[0]) for n, (_, sides) in zip(shape[1:3], axes, strict=True)]

    def padded(self, x: Array, fill: float = 0.0) -> Array:
        """``x`` with its border."""
        whole = np.full((len(x), *self.sizes, x.shape[-1]), fill)
        whole[self._middle] = x
        return whole

    def places(self) -> Iterator[tuple[int, int, tuple[slice, ...]]]:
        """Every place in the window, row by row, and the elements of padded images that are seen there."""
        for p in range(self.window[0]):
            for q in range(self.window[1]):
                starts = p * self.dilation[0], q * self.dilation[1]
                steps = zip(starts, self.outputs, self.strides, strict=True)
                yield p, q, (slice(None), *(slice(a, a + (n - 1) * s + 1, s) for a, n, s in steps))

    def spread(self, at: Callable[[int, int], Array]) -> Array:
        """The sum over all places of what each window gives to the element that it sees there."""
        whole = np.zeros((self.shape[0], *self.sizes, self.shape[-1]))
        for p, q, seen in self.places():
            whole[seen] += at(p, q)
        return whole[self._middle]

    @property
    def _middle(self) -> tuple[slice, ...]:
        inner = zip(self.before, self.shape[1:3], strict=True)
        return (slice(None), *(slice(before, before + n) for before, n in inner))


def conv2d(call: Call) -> Piece:
    """dL/dW[p, q] = sum over windows of x dL/dz,   dL/dx = dL/dz spread back through W,   dL/db = sum of dL/dz."""
    layer: Any = call.layer
    windows = _Windows(call.x.shape, layer.kernel_size, layer.strides, layer.dilation_rate, layer.padding)
    b = call.weight("bias") if "bias" in call.params else 0.0

    def kernel() -> Array:
        return _blocks(call.weight("kernel"), layer.groups)

    def forward() -> Array:
        x, W = windows.padded(call.x), kernel()
        return np.asarray(sum(x[seen] @ W[p, q] for p, q, seen in windows.places()) + b)

    def to_kernel() -> Array:
        x, dz = windows.padded(call.x), call.gradient("z")
        found = np.zeros_like(kernel())
        for p, q, seen in windows.places():
            found[p, q] = np.einsum("bijc,bijf->cf", x[seen], dz)
        return _from_blocks(found, layer.groups)

    def to_input() -> Array:
        W, dz = kernel(), call.gradient("z")
        return windows.spread(lambda p, q: dz @ W[p, q].T)

    W, dz = call.weight_symbol("kernel"), call.D("z")
    formula = rf"{call.X} \star {W}" + (f" + {call.weight_symbol('bias')}" if "bias" in call.params else "")
    steps, backward = activated(call, layer.activation)
    params = {"kernel": Expression(rf"{call.X} \star {dz}", to_kernel)}
    if "bias" in call.params:
        params["bias"] = Expression(rf"\sum {dz}", lambda: call.gradient("z").sum((0, 1, 2)))
    back = Expression(rf"{dz} \star \mathrm{{flipped}}({W})", to_input)
    return Piece([Step("z", Expression(formula, forward)), *steps], backward, [back], params)


def max_pooling(call: Call) -> Piece:
    """a = the largest of each window, which alone has a gradient; of equal ones the first."""
    windows = _pooling(call)

    def seen() -> Array:
        x = windows.padded(call.x, -np.inf)
        return np.stack([x[place] for _, _, place in windows.places()])

    def to_input() -> Array:
        where, dy = seen().argmax(axis=0), call.gradient("y")
        return windows.spread(lambda p, q: dy * (where == p * windows.window[1] + q))

    forward = Expression(rf"\max_{{\mathrm{{window}}}} {call.X}", lambda: seen().max(axis=0))
    back = Expression(rf"[{call.X} = {call.symbol('y')}] \odot {call.D('y')}", to_input)
    return Piece([Step("y", forward)], [], [back])


def average_pooling(call: Call) -> Piece:
    """a = the mean of each window, whose elements share its gradient evenly."""
    windows = _pooling(call)
    inside = windows.padded(np.ones(call.x.shape))
    count = sum(inside[place] for _, _, place in windows.places())

    def forward() -> Array:
        x = windows.padded(call.x)
        return np.asarray(sum(x[place] for _, _, place in windows.places()) / count)

    shares = Expression(
        rf"\sum_{{\mathrm{{windows}}}} \frac{{1}}{{n}} {call.D('y')}",
        lambda: windows.spread(lambda p, q: call.gradient("y") / count),
    )
    mean = Expression(rf"\frac{{1}}{{n}} \sum_{{\mathrm{{window}}}} {call.X}", forward)
    return Piece([Step("y", mean)], [], [shares])


def global_average_pooling(call: Call) -> Piece:
    """a = the mean of each channel."""
    n, shape = call.x.shape[1] * call.x.shape[2], call.x.shape
    short = (shape[0], 1, 1, shape[-1])
    mean = Expression(rf"\frac{{1}}{{{n}}} \sum {call.X}", lambda: call.x.mean((1, 2)).reshape(call.value("y").shape))
    share = Expression(
        rf"\frac{{1}}{{{n}}} {call.D('y')}", lambda: np.broadcast_to(call.gradient("y").reshape(short) / n, shape)
    )
    return Piece([Step("y", mean)], [], [share])


def _pooling(call: Call) -> _Windows:
    layer: Any = call.layer
    return _Windows(call.x.shape, layer.pool_size, layer.strides or layer.pool_size, (1, 1), layer.padding)


def _blocks(W: Array, groups: int) -> Array:
    """A grouped kernel (rows, columns, n / groups, filters) as one over all channels, zero between groups."""
    rows, columns, each, filters = W.shape
    whole, share = np.zeros((rows, columns, each * groups, filters)), filters // groups
    for g in range(groups):
        mine = slice(g * share, (g + 1) * share)
        whole[:, :, g * each : (g + 1) * each, mine] = W[..., mine]
    return whole


def _from_blocks(whole: Array, groups: int) -> Array:
    """The part of a kernel over all channels that a grouped one has."""
    each, share = whole.shape[2] // groups, whole.shape[3] // groups
    parts = [whole[:, :, g * each : (g + 1) * each, g * share : (g + 1) * share] for g in range(groups)]
    return np.concatenate(parts, axis=-1)
