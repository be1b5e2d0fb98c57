"""Convolutions over one, two or three axes: z[i] = sum over the places p of a window of x[s i + d p - o] W[p] + b."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from liuli import layers
from liuli.inspect.derivation.activations import activated
from liuli.inspect.derivation.call import Call
from liuli.inspect.derivation.lines import Expression, Piece, Step
from liuli.inspect.derivation.notation import gradient, transposed
from liuli.inspect.derivation.windows import Array, Windows, windows

_EACH_PLACE, _SHARED = "b...c,b...f->...cf", "bxc,bxf->cf"


@dataclass(frozen=True, eq=False)
class _Product:
    """The kernel as matrices (places, [*outputs,] n, filters), and a gradient of that shape as one of the kernel."""

    matrices: Callable[[], Array]
    restored: Callable[[Array], Array]
    shared: bool = True

    def forward(self, over: Windows, x: Array) -> Array:
        """sum over p of x[s i + d p - o] W[p]"""
        pairs = zip(over.views(x), self.matrices(), strict=True)
        return np.asarray(sum(np.einsum("b...c,...cf->b...f", seen, W) for seen, W in pairs))

    def to_input(self, over: Windows, dz: Array) -> Array:
        """sum over i and p with s i + d p - o = j of dz[i] W[p]^T"""
        W = self.matrices()
        return over.spread(lambda k: np.einsum("b...f,...cf->b...c", dz, W[k]))

    def to_kernel(self, over: Windows, x: Array, dz: Array) -> Array:
        """sum over i of x[s i + d p - o]^T dz[i]"""
        if not self.shared:
            return self.restored(np.stack([np.einsum(_EACH_PLACE, seen, dz) for seen in over.views(x)]))
        return self.restored(np.stack([np.einsum(_SHARED, _flat(seen), _flat(dz)) for seen in over.views(x)]))


def convolution(call: Call) -> Piece:
    """dL/dW[p] = sum over i of x[..]^T dL/dz[i],   dL/dx[j] = sum of dL/dz[i] W[p]^T where i saw j at p."""
    layer: Any = call.layer
    over = _over(call, call.x.shape)
    W, X, dz = call.weight_symbol("kernel"), call.X, call.D("z")
    at, where = over.index()
    if layer.groups > 1:
        parts = ", ".join(rf"{W}^{{({g})}}[p]" for g in range(1, min(layer.groups, 3) + 1))
        parts += r", ..." * (layer.groups > 3)
        where = r", \quad ".join(filter(None, (where, rf"{W}[p] = \operatorname{{diag}}({parts})")))
    product = _Product(
        lambda: _blocks(_places(call.weight("kernel"), len(over.window)), layer.groups),
        lambda found: _from_blocks(found, layer.groups).reshape(call.params["kernel"].shape),
    )
    formulas = (
        rf"\sum_{{p}} {X}[{at}] \, {W}[p]",
        rf"\sum_{{i}} {transposed(f'{X}[{at}]')} {dz}[i]",
        rf"\sum_{{i, p: {at} = j}} {dz}[i] \, {transposed(f'{W}[p]')}",
    )
    return _piece(call, over, product, "kernel", formulas, where)


def depthwise_convolution(call: Call) -> Piece:
    """As a convolution, each channel c alone, with kernels D[p, c, k] of its own."""
    over = _over(call, call.x.shape)
    formulas, where = _each_channel(call, over, "z")
    return _piece(call, over, _of_channels(call, over), "depthwise_kernel", formulas, where)


def separable_convolution(call: Call) -> Piece:
    """u = x * D, each channel alone; then z = u P + b mixes the channels at each place."""
    over, P = _over(call, call.x.shape), call.weight_symbol("pointwise_kernel")
    first, u, dz = _of_channels(call, over), call.symbol("depthwise"), call.D("z")
    (made, to_kernel, to_input), where = _each_channel(call, over, "depthwise")

    def mixing() -> Array:
        W = call.weight("pointwise_kernel")
        return W.reshape(W.shape[-2:])

    def to_mixing() -> Array:
        found = _flat(call.value("depthwise")), _flat(call.gradient("z"))
        return np.einsum(_SHARED, *found).reshape(call.params["pointwise_kernel"].shape)

    b, formula, params = _bias(call, rf"{u} {P}")
    depthwise = Step("depthwise", Expression(made, lambda: first.forward(over, call.x), where))
    z = Step("z", Expression(formula, lambda: call.value("depthwise") @ mixing() + b()))
    steps, backward = activated(call, call.layer.activation)
    to_u = Step("depthwise", Expression(f"{dz} {transposed(P)}", lambda: call.gradient("z") @ mixing().T))
    params["pointwise_kernel"] = Expression(rf"\sum_{{i}} {transposed(f'{u}[i]')} {dz}[i]", to_mixing)
    params["depthwise_kernel"] = Expression(
        to_kernel, lambda: first.to_kernel(over, call.x, call.gradient("depthwise")), where
    )
    back = Expression(to_input, lambda: first.to_input(over, call.gradient("depthwise")), where)
    return Piece([depthwise, z, *steps], [*backward, to_u], [back], params)


def local_connection(call: Call) -> Piece:
    """As a convolution, with a kernel W[i, p] and a bias b[i] for each place i."""
    layer: Any = call.layer
    rank = len(layer.kernel_size)
    over = windows(call.x.shape, layer.kernel_size, layer.strides, (1,) * rank, layer.padding)
    W, X, dz = call.weight_symbol("kernel"), call.X, call.D("z")
    at, where = over.index()

    def matrices() -> Array:
        kernel = call.weight("kernel")
        parts = kernel.reshape(*over.outputs, -1, *kernel.shape[-2:])
        return np.moveaxis(parts, rank, 0)

    def restored(found: Array) -> Array:
        return np.moveaxis(found, 0, rank).reshape(call.params["kernel"].shape)

    formulas = (
        rf"\sum_{{p}} {X}[{at}] \, {W}[i, p]",
        rf"\sum_{{n}} {transposed(f'{X}[n, {at}]')} {dz}[n, i]",
        rf"\sum_{{i, p: {at} = j}} {dz}[i] \, {transposed(f'{W}[i, p]')}",
    )
    return _piece(call, over, _Product(matrices, restored, shared=False), "kernel", formulas, where)


def transposed_convolution(call: Call) -> Piece:
    """z[j] = sum of x[i] W[p]^T where s i + d p - o = j: a convolution of z, back; its gradient is that convolution."""
    layer: Any = call.layer
    over = _grown(call)
    W, X, dz = call.weight_symbol("kernel"), call.X, call.D("z")
    at, where = over.index()
    product = _Product(
        lambda: _places(call.weight("kernel"), len(over.window)),
        lambda found: found.reshape(call.params["kernel"].shape),
    )
    b, formula, params = _bias(call, rf"\sum_{{i, p: {at} = j}} {X}[i] \, {transposed(f'{W}[p]')}")
    z = Step("z", Expression(formula, lambda: product.to_input(over, call.x) + b(), where))
    steps, backward = activated(call, layer.activation)
    params["kernel"] = Expression(
        rf"\sum_{{i}} {transposed(f'{dz}[{at}]')} {X}[i]",
        lambda: product.to_kernel(over, call.gradient("z"), call.x),
        where,
    )
    back = Expression(rf"\sum_{{p}} {dz}[{at}] \, {W}[p]", lambda: product.forward(over, call.gradient("z")), where)
    return Piece([z, *steps], backward, [back], params)


def _piece(
    call: Call, over: Windows, product: _Product, kernel: str, formulas: tuple[str, str, str], where: str
) -> Piece:
    """What all convolutions have in common."""
    made, to_kernel, to_input = formulas
    b, formula, params = _bias(call, made)
    z = Step("z", Expression(formula, lambda: product.forward(over, call.x) + b(), where))
    steps, backward = activated(call, call.layer.activation)
    params[kernel] = Expression(to_kernel, lambda: product.to_kernel(over, call.x, call.gradient("z")), where)
    back = Expression(to_input, lambda: product.to_input(over, call.gradient("z")), where)
    return Piece([z, *steps], backward, [back], params)


def _bias(call: Call, made: str) -> tuple[Callable[[], Any], str, dict[str, Expression]]:
    """b, the formula with it, and dL/db: the sum of dL/dz over all that b is added to."""
    if "bias" not in call.params:
        return lambda: 0.0, made, {}
    extra = call.gradient("z").ndim - len(call.params["bias"].shape)
    total = Expression(rf"\sum {call.D('z')}", lambda: call.gradient("z").sum(tuple(range(extra))))
    return lambda: call.weight("bias"), f"{made} + {call.weight_symbol('bias')}", {"bias": total}


def _over(call: Call, shape: tuple[int, ...]) -> Windows:
    layer: Any = call.layer
    return windows(shape, layer.kernel_size, layer.strides, layer.dilation_rate, layer.padding)


def _grown(call: Call) -> Windows:
    """The windows over z, one for each place of x."""
    layer: Any = call.layer
    shape, space = call.value("z").shape, call.x.shape[1:-1]
    before = []
    for size, grown, k, s, d in zip(
        space, shape[1:-1], layer.kernel_size, layer.strides, layer.dilation_rate, strict=True
    ):
        last = grown - (size - 1) * s  # what the last window adds
        cut = max((k - 1) * d + 1 - last, 0)
        before.append(cut // 2 if layer.padding == "same" else 0)
    return Windows(shape, layer.kernel_size, layer.strides, layer.dilation_rate, space, tuple(before))


def _each_channel(call: Call, over: Windows, made: str) -> tuple[tuple[str, str, str], str]:
    """The formulas of x * D: forward, dL/dD and dL/dx; m outputs for each channel."""
    D, X, g = call.weight_symbol("depthwise_kernel"), call.X, gradient(call.symbol(made))
    (at, where), m = over.index(), call.params["depthwise_kernel"].shape[-1]
    out = "c" if m == 1 else f"{m} c + k"
    k, total = ("", "") if m == 1 else (", k", r"\sum_{k} ")
    named = rf"(c, k) \to {out}" if m > 1 else ""
    return (
        (
            rf"\sum_{{p}} {X}[{at}, c] \, {D}[p, c{k}]",
            rf"\sum_{{i}} {X}[{at}, c] \, {g}[i, {out}]",
            rf"\sum_{{i, p: {at} = j}} {total}{g}[i, {out}] \, {D}[p, c{k}]",
        ),
        r", \quad ".join(filter(None, (where, named))),
    )


def _of_channels(call: Call, over: Windows) -> _Product:
    """D as matrices that keep channels apart."""
    shape = call.params["depthwise_kernel"].shape
    n, m = shape[-2:]

    def matrices() -> Array:
        D = _places(call.weight("depthwise_kernel"), len(over.window))
        return np.einsum("pck,cd->pcdk", D, np.eye(n)).reshape(len(D), n, n * m)

    def restored(found: Array) -> Array:
        return np.einsum("pcck->pck", found.reshape(-1, n, n, m)).reshape(shape)

    return _Product(matrices, restored)


def _places(kernel: Array, rank: int) -> Array:
    """(*window, ...) as (places, ...)."""
    return kernel.reshape(-1, *kernel.shape[rank:])


def _flat(x: Array) -> Array:
    """(batch, *space, n) as (batch, places, n)."""
    return x.reshape(len(x), -1, x.shape[-1])


def _blocks(W: Array, groups: int) -> Array:
    """Grouped matrices (places, n / groups, filters) as ones over all channels, zero between groups."""
    places, each, filters = W.shape
    whole, share = np.zeros((places, each * groups, filters)), filters // groups
    for g in range(groups):
        mine = slice(g * share, (g + 1) * share)
        whole[:, g * each : (g + 1) * each, mine] = W[..., mine]
    return whole


def _from_blocks(whole: Array, groups: int) -> Array:
    """The part of matrices over all channels that grouped ones have."""
    each, share = whole.shape[1] // groups, whole.shape[2] // groups
    parts = [whole[:, g * each : (g + 1) * each, g * share : (g + 1) * share] for g in range(groups)]
    return np.concatenate(parts, axis=-1)


RULES = {
    layers.Conv1D: convolution,
    layers.Conv2D: convolution,
    layers.Conv3D: convolution,
    layers.Conv1DTranspose: transposed_convolution,
    layers.Conv2DTranspose: transposed_convolution,
    layers.Conv3DTranspose: transposed_convolution,
    layers.DepthwiseConv1D: depthwise_convolution,
    layers.DepthwiseConv2D: depthwise_convolution,
    layers.LocallyConnected1D: local_connection,
    layers.LocallyConnected2D: local_connection,
    layers.SeparableConv1D: separable_convolution,
    layers.SeparableConv2D: separable_convolution,
}
