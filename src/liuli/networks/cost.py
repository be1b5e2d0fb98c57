"""What a computation costs, counted on its jaxpr: floating-point operations.

A multiply and an add of a matrix product count as two; an elementwise operation counts once per element;
moving, indexing and comparing count nothing. Loops count as often as they run.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax

from liuli.kernels import plain

_ELEMENTWISE = {
    "add", "sub", "mul", "div", "neg", "exp", "exp2", "expm1", "log", "log1p", "tanh", "logistic", "sqrt", "rsqrt",
    "max", "min",
    "erf", "erfc", "pow", "integer_pow", "square", "abs", "sin", "cos", "add_any",
}  # fmt: skip
_REDUCTIONS = {"reduce_sum", "reduce_max", "reduce_min", "reduce_prod", "cumsum"}


def flops(function: Callable[..., Any], *arguments: Any) -> int:
    """The floating-point operations of one call of ``function`` with arguments of these shapes.

    Example:
        >>> import jax.numpy as jnp
        >>> flops(lambda a, b: a @ b, jnp.zeros((2, 3)), jnp.zeros((3, 4)))
        48
    """
    with plain():
        return _count(jax.make_jaxpr(function)(*arguments).jaxpr)


def _count(jaxpr: Any) -> int:
    return sum(_of(equation) for equation in jaxpr.eqns)


def _of(equation: Any) -> int:
    name, out = equation.primitive.name, equation.outvars[0].aval
    if name == "dot_general":
        (contracted, _), _ = equation.params["dimension_numbers"]
        shape = equation.invars[0].aval.shape
        return 2 * math.prod(out.shape) * math.prod(shape[axis] for axis in contracted)
    if name == "conv_general_dilated":
        kernel = equation.invars[1].aval.shape
        features = equation.params["dimension_numbers"].rhs_spec[0]
        return 2 * math.prod(out.shape) * math.prod(kernel) // kernel[features]
    if name in _ELEMENTWISE:
        return math.prod(out.shape)
    if name in _REDUCTIONS or name.startswith("reduce_window"):
        return math.prod(equation.invars[0].aval.shape)
    inner = [_inner(v) for v in equation.params.values()]
    return equation.params.get("length", 1) * sum(_count(j) for j in inner if j is not None)


def _inner(value: Any) -> Any:
    closed = getattr(value, "jaxpr", value)
    return closed if hasattr(closed, "eqns") else None
