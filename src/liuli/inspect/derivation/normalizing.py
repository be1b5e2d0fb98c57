"""Batch and layer normalization: a = gamma xhat + beta,   xhat = (x - mu) / sqrt(nu + epsilon)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from liuli.inspect.derivation.call import Call
from liuli.inspect.derivation.general import general
from liuli.inspect.derivation.lines import Expression, Piece, Step


def batch_normalization(call: Call) -> Piece:
    """In inference mu and nu are constants; in training the gradient also goes through them, to the whole batch."""
    if not _over_last_axis(call) or call.mask is not None:
        return general(call)
    layer, axes = call.layer, tuple(range(call.x.ndim - 1))
    mu, nu, deviation = call.symbol("mean"), call.symbol("variance"), _deviation(call.symbol("variance"))
    of_batch = call.training and layer.trainable

    def root() -> np.ndarray:
        return np.sqrt(call.value("variance") + layer.epsilon)  # type: ignore[attr-defined]

    def centred() -> np.ndarray:
        return call.x - call.value("mean")

    def through_variance() -> np.ndarray:
        return (call.gradient("xhat") * centred()).sum(axes) * -0.5 / root() ** 3

    def through_mean() -> np.ndarray:
        direct = -call.gradient("xhat").sum(axes) / root()
        return direct - of_batch * 2.0 * call.gradient("variance") * centred().mean(axes)

    def to_input() -> np.ndarray:
        direct = call.gradient("xhat") / root()
        return direct + of_batch * (call.gradient("mean") + 2.0 * call.gradient("variance") * centred()) / rows

    X, dxhat, back = call.X, call.D("xhat"), rf"\frac{{{call.D('xhat')}}}{{{deviation}}}"
    normal, rows = rf"\frac{{{X} - {mu}}}{{{deviation}}}", call.x.size // call.x.shape[-1]
    by_variance = rf"-\frac{{1}}{{2}} \sum {dxhat} \odot ({X} - {mu}) ({nu} + \varepsilon)^{{-3/2}}"
    by_mean = rf"-\sum {back}" + (rf" - 2 {call.D('variance')} \odot \mathrm{{mean}}({X} - {mu})" if of_batch else "")
    if of_batch:
        through_both = rf"{call.D('mean')} + 2 {call.D('variance')} \odot ({X} - {mu})"
        back += rf" + \frac{{1}}{{{rows}}} ({through_both})"
    forward = [*_statistics(call), Step("xhat", Expression(normal, lambda: centred() / root()))]
    scaled, of_xhat, params = _affine(call)
    backward = [
        of_xhat,
        Step("variance", Expression(by_variance, through_variance)),
        Step("mean", Expression(by_mean, through_mean)),
    ]
    return Piece([*forward, scaled], backward, [Expression(back, to_input)], params)


def layer_normalization(call: Call) -> Piece:
    """dL/dx = (g - mean(g) - xhat mean(g xhat)) / sqrt(nu + epsilon), g = dL/dxhat, means over the features."""
    if not _over_last_axis(call):
        return general(call)
    X, index = call.X, call.index
    mu, nu, xhat, g = rf"\mu_{{{index}}}", rf"\nu_{{{index}}}", call.symbol("xhat"), call.D("xhat")

    def centred() -> np.ndarray:
        return call.x - call.x.mean(-1, keepdims=True)

    def root() -> np.ndarray:
        return np.sqrt((centred() ** 2).mean(-1, keepdims=True) + call.layer.epsilon)  # type: ignore[attr-defined]

    def to_input() -> np.ndarray:
        gradient, at = call.gradient("xhat"), centred() / root()
        along = (gradient * at).mean(-1, keepdims=True)
        return (gradient - gradient.mean(-1, keepdims=True) - at * along) / root()

    normal = Step("xhat", Expression(rf"\frac{{{X} - {mu}}}{{{_deviation(nu)}}}", lambda: centred() / root()))
    top = rf"{g} - \mathrm{{mean}}({g}) - {xhat} \odot \mathrm{{mean}}({g} \odot {xhat})"
    scaled, of_xhat, params = _affine(call)
    return Piece([normal, scaled], [of_xhat], [Expression(rf"\frac{{{top}}}{{{_deviation(nu)}}}", to_input)], params)


def _over_last_axis(call: Call) -> bool:
    return call.layer.axis in (-1, (-1,), call.x.ndim - 1)  # type: ignore[attr-defined]


def _statistics(call: Call) -> list[Step]:
    if not (call.training and call.layer.trainable):
        kept = {"mean": "moving_mean", "variance": "moving_variance"}
        return [
            Step(tap, Expression(rf"\mathrm{{{name.replace('_', ' ')}}}", _constant(call, name)))
            for tap, name in kept.items()
        ]
    axes, mu = tuple(range(call.x.ndim - 1)), call.symbol("mean")
    mean = Expression(rf"\mathrm{{mean}}({call.X})", lambda: call.x.mean(axes))
    variance = Expression(
        rf"\mathrm{{mean}}(({call.X} - {mu})^{{2}})", lambda: ((call.x - call.value("mean")) ** 2).mean(axes)
    )
    return [Step("mean", mean), Step("variance", variance)]


def _constant(call: Call, name: str) -> Callable[[], np.ndarray]:
    return lambda: np.asarray(call.state[name], np.float64)


def _affine(call: Call) -> tuple[Step, Step, dict[str, Expression]]:
    """a = gamma xhat + beta, dL/dxhat, and the gradients of gamma and beta, as far as they are there."""
    xhat, dy = call.symbol("xhat"), call.D("y")
    axes = tuple(range(call.x.ndim - 1))
    factor = rf"{call.weight_symbol('gamma')} \odot " if "gamma" in call.params else ""
    offset = f" + {call.weight_symbol('beta')}" if "beta" in call.params else ""
    gamma = call.weight("gamma") if factor else 1.0
    beta = call.weight("beta") if offset else 0.0
    params = {}
    if factor:
        params["gamma"] = Expression(
            rf"\sum {dy} \odot {xhat}", lambda: (call.gradient("y") * call.value("xhat")).sum(axes)
        )
    if offset:
        params["beta"] = Expression(rf"\sum {dy}", lambda: call.gradient("y").sum(axes))
    forward = Step("y", Expression(f"{factor}{xhat}{offset}", lambda: gamma * call.value("xhat") + beta))
    return forward, Step("xhat", Expression(f"{factor}{dy}", lambda: gamma * call.gradient("y"))), params


def _deviation(variance: str) -> str:
    return rf"\sqrt{{{variance} + \varepsilon}}"
