"""What can be said of any layer: a = F(x; theta), and dL/dx = (da/dx)^T dL/da."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from liuli.core.precision import parameter_dtype, scope
from liuli.core.trees import flatten
from liuli.inspect.derivation.call import Call
from liuli.inspect.derivation.lines import Expression, Piece, Step
from liuli.layers.base import Context


def general(call: Call) -> Piece:
    """The layer itself computes forward, and automatic differentiation of it alone computes back."""
    name = rf"\mathrm{{{type(call.layer).__name__}}}({', '.join(call.symbols)})"
    run = functools.cache(lambda: _pulled(call))
    inputs = [_term(call, symbol, run, 1, i) if _is_float(call, i) else None for i, symbol in enumerate(call.symbols)]
    params = {p: _term(call, call.weight_symbol(p), run, 0, p) for p in flatten(call.params)}
    return Piece([Step("y", Expression(name, lambda: np.asarray(run()[0], np.float64)))], [], inputs, params)


def _term(call: Call, symbol: str, run: Any, part: int, which: Any) -> Expression:
    """(da/dsymbol)^T dL/da."""
    jacobian = rf"\left(\frac{{\partial {call.symbol('y')}}}{{\partial {symbol}}}\right)^{{\top}}"
    return Expression(f"{jacobian} {call.D('y')}", lambda: np.asarray(run()[1][part][which], np.float64))


def _pulled(call: Call) -> Any:
    """The output, and the gradients of parameters and inputs."""
    with scope(call.trace.recipe.precision):
        dtype = parameter_dtype(call.trace.recipe.precision)
        params = jax.tree.map(lambda seen: jnp.asarray(seen.value), dict(call.params))
        xs = {i: jnp.asarray(call.trace[path].value) for i, path in enumerate(call.inputs)}
        floats = {i: x for i, x in xs.items() if _is_float(call, i)}
        ctx = Context(training=call.training, key=call.key, mask=call.mask)
        state = jax.tree.map(jnp.asarray, call.state)

        def apply(params: Any, floats: Any) -> Any:
            entering = tuple({**xs, **floats}[i] for i in range(len(xs)))
            return call.layer.apply(params, state, entering[0] if len(entering) == 1 else entering, ctx)[0]

        y, pull = jax.vjp(apply, params, floats)
        of_params, of_inputs = pull(jnp.asarray(call.gradient("y"), dtype))
        return jax.device_get((y, (flatten(of_params), of_inputs)))


def _is_float(call: Call, i: int) -> bool:
    return call.trace[call.inputs[i]].gradient is not None
