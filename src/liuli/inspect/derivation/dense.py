"""Dense and Activation: z = x W + b, a = f(z)."""

from __future__ import annotations

import numpy as np

from liuli.activations import Activation
from liuli.inspect.derivation.activations import activated
from liuli.inspect.derivation.call import Call
from liuli.inspect.derivation.lines import Expression, Piece, Step
from liuli.inspect.derivation.notation import transposed


def dense(call: Call) -> Piece:
    """dL/dW = x^T dL/dz,   dL/db = sum over the batch of dL/dz,   dL/dx = dL/dz W^T."""
    W, bias = call.weight_symbol("kernel"), "bias" in call.params
    product = f"{call.X} {W}" + (f" + {call.weight_symbol('bias')}" if bias else "")
    b = call.weight("bias") if bias else 0.0
    z = Step("z", Expression(product, lambda: call.x @ call.weight("kernel") + b))
    forward, backward = activated(call, call.layer.activation)  # type: ignore[attr-defined]
    dz = call.D("z")
    params = {"kernel": Expression(f"{transposed(call.X)} {dz}", lambda: _rows(call.x).T @ _rows(call.gradient("z")))}
    if bias:
        params["bias"] = Expression(rf"\sum {dz}", lambda: _rows(call.gradient("z")).sum(axis=0))
    back = Expression(f"{dz} {transposed(W)}", lambda: call.gradient("z") @ call.weight("kernel").T)
    return Piece([z, *forward], backward, [back], params)


def activation(call: Call) -> Piece:
    """z = x,   a = f(z)."""
    function: Activation = call.layer.activation  # type: ignore[attr-defined]
    forward, backward = activated(call, function)
    same = Step("z", Expression(call.X, lambda: call.x))
    return Piece([same, *forward], backward, [Expression(call.D("z"), lambda: call.gradient("z"))])


def _rows(array: np.ndarray) -> np.ndarray:
    """Every axis but the last as samples."""
    return array.reshape(-1, array.shape[-1])
