"""Wrappers that give a layer other weights w than those that are trained, and the way back from dL/dw."""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import Any

import numpy as np

from liuli import layers
from liuli.inspect.derivation.call import Call
from liuli.inspect.derivation.lines import Expression, Piece, Step, total
from liuli.inspect.derivation.penalties import penalized, slopes
from liuli.inspect.derivation.units import length, normalized
from liuli.layers.base import Context

Array = np.ndarray


def weight_normalization(call: Call) -> Piece:
    """w = g v / |v|: dL/dg = <dL/dw, v / |v|>, and dL/dv has no part along v."""
    n = _Wrapped(call)
    g, v, dw = call.weight_symbol("g"), n.W, n.slope_symbol()

    def directions() -> Array:
        return normalized(n.value(), n.axes)

    def to_v() -> Array:
        dw, u = n.slope(), directions()
        across = dw - u * (dw * u).sum(n.axes, keepdims=True)
        return call.weight("g") / length(n.value(), n.axes) * across

    u = rf"\frac{{{v}}}{{|{v}|}}"
    w = Expression(rf"{g} \odot {u}", lambda: call.weight("g") * directions())
    of_v = rf"\frac{{{g}}}{{|{v}|}} \odot ({dw} - {u} \odot \langle {dw}, {u}\rangle)"
    params = {
        "g": Expression(rf"\langle {dw}, {u}\rangle", lambda: (n.slope() * directions()).sum(n.axes)),
        n.path: Expression(of_v, to_v),
    }
    return n.piece([Step("w", w)], [], params)


def spectral_normalization(call: Call) -> Piece:
    """w = W / sigma, sigma = v^T W u with constant u and v: dL/dW = dL/dw / sigma + dL/dsigma v u^T."""
    n = _Wrapped(call)
    W, w, sigma, dw, dsigma = n.W, call.symbol("w"), call.symbol("sigma"), call.D("w"), call.D("sigma")
    u, v = f"u_{{{call.index}}}", f"v_{{{call.index}}}"

    def pair() -> tuple[Array, Array]:
        """u and v, after this call has moved u."""
        matrix, now = n.matrix(), np.asarray(call.state["u"], np.float64)
        moves = call.training and call.layer.trainable
        for _ in range(call.layer.power_iterations if moves else 0):
            moved = normalized(normalized(matrix @ now, 0) @ matrix, 0)
            now = moved if moved.any() else now
        return now, normalized(matrix @ now, 0)

    def value() -> Array:
        right, left = pair()
        return left @ n.matrix() @ right

    def divisor() -> Array:
        return np.where(call.value("sigma") > 0, call.value("sigma"), 1.0)

    def to_sigma() -> Array:
        return np.where(call.value("sigma") > 0, -(call.gradient("w") * n.value()).sum() / divisor() ** 2, 0.0)

    def by_sigma() -> Array:
        right, left = pair()
        return call.gradient("sigma") * np.outer(left, right).reshape(n.value().shape)

    where = rf"{v} = \frac{{{W} {u}}}{{|{W} {u}|}}"
    forward = [
        Step("sigma", Expression(rf"{v}^{{\top}} {W} {u}", value, where)),
        Step("w", Expression(rf"\frac{{{W}}}{{{sigma}}}", lambda: n.value() / divisor())),
    ]
    back = Step("sigma", Expression(rf"-\frac{{1}}{{{sigma}}} \langle {dw}, {w}\rangle", to_sigma))
    direct = Expression(rf"\frac{{1}}{{{sigma}}} {dw}", lambda: call.gradient("w") / divisor())
    both = total([direct, Expression(rf"{dsigma} \, {v} {u}^{{\top}}", by_sigma)])
    of_kernel = penalized(call, n.path, n.inner.layer, both)
    return n.piece(forward, [back], {n.path: of_kernel})


class _Wrapped:
    """The wrapped layer, whose weights are the tap ``w``, and those that are trained behind them."""

    def __init__(self, call: Call) -> None:
        own: Any = call.params["layer"]
        self.call, self.name = call, "kernel" if "kernel" in own else "embeddings"
        self.path = f"layer/{self.name}"
        self.W = call.weight_symbol(self.path)
        made = {f"{call.path}/layer/{tap}": call.trace[f"{call.path}/{tap}"] for tap in call.made}
        self.inner = dataclasses.replace(
            call,
            path=f"{call.path}/layer",
            layer=call.layer.layer,
            params={**own, self.name: call.trace[f"{call.path}/w"]},
            state=call.state.get("layer", {}),
            key=Context(key=call.key).at("layer").key,
            trace=dataclasses.replace(call.trace, taps={**call.trace.taps, **made}),
            letters={self.name: call.symbol("w")},
        )

    @property
    def axes(self) -> tuple[int, ...]:
        """All but the last."""
        return tuple(range(self.value().ndim - 1))

    def value(self) -> Array:
        """The weights that are trained."""
        return self.call.weight(self.path)

    def matrix(self) -> Array:
        return self.value().reshape(-1, self.value().shape[-1])

    @cached_property
    def penalties(self) -> list[Expression]:
        """What a regularizer, which sees w, adds to its gradient."""
        rule = getattr(self.inner.layer, f"{self.name}_regularizer", None)
        if rule is None or self.call.index != self.call.owner:
            return []
        return slopes(rule, self.call.symbol("w"), lambda: self.call.value("w"))

    def slope(self) -> Array:
        """dL/dw, the penalty on w included."""
        return self.call.gradient("w") + sum(np.asarray(term.compute()) for term in self.penalties)

    def slope_symbol(self) -> str:
        whole = total([Expression(self.call.D("w"), lambda: self.call.gradient("w")), *self.penalties])
        return f"({whole.latex})" if self.penalties else whole.latex

    def piece(self, forward: list[Step], backward: list[Step], params: dict[str, Expression]) -> Piece:
        """The lines of the wrapper around those of the layer."""
        from liuli.inspect.derivation.rules import rule  # the table holds the rules of this module too

        said = rule(self.inner)
        others = {
            f"layer/{name}": penalized(self.call, f"layer/{name}", self.inner.layer, term)
            for name, term in said.params.items()
            if name != self.name
        }
        inside = [*said.backward, Step("w", said.params[self.name])]
        steps = [Step(self._tap(step.tap), step.expression) for step in said.forward]
        back = [Step(self._tap(step.tap) if step.tap != "w" else "w", step.expression) for step in inside]
        return Piece([*forward, *steps], [*back, *backward], said.inputs, {**others, **params})

    def _tap(self, tap: str) -> str:
        return tap if tap in self.inner.made else f"layer/{tap}"


RULES = {
    layers.SpectralNormalization: spectral_normalization,
    layers.WeightNormalization: weight_normalization,
}
