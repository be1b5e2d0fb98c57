"""What can be said of any layer: a = F(x; theta), and dL/dx = (da/dx)^T dL/da; likewise of each tap inside it."""

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
    arguments = f"({', '.join(call.symbols)})"
    run = functools.cache(lambda: _pulled(call))
    taps = _taps(call)
    forward = [Step(tap, Expression(_name(tap) + arguments, lambda tap=tap: _double(run()[2][tap]))) for tap in taps]
    name = _name(type(call.layer).__name__)
    ys = [Step(y, Expression(name + arguments, lambda i=i: _double(run()[0][i]))) for i, y in enumerate(call.made)]
    backward = [Step(tap, _term(call, call.symbol(tap), run, 2, tap)) for tap in taps]
    inputs = [_term(call, symbol, run, 1, i) if _is_float(call, i) else None for i, symbol in enumerate(call.symbols)]
    params = {p: _term(call, call.weight_symbol(p), run, 0, p) for p in flatten(call.params)}
    return Piece([*forward, *ys], backward, inputs, params)


def _taps(call: Call) -> list[str]:
    """The names of the values inside the layer that have a gradient."""
    inside = (path.removeprefix(f"{call.path}/") for path in call.trace if path.startswith(f"{call.path}/"))
    return [tap for tap in inside if tap not in call.made and call.trace[f"{call.path}/{tap}"].gradient is not None]


def _name(text: str) -> str:
    return rf"\mathrm{{{text}}}".replace("_", r"\_")


def _double(value: Any) -> np.ndarray:
    return np.asarray(value, np.float64)


def _term(call: Call, symbol: str, run: Any, part: int, which: Any) -> Expression:
    """(da/dsymbol)^T dL/da; of several outputs, the sum."""
    terms = [
        rf"\left(\frac{{\partial {call.symbol(y)}}}{{\partial {symbol}}}\right)^{{\top}} {call.D(y)}" for y in call.made
    ]
    return Expression(" + ".join(terms), lambda: _double(run()[1][part][which]))


class _Zeros:
    """Adds a zero to each tap, and keeps what was tapped."""

    def __init__(self, path: str, zeros: dict[str, jax.Array]) -> None:
        self.path, self.zeros, self.seen = path, zeros, {}

    def offset(self, path: str, like: Any) -> jax.Array | None:
        return self.zeros.get(path.removeprefix(f"{self.path}/"))

    def record(self, path: str, value: jax.Array) -> None:
        self.seen[path.removeprefix(f"{self.path}/")] = value


def _pulled(call: Call) -> Any:
    """The outputs, the gradients of parameters, inputs and taps, and the taps."""
    with scope(call.trace.recipe.precision):
        dtype = parameter_dtype(call.trace.recipe.precision)
        params = jax.tree.map(lambda seen: jnp.asarray(seen.value), dict(call.params))
        xs = {i: jnp.asarray(call.trace[path].value) for i, path in enumerate(call.inputs)}
        floats = {i: x for i, x in xs.items() if _is_float(call, i)}
        zeros = {tap: jnp.zeros_like(call.trace[f"{call.path}/{tap}"].value) for tap in _taps(call)}
        state = jax.tree.map(jnp.asarray, call.state)

        def apply(params: Any, floats: Any, zeros: Any) -> Any:
            watch = _Zeros(call.path, zeros)
            ctx = Context(training=call.training, key=call.key, mask=call.mask, path=call.path, watch=watch)
            entering = tuple({**xs, **floats}[i] for i in range(len(xs)))
            y, _ = call.layer.apply(params, state, entering[0] if len(entering) == 1 else entering, ctx)
            return y if isinstance(y, tuple) else (y,), watch.seen

        y, pull, seen = jax.vjp(apply, params, floats, zeros, has_aux=True)
        of_params, of_inputs, of_taps = pull(tuple(jnp.asarray(call.gradient(y), dtype) for y in call.made))
        return jax.device_get((y, (flatten(of_params), of_inputs, of_taps), seen))


def _is_float(call: Call, i: int) -> bool:
    return call.trace[call.inputs[i]].gradient is not None
