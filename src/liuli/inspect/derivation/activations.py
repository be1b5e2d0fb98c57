"""Activations: a = f(z), and dL/dz = dL/da f'(z)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from liuli import activations
from liuli.activations import Activation
from liuli.inspect.derivation.call import Call
from liuli.inspect.derivation.lines import Expression, Step

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Rule:
    """f and f' of an elementwise activation: formulas in ``{z}`` and ``{a}``, functions of z."""

    formula: str
    slope: str
    f: Callable[[Any, Array], Array]
    df: Callable[[Any, Array], Array]


def sigmoid(z: Array) -> Array:
    """1 / (1 + exp(-z)), without overflow."""
    return np.exp(-np.logaddexp(0.0, -z))


def softmax(z: Array) -> Array:
    """exp(z_i) / sum_j exp(z_j), without overflow."""
    powers = np.exp(z - z.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def activated(call: Call, activation: Activation) -> tuple[list[Step], list[Step]]:
    """a = f(z) and dL/dz for a layer whose pre-activation is tapped as ``z``."""
    forward = Step("y", applied(activation, call.symbol("z"), lambda: call.value("z")))
    if call.fused is not None:
        return [forward], [Step("z", call.fused)]
    back = pulled(
        activation, call.D("y"), call.symbol("z"), call.symbol("y"), lambda: (call.gradient("y"), call.value("z"))
    )
    return [forward], [Step("z", back)]


def applied(activation: Activation, z: str, value: Callable[[], Array]) -> Expression:
    """f(z)."""
    rule, name = RULES.get(type(activation)), _name(activation)
    if type(activation) in _OVER_LAST_AXIS:
        return Expression(rf"{name}({z})", lambda: _OVER_LAST_AXIS[type(activation)][0](value()))
    if rule is None:
        return Expression(rf"{name}({z})", lambda: np.asarray(activation(_jax(value())), np.float64))
    return Expression(rule.formula.format(z=z, **_numbers(activation)), lambda: rule.f(activation, value()))


def pulled(activation: Activation, g: str, z: str, a: str, values: Callable[[], tuple[Array, Array]]) -> Expression:
    """dL/dz of g = dL/da and z."""
    if isinstance(activation, activations.Identity):
        return Expression(g, lambda: values()[0])
    if type(activation) in _OVER_LAST_AXIS:
        _, pull, formula = _OVER_LAST_AXIS[type(activation)]
        return Expression(formula.format(g=g, z=z, a=a), lambda: pull(*values()))
    rule = RULES.get(type(activation))
    if rule is None:
        jacobian = rf"\left(\frac{{\partial {a}}}{{\partial {z}}}\right)^{{\top}}"
        return Expression(f"{jacobian} {g}", lambda: _by_jax(activation, *values()))
    slope = rule.slope.format(z=z, a=a, **_numbers(activation))

    def compute() -> Array:
        gradient, at = values()
        return gradient * rule.df(activation, at)

    return Expression(rf"{g} \odot {slope}", compute)


def slope(activation: Activation, z: Array) -> Array:
    """f'(z), of an elementwise activation."""
    return (
        _by_jax(activation, np.ones_like(z), z)
        if type(activation) not in RULES
        else RULES[type(activation)].df(activation, z)
    )


def function(activation: Activation, z: Array) -> Array:
    """f(z), of an elementwise activation."""
    return applied(activation, "z", lambda: z).compute()


def symbol(activation: Activation) -> str:
    """What f is called within a formula."""
    return _name(activation)


def _name(activation: Activation) -> str:
    return _SYMBOLS.get(type(activation), rf"\mathrm{{{type(activation).__name__}}}")


def _numbers(activation: Activation) -> dict[str, str]:
    fields = ("negative_slope", "alpha")
    return {name: f"{getattr(activation, name):.4g}" for name in fields if hasattr(activation, name)}


def _by_jax(activation: Activation, gradient: Array, z: Array) -> Array:
    pull = jax.vjp(activation, _jax(z))[1]
    return np.asarray(pull(_jax(gradient))[0], np.float64)


def _jax(array: Array) -> jax.Array:
    return jax.numpy.asarray(array, float)


def _normal_cdf(z: Array) -> Array:
    return 0.5 * (1.0 + np.vectorize(math.erf, otypes=[float])(z / math.sqrt(2.0)))


def _gelu(activation: Any, z: Array) -> Array:
    return 0.5 * z * (1.0 + np.tanh(_inner(z))) if activation.approximate else z * _normal_cdf(z)


def _gelu_slope(activation: Any, z: Array) -> Array:
    if not activation.approximate:
        return _normal_cdf(z) + z * np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)
    curve = np.tanh(_inner(z))
    return 0.5 * (1.0 + curve) + 0.5 * z * (1.0 - curve**2) * math.sqrt(2 / math.pi) * (1.0 + 3 * 0.044715 * z**2)


