"""Dense layers: z is a product of inputs and weights, plus b, and a = f(z).

dL/dW = x^T dL/dz,   dL/db = sum over the batch of dL/dz,   dL/dx = dL/dz W^T
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from liuli import layers
from liuli.inspect.derivation.activations import activated
from liuli.inspect.derivation.call import Call
from liuli.inspect.derivation.lines import Expression, Piece, Step, total
from liuli.inspect.derivation.notation import transposed

Array = np.ndarray


def dense(call: Call) -> Piece:
    """z = x W + b"""
    W, dz = call.weight_symbol("kernel"), call.D("z")
    z = Expression(f"{call.X} {W}", lambda: call.x @ call.weight("kernel"))
    of_kernel = Expression(f"{transposed(call.X)} {dz}", lambda: rows(call.x).T @ rows(call.gradient("z")))
    back = Expression(f"{dz} {transposed(W)}", lambda: call.gradient("z") @ call.weight("kernel").T)
    return _affine(call, z, of_kernel, [back])


def ternary(call: Call) -> Piece:
    """z = s x T + b: T passes its gradient straight to W, and s = mean |W| has one of its own."""
    n = _Ternary(call)
    W, dz, T = call.weight_symbol("kernel"), call.D("z"), f"T_{{{call.owner}}}"
    s = f"s_{{{call.owner}}} \\, " if n.scales else ""
    threshold = rf"\frac{{1}}{{2}} s_{{{call.owner}}}" if n.scales else f"{call.layer.threshold:.4g}"
    where = rf"{T} = \operatorname{{sign}}({W}) \odot [|{W}| > {threshold}]"
    terms = [Expression(f"{s}{transposed(call.X)} {dz}", n.straight)]
    if n.scales:
        where += rf", \quad {s}= \mathrm{{mean}}(|{W}|)"
        slope = rf"\frac{{\operatorname{{sign}}({W})}}{{{call.weight('kernel').size}}}"
        terms.append(Expression(rf"{slope} \sum {dz} \odot ({call.X} {T})", n.by_scale))
    z = Expression(f"{s}{call.X} {T}", lambda: n.scale() * (call.x @ n.kernel()), where)
    back = Expression(f"{s}{dz} {transposed(T)}", lambda: n.scale() * (call.gradient("z") @ n.kernel().T))
    return _affine(call, z, total(terms), [back])


class _Ternary:
    """The numbers of a TernaryDense."""

    def __init__(self, call: Call) -> None:
        self.call, self.scales = call, call.layer.threshold is None

    def scale(self) -> float:
        return float(np.abs(self.call.weight("kernel")).mean()) if self.scales else 1.0

    def kernel(self) -> Array:
        W = self.call.weight("kernel")
        threshold = 0.5 * self.scale() if self.scales else self.call.layer.threshold
        return np.where(np.abs(W) > threshold, np.sign(W), 0.0)

    def straight(self) -> Array:
        return self.scale() * (rows(self.call.x).T @ rows(self.call.gradient("z")))

    def by_scale(self) -> Array:
        W = self.call.weight("kernel")
        return np.sum(self.call.gradient("z") * (self.call.x @ self.kernel())) * np.sign(W) / W.size


def bilinear(call: Call) -> Piece:
    """z_k = sum over i and j of x_i W_ijk y_j + b_k"""
    (x, y), W, dz = call.symbols, call.weight_symbol("kernel"), call.D("z")

    def product(equation: str, *arrays: Callable[[], Array]) -> Callable[[], Array]:
        return lambda: np.einsum(equation, *(array() for array in arrays))

    def first() -> Array:
        return call.xs[0]

    def second() -> Array:
        return call.xs[1]

    def kernel() -> Array:
        return call.weight("kernel")

    def slope() -> Array:
        return call.gradient("z")

    def to_kernel() -> Array:
        return np.einsum("ni,nj,nk->ijk", rows(first()), rows(second()), rows(slope()))

    x_i, y_j, W_ijk, dz_k = rf"({x})_{{i}}", rf"({y})_{{j}}", rf"({W})_{{ijk}}", rf"({dz})_{{k}}"
    z = Expression(rf"\sum_{{i, j}} {x_i} {W_ijk} {y_j}", product("...i,ijk,...j->...k", first, kernel, second))
    of_kernel = Expression(rf"\sum {x_i} {y_j} {dz_k}", to_kernel)
    backs = [
        Expression(rf"\sum_{{j, k}} {W_ijk} {y_j} {dz_k}", product("...k,ijk,...j->...i", slope, kernel, second)),
        Expression(rf"\sum_{{i, k}} {x_i} {W_ijk} {dz_k}", product("...k,ijk,...i->...j", slope, kernel, first)),
    ]
    return _affine(call, z, of_kernel, backs)


def einsum(call: Call) -> Piece:
    """z = the sum over the letters that z lacks: back, each factor is summed over those that it lacks itself."""
    letters = call.layer._letters(call.x)
    W, dz = call.weight_symbol("kernel"), call.D("z")
    x, w, y = (rf"({s})_{{{i}}}" for s, i in ((call.X, letters.x), (W, letters.w), (dz, letters.y)))

    def summed(over: str) -> str:
        return rf"\sum_{{{over}}} " if over else ""

    def to_input() -> Array:
        sizes = dict(zip(letters.x, call.x.shape, strict=True))
        alone = "".join(i for i in letters.x if i not in letters.w + letters.y)  # what x alone is summed over
        ones = np.ones([sizes[i] for i in alone])
        equation = f"{letters.y},{letters.w},{alone}->{letters.x}"
        return np.einsum(equation, call.gradient("z"), call.weight("kernel"), ones)

    def lacking(own: str) -> str:
        return "".join(dict.fromkeys(i for i in letters.x + letters.w + letters.y if i not in own))

    forward, back = f"{letters.x},{letters.w}->{letters.y}", f"{letters.x},{letters.y}->{letters.w}"
    z = Expression(f"{summed(lacking(letters.y))}{x} {w}", lambda: np.einsum(forward, call.x, call.weight("kernel")))
    of_kernel = Expression(f"{summed(lacking(letters.w))}{x} {y}", lambda: np.einsum(back, call.x, call.gradient("z")))
    return _affine(call, z, of_kernel, [Expression(f"{summed(lacking(letters.x))}{y} {w}", to_input)])


def maxout(call: Call) -> Piece:
    """z = x W + b in pieces, a = the largest piece: the gradient goes to it; equal ones share it."""
    W, dz, a, shape = call.weight_symbol("kernel"), call.D("z"), call.symbol("y"), call.value("z").shape

    def flat() -> Array:
        return rows(call.gradient("z").reshape(*call.x.shape[:-1], -1))

    def largest() -> Array:
        return 1.0 * (call.value("z") == call.value("z").max(-1, keepdims=True))

    b = call.weight("bias") if "bias" in call.params else 0.0
    product = f"{call.X} {W}" + (f" + {call.weight_symbol('bias')}" if "bias" in call.params else "")
    forward = [
        Step("z", Expression(product, lambda: (call.x @ call.weight("kernel") + b).reshape(shape))),
        Step("y", Expression(rf"\max_{{j}} ({call.symbol('z')})_{{j}}", lambda: call.value("z").max(-1))),
    ]
    share = Expression(
        rf"[{call.symbol('z')} = {a}] \odot {call.D('y')}",
        lambda: largest() / largest().sum(-1, keepdims=True) * call.gradient("y")[..., None],
    )
    params = {"kernel": Expression(f"{transposed(call.X)} {dz}", lambda: rows(call.x).T @ flat())}
    if "bias" in call.params:
        params["bias"] = Expression(rf"\sum {dz}", lambda: flat().sum(0))
    back = Expression(f"{dz} {transposed(W)}", lambda: (flat() @ call.weight("kernel").T).reshape(call.x.shape))
    return Piece(forward, [Step("z", share)], [back], params)


def _affine(call: Call, product: Expression, of_kernel: Expression, backs: list[Expression]) -> Piece:
    """z = product + b and a = f(z); b is summed over all axes along which it is one number."""
    params, forward = {"kernel": of_kernel}, product
    if "bias" in call.params:
        b = call.weight("bias")
        forward = Expression(
            f"{product.latex} + {call.weight_symbol('bias')}", lambda: product.compute() + b, product.where
        )
        params["bias"] = Expression(rf"\sum {call.D('z')}", lambda: _summed_to(call.gradient("z"), b.shape))
    steps, backward = activated(call, call.layer.activation)
    return Piece([Step("z", forward), *steps], backward, backs, params)


def _summed_to(gradient: Array, shape: tuple[int, ...]) -> Array:
    """The sum over every axis that ``shape`` lacks, or has with length 1."""
    whole = (1,) * (gradient.ndim - len(shape)) + shape
    axes = tuple(i for i, n in enumerate(whole) if n == 1 and gradient.shape[i] != 1)
    return gradient.sum(axes, keepdims=True).reshape(shape)


def rows(array: Array) -> Array:
    """Every axis but the last as samples."""
    return array.reshape(-1, array.shape[-1])


RULES = {
    layers.Bilinear: bilinear,
    layers.Dense: dense,
    layers.EinsumDense: einsum,
    layers.Maxout: maxout,
    layers.TernaryDense: ternary,
}
