"""Activations: a = f(z), and dL/dz = dL/da f'(z)."""

from __future__ import annotations

from collections.abc import Callable

import jax
import numpy as np

from liuli import activations
from liuli.activations import Activation
from liuli.inspect.derivation.activation_rules import ACTIVATIONS, Joint, Rule, sigmoid, softmax
from liuli.inspect.derivation.call import Call
from liuli.inspect.derivation.lines import Expression, Step

__all__ = ["ACTIVATIONS", "activated", "applied", "function", "pulled", "sigmoid", "slope", "softmax", "symbol"]

Array = np.ndarray


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
    rule = ACTIVATIONS.get(type(activation))
    if rule is None:
        return Expression(rf"{symbol(activation)}({z})", lambda: np.asarray(activation(_jax(value())), np.float64))
    formula = rule.formula.format(z=z, **_numbers(activation))
    where = _where(activation).format(z=z)
    if isinstance(rule, Joint):
        return Expression(formula, lambda: rule.f(value()), where=where)
    return Expression(formula, lambda: rule.f(activation, value()), where=where)


def pulled(activation: Activation, g: str, z: str, a: str, values: Callable[[], tuple[Array, Array]]) -> Expression:
    """dL/dz of g = dL/da and z."""
    if isinstance(activation, activations.Identity):
        return Expression(g, lambda: values()[0])
    rule = ACTIVATIONS.get(type(activation))
    if rule is None:
        jacobian = rf"\left(\frac{{\partial {a}}}{{\partial {z}}}\right)^{{\top}}"
        return Expression(f"{jacobian} {g}", lambda: _by_jax(activation, *values()))
    if isinstance(rule, Joint):
        return Expression(rule.pulled.format(g=g, z=z, a=a), lambda: rule.pull(*values()))
    slope = rule.slope.format(z=z, a=a, **_numbers(activation))

    def compute() -> Array:
        gradient, at = values()
        return gradient * rule.df(activation, at)

    return Expression(rf"{g} \odot {slope}", compute)


def slope(activation: Activation, z: Array) -> Array:
    """f'(z), of an elementwise activation."""
    rule = ACTIVATIONS.get(type(activation))
    return rule.df(activation, z) if isinstance(rule, Rule) else _by_jax(activation, np.ones_like(z), z)


def function(activation: Activation, z: Array) -> Array:
    """f(z)."""
    return applied(activation, "z", lambda: z).compute()


def symbol(activation: Activation) -> str:
    """What f is called within a formula."""
    return _SYMBOLS.get(type(activation), rf"\mathrm{{{type(activation).__name__}}}")


def _numbers(activation: Activation) -> dict[str, str]:
    fields = ("negative_slope", "alpha", "threshold", "value", "b")
    return {name: f"{getattr(activation, name):.4g}" for name in fields if hasattr(activation, name)}


def _where(activation: Activation) -> str:
    return _TANH_FORM if getattr(activation, "approximate", False) else _WHERE.get(type(activation), "")


def _by_jax(activation: Activation, gradient: Array, z: Array) -> Array:
    pull = jax.vjp(activation, _jax(z))[1]
    return np.asarray(pull(_jax(gradient))[0], np.float64)


def _jax(array: Array) -> jax.Array:
    return jax.numpy.asarray(array, float)


_WHERE: dict[type[Activation], str] = {
    activations.Sparsemax: r"\tau: \sum_{{i}} \max(0, {z} - \tau)_{{i}} = 1",
    activations.GLU: r"{z} = [{z}', {z}'']",
    activations.GELU: r"\Phi(z) = \int_{{-\infty}}^{{z}} \varphi, \quad "
    r"\varphi(z) = \frac{{\exp(-z^{{2}} / 2)}}{{\sqrt{{2 \pi}}}}",
}
_TANH_FORM = r"\Phi(z) = \frac{{1}}{{2}} (1 + \tanh(\sqrt{{2 / \pi}} (z + 0.044715 z^{{3}}))), \quad \varphi = \Phi'"
_SYMBOLS: dict[type[Activation], str] = {
    activations.Sigmoid: r"\sigma",
    activations.Tanh: r"\tanh",
    activations.ReLU: r"\mathrm{relu}",
    activations.Softmax: r"\mathrm{softmax}",
    activations.LogSoftmax: r"\mathrm{log softmax}",
}