def _inner(z: Array) -> Array:
    return math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)


def _through_softmax(g: Array, z: Array) -> Array:
    p = softmax(z)
    return p * (g - (g * p).sum(axis=-1, keepdims=True))


def _through_log_softmax(g: Array, z: Array) -> Array:
    return g - softmax(z) * g.sum(axis=-1, keepdims=True)


def _log_softmax(z: Array) -> Array:
    shifted = z - z.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


RULES: dict[type[Activation], Rule] = {
    activations.Identity: Rule("{z}", "1", lambda _, z: z, lambda _, z: np.ones_like(z)),
    activations.ReLU: Rule(r"\max(0, {z})", "[{z} > 0]", lambda _, z: np.maximum(0.0, z), lambda _, z: 1.0 * (z > 0)),
    activations.LeakyReLU: Rule(
        r"\max(0, {z}) + {negative_slope} \min(0, {z})",
        "([{z} > 0] + {negative_slope} [{z} \\le 0])",
        lambda f, z: np.where(z > 0, z, f.negative_slope * z),
        lambda f, z: np.where(z > 0, 1.0, f.negative_slope),
    ),
    activations.ELU: Rule(
        r"\max(0, {z}) + {alpha} \min(0, \exp({z}) - 1)",
        r"([{z} > 0] + {alpha} [{z} \le 0] \exp({z}))",
        lambda f, z: np.where(z > 0, z, f.alpha * np.expm1(np.minimum(z, 0.0))),
        lambda f, z: np.where(z > 0, 1.0, f.alpha * np.exp(np.minimum(z, 0.0))),
    ),
    activations.GELU: Rule(r"{z} \odot \Phi({z})", r"(\Phi({z}) + {z} \odot \varphi({z}))", _gelu, _gelu_slope),
    activations.SiLU: Rule(
        r"{z} \odot \sigma({z})",
        r"\sigma({z}) \odot (1 + {z} \odot (1 - \sigma({z})))",
        lambda _, z: z * sigmoid(z),
        lambda _, z: sigmoid(z) * (1.0 + z * (1.0 - sigmoid(z))),
    ),
    activations.Softplus: Rule(
        r"\log(1 + \exp({z}))", r"\sigma({z})", lambda _, z: np.logaddexp(0.0, z), lambda _, z: sigmoid(z)
    ),
    activations.Sigmoid: Rule(
        r"\sigma({z})", r"{a} \odot (1 - {a})", lambda _, z: sigmoid(z), lambda _, z: sigmoid(z) * sigmoid(-z)
    ),
    activations.Tanh: Rule(
        r"\tanh({z})", r"(1 - {a}^{{2}})", lambda _, z: np.tanh(z), lambda _, z: 1.0 - np.tanh(z) ** 2
    ),
}
_OVER_LAST_AXIS: dict[type[Activation], tuple[Callable[[Array], Array], Callable[[Array, Array], Array], str]] = {
    activations.Softmax: (softmax, _through_softmax, r"{a} \odot ({g} - \langle {g}, {a}\rangle)"),
    activations.LogSoftmax: (
        _log_softmax,
        _through_log_softmax,
        r"{g} - \mathrm{{softmax}}({z}) \odot \langle {g}, 1\rangle",
    ),
}
_SYMBOLS: dict[type[Activation], str] = {
    activations.Sigmoid: r"\sigma",
    activations.Tanh: r"\tanh",
    activations.ReLU: r"\mathrm{relu}",
    activations.Softmax: r"\mathrm{softmax}",
    activations.LogSoftmax: r"\mathrm{log softmax}",
}
