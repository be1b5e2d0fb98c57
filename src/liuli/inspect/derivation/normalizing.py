"""Normalizations: a = gamma xhat + beta,   xhat = (x - mu) / sqrt(nu + epsilon),   mu and nu over some axes.

dL/dx = (g - mean(g) - xhat mean(g xhat)) / sqrt(nu + epsilon),   g = dL/dxhat
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from liuli import layers
from liuli.inspect.derivation.call import Call
from liuli.inspect.derivation.lines import Expression, Piece, Step, total
from liuli.layers.axes import along, places

Array = np.ndarray
Axes = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Standard:
    """x brought to mean 0 and variance 1 over ``axes``; steps that the mask leaves out are not in either.

    ``shape`` is that in which groups of channels have an axis of their own, and ``centred`` says whether there is a
    mean at all.
    """

    call: Call
    axes: Axes
    shape: tuple[int, ...]
    masked: bool
    centred: bool = True

    @property
    def x(self) -> Array:
        return self.call.x.reshape(self.shape)

    def counts(self) -> Array:
        mask = self.call.mask if self.masked else None
        if mask is None:
            return np.ones(self.shape)
        return np.broadcast_to(
            np.asarray(mask, np.float64).reshape(*mask.shape, *(1,) * (len(self.shape) - 2)), self.shape
        )

    def share(self) -> Array:
        """What each element counts in a mean: 1 / N, or 0 where it is masked."""
        c = self.counts()
        return c / np.maximum(c.sum(self.axes, keepdims=True), 1.0)

    def mean(self, values: Array) -> Array:
        return (self.share() * values).sum(self.axes, keepdims=True)

    def moved(self) -> Array:
        """x - mu"""
        return self.x - self.mean(self.x) if self.centred else self.x

    def root(self) -> Array:
        """sqrt(nu + epsilon)"""
        return np.sqrt(self.mean(self.moved() ** 2) + self.call.layer.epsilon)

    def forward(self) -> Array:
        return (self.moved() / self.root()).reshape(self.call.x.shape)

    def backward(self) -> Array:
        g, xhat = (values.reshape(self.shape) for values in (self.call.gradient("xhat"), self.forward()))
        through_mean = g.sum(self.axes, keepdims=True) if self.centred else 0.0
        through_root = xhat * (g * xhat).sum(self.axes, keepdims=True)
        return ((g - self.share() * (through_mean + through_root)) / self.root()).reshape(self.call.x.shape)

    def piece(self, kept: Axes, over: str, scale: str = "gamma") -> Piece:
        """All lines; ``kept`` are the axes along which gamma and beta have values, ``over`` names those of the mean."""
        X, index, g, xhat = self.call.X, self.call.index, self.call.D("xhat"), self.call.symbol("xhat")
        mu, nu, mean = rf"\mu_{{{index}}}", rf"\nu_{{{index}}}", _mean(over)
        top = f"{X} - {mu}" if self.centred else X
        squares = rf"{nu} = {mean}(({top})^{{2}})"
        where = rf"{mu} = {mean}({X}), \quad {squares}" if self.centred else squares
        normal = Expression(rf"\frac{{{top}}}{{{_deviation(nu)}}}", self.forward, where)
        less = f" - {mean}({g})" if self.centred else ""
        back = rf"\frac{{{g}{less} - {xhat} \odot {mean}({g} \odot {xhat})}}{{{_deviation(nu)}}}"
        scaled, of_xhat, params = _affine(self.call, kept, scale)
        return Piece([Step("xhat", normal), scaled], [of_xhat], [Expression(back, self.backward)], params)


def layer_normalization(call: Call) -> Piece:
    """Means over the features of each sample alone."""
    axes = places(call.layer.axis, call.x)
    return Standard(call, axes, call.x.shape, 1 in axes).piece(axes, _named(axes, call.x))


def rms_normalization(call: Call) -> Piece:
    """xhat = x / sqrt(mean(x^2) + epsilon): layer normalization without its mean."""
    axes = places(call.layer.axis, call.x)
    standard = Standard(call, axes, call.x.shape, 1 in axes, centred=False)
    return standard.piece(axes, _named(axes, call.x), "scale")


def group_normalization(call: Call) -> Piece:
    """Means over the places and the channels of a group, of each sample alone."""
    n, ndim = call.x.shape[-1], call.x.ndim
    groups = n if call.layer.groups == -1 else call.layer.groups
    axes, shape = (*range(1, ndim - 1), ndim), (*call.x.shape[:-1], groups, n // groups)
    return Standard(call, axes, shape, ndim > 2).piece((ndim - 1,), r"\mathrm{group}")


def instance_normalization(call: Call) -> Piece:
    """Means over the places of each channel of each sample alone."""
    axes = tuple(range(1, call.x.ndim - 1))
    return Standard(call, axes, call.x.shape, True).piece((call.x.ndim - 1,), _named(axes, call.x))


def batch_normalization(call: Call) -> Piece:
    """In inference mu and nu are constants; in training the gradient also goes through them, to the whole batch."""
    n = _Batch(call)
    X, dxhat, dmu, dnu = call.X, call.D("xhat"), call.D("mean"), call.D("variance")
    mu, nu, deviation = call.symbol("mean"), call.symbol("variance"), _deviation(call.symbol("variance"))
    direct, moved = rf"\frac{{{dxhat}}}{{{deviation}}}", f"({X} - {mu})"
    by_variance = rf"-\frac{{1}}{{2}} \sum {dxhat} \odot {moved} ({nu} + \varepsilon)^{{-3/2}}"
    by_mean = rf"-\sum {direct}" + (rf" - 2 {dnu} \odot \mathrm{{mean}}{moved}" if n.of_batch else "")
    share = rf"\frac{{m_{{{call.index}}}}}{{\sum m_{{{call.index}}}}}" if n.masked else rf"\frac{{1}}{{{n.rows}}}"
    back = [Expression(direct, n.directly)]
    if n.of_batch:
        back.append(Expression(rf"{share} ({dmu} + 2 {dnu} \odot {moved})", n.through_batch))
    normal = Expression(rf"\frac{{{X} - {mu}}}{{{deviation}}}", lambda: n.moved() / n.wide(n.root()))
    scaled, of_xhat, params = _affine(call, n.kept)
    backward = [
        of_xhat,
        Step("variance", Expression(by_variance, n.to_variance)),
        Step("mean", Expression(by_mean, n.to_mean)),
    ]
    return Piece([*_statistics(n), Step("xhat", normal), scaled], backward, [total(back)], params)


class _Batch:
    """The numbers of a BatchNormalization."""

    def __init__(self, call: Call) -> None:
        self.call, self.kept = call, places(call.layer.axis, call.x)
        self.axes = tuple(i for i in range(call.x.ndim) if i not in self.kept)
        self.of_batch = call.training and call.layer.trainable
        self.masked = self.of_batch and call.mask is not None
        self.rows = call.x.size // call.x.shape[self.kept[0]]
        self.standard = Standard(call, self.axes, call.x.shape, self.masked)

    def wide(self, values: Array) -> Array:
        return np.asarray(along(values, self.kept, self.call.x))  # type: ignore[arg-type]

    def narrow(self, values: Array) -> Array:
        return values.sum(self.axes)

    def moved(self) -> Array:
        return self.call.x - self.wide(self.call.value("mean"))

    def root(self) -> Array:
        return np.sqrt(self.call.value("variance") + self.call.layer.epsilon)

    def mean(self, values: Array) -> Array:
        return self.narrow(self.standard.share() * values)

    def to_variance(self) -> Array:
        return self.narrow(self.call.gradient("xhat") * self.moved()) * -0.5 / self.root() ** 3

    def to_mean(self) -> Array:
        direct = -self.narrow(self.call.gradient("xhat")) / self.root()
        return direct - self.of_batch * 2.0 * self.call.gradient("variance") * self.mean(self.moved())

    def directly(self) -> Array:
        return self.call.gradient("xhat") / self.wide(self.root())

    def through_batch(self) -> Array:
        dmu, dnu = (self.wide(self.call.gradient(tap)) for tap in ("mean", "variance"))
        return self.standard.share() * (dmu + 2.0 * dnu * self.moved())


def _statistics(n: _Batch) -> list[Step]:
    call = n.call
    if not n.of_batch:
        kept = {"mean": "moving_mean", "variance": "moving_variance"}
        return [
            Step(tap, Expression(rf"\mathrm{{{name.replace('_', ' ')}}}", _constant(call, name)))
            for tap, name in kept.items()
        ]
    mean = Expression(rf"\mathrm{{mean}}({call.X})", lambda: n.mean(call.x))
    squares = rf"\mathrm{{mean}}(({call.X} - {call.symbol('mean')})^{{2}})"
    return [Step("mean", mean), Step("variance", Expression(squares, lambda: n.mean(n.moved() ** 2)))]


def _constant(call: Call, name: str) -> Callable[[], Array]:
    return lambda: np.asarray(call.state[name], np.float64)


def _affine(call: Call, kept: Axes, scale: str = "gamma") -> tuple[Step, Step, dict[str, Expression]]:
    """a = gamma xhat + beta, dL/dxhat, and the gradients of gamma and beta, as far as they are there."""
    xhat, dy = call.symbol("xhat"), call.D("y")
    rest = tuple(i for i in range(call.x.ndim) if i not in kept)

    def wide(name: str, otherwise: float) -> Array:
        return np.asarray(along(call.weight(name), kept, call.x)) if name in call.params else np.full((), otherwise)  # type: ignore[arg-type]

    factor = rf"{call.weight_symbol(scale)} \odot " if scale in call.params else ""
    offset = f" + {call.weight_symbol('beta')}" if "beta" in call.params else ""
    terms: dict[str, tuple[str, Callable[[], Any]]] = {
        scale: (rf"\sum {dy} \odot {xhat}", lambda: call.gradient("y") * call.value("xhat")),
        "beta": (rf"\sum {dy}", lambda: call.gradient("y")),
    }
    params = {
        name: Expression(text, lambda value=value: value().sum(rest))
        for name, (text, value) in terms.items()
        if name in call.params
    }
    line = Expression(f"{factor}{xhat}{offset}", lambda: wide(scale, 1.0) * call.value("xhat") + wide("beta", 0.0))
    return (
        Step("y", line),
        Step("xhat", Expression(f"{factor}{dy}", lambda: wide(scale, 1.0) * call.gradient("y"))),
        params,
    )


def _named(axes: Axes, x: Array) -> str:
    """The axes under a mean; nothing where it is the last one."""
    return "" if axes == (x.ndim - 1,) else ",".join(map(str, axes))


def _mean(over: str) -> str:
    return rf"\mathrm{{mean}}_{{{over}}}" if over else r"\mathrm{mean}"


def _deviation(variance: str) -> str:
    return rf"\sqrt{{{variance} + \varepsilon}}"


RULES = {
    layers.BatchNormalization: batch_normalization,
    layers.GroupNormalization: group_normalization,
    layers.InstanceNormalization: instance_normalization,
    layers.LayerNormalization: layer_normalization,
    layers.RMSNormalization: rms_normalization,
}
