"""Tiny programs on the CPU, where calling an operation costs more than its arithmetic.

A whole loop over training steps then becomes one compiled function with no calls in between: 0.1 microseconds for a
step of XOR instead of 1.5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jax
from jax.experimental.xla_metadata import set_xla_metadata
from jax.extend.core import Jaxpr, jaxpr_as_fun

from liuli.kernels.native import own_forms

LIMIT = 1024  # elements of the largest array, or products of a matrix product: with more of them calls are faster

_WHERE = {"gather", "dynamic_slice", "dynamic_update_slice", "while", "jit"}  # of any size
_FUSED = _WHERE | {
    "abs", "add", "add_any", "and", "argmax", "argmin", "broadcast_in_dim", "ceil", "clamp", "concatenate",
    "convert_element_type", "copy", "copy_p", "cos", "custom_jvp_call", "custom_vjp_call", "div", "eq", "erf", "exp",
    "exp2", "expm1", "floor", "ge", "gt", "integer_pow", "iota", "is_finite", "le", "log", "log1p", "logistic", "lt",
    "max", "min", "mul", "ne", "neg", "not", "or", "pad", "pow", "random_bits", "random_fold_in", "random_split",
    "random_unwrap", "random_wrap", "reduce_and", "reduce_max", "reduce_min", "reduce_or", "reduce_sum", "rem",
    "reshape", "rev", "round", "rsqrt", "select_n", "shift_left", "shift_right_logical", "sign", "sin", "slice", "sqrt",
    "square", "squeeze", "stop_gradient", "sub", "tanh", "threefry2x32", "transpose", "xor", "bitcast_convert_type",
}  # fmt: skip


def compiled_whole(f: Callable[..., Any]) -> Callable[..., Any]:
    """``f``, for compiling: as one function without calls where :func:`fits_whole`."""

    def run(*args: Any) -> Any:
        jaxpr, shape = jax.make_jaxpr(f, return_shape=True)(*args)
        values = jax.jit(jaxpr_as_fun(jaxpr))(*jax.tree.leaves(args))
        if _all_tiny(jaxpr.jaxpr):
            values[0] = set_xla_metadata(values[0], xla_cpu_small_call="true", inlineable="false")  # of the whole call
        return jax.tree.unflatten(jax.tree.structure(shape), values)

    return run


def fits_whole(f: Callable[..., Any], *args: Any) -> bool:
    """Whether all that ``f`` computes with is tiny: where arrays are large, a library's operations are faster."""
    return _all_tiny(jax.make_jaxpr(f)(*args).jaxpr)


def _all_tiny(jaxpr: Jaxpr) -> bool:
    return own_forms() and all(_is_tiny(equation) for equation in _equations(jaxpr))


def _is_tiny(equation: Any) -> bool:
    name = equation.primitive.name
    if name in ("scatter", "scatter-add"):  # in one place only; several need a call
        return equation.invars[1].aval.ndim == 1
    return name in _WHERE or (name in _FUSED and all(v.aval.size <= LIMIT for v in equation.outvars))


def _equations(jaxpr: Jaxpr) -> Iterator[Any]:
    """Those of ``jaxpr`` and of all within it."""
    for equation in jaxpr.eqns:
        yield equation
        for inner in jax.tree.leaves(list(equation.params.values()), is_leaf=lambda p: hasattr(p, "eqns")):
            if hasattr(inner, "eqns"):
                yield from _equations(getattr(inner, "jaxpr", inner))
