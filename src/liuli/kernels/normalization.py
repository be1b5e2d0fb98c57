"""Layer normalization along the last axis.

y = gamma xhat + beta,   xhat = (x - mean) / sqrt(variance + epsilon)
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from liuli.core.precision import at_least_float32
from liuli.kernels.native import call, like, usable


def layer_normalization(
    x: jax.Array, gamma: jax.Array | None = None, beta: jax.Array | None = None, epsilon: Any = 1e-3
) -> jax.Array:
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta            x, y: (..., n)   gamma, beta: (n,)

    Mean and variance (with 1 / n) are those of the last axis, in float32 at least. None stands for a gamma of 1 and a
    beta of 0; epsilon is a number.
    """
    if jnp.ndim(epsilon) == 0 and usable(x, gamma, beta):
        n = x.shape[-1]
        gamma = jnp.ones(n, x.dtype) if gamma is None else gamma
        beta = jnp.zeros(n, x.dtype) if beta is None else beta
        return _native(x.reshape(-1, n), gamma, beta, jnp.asarray(epsilon, x.dtype)).reshape(x.shape)
    wide = at_least_float32(x)
    centred = wide - wide.mean(-1, keepdims=True)
    y = (centred * jax.lax.rsqrt(jnp.square(centred).mean(-1, keepdims=True) + epsilon)).astype(x.dtype)
    row = (1,) * (x.ndim - 1) + (-1,)
    y = y if gamma is None else y * gamma.reshape(row)
    return y if beta is None else y + beta.reshape(row)


@jax.custom_vjp
def _native(x: Any, gamma: Any, beta: Any, epsilon: Any) -> jax.Array:
    """x: (rows, n)"""
    return _forward(x, gamma, beta, epsilon)[0]


def _forward(x: Any, gamma: Any, beta: Any, epsilon: Any) -> tuple[jax.Array, Any]:
    rows, n = x.shape
    outputs = [like(rows, n), like(rows), like(rows)]
    y, mean, part = call("layer_normalization_forward", outputs, x, gamma, beta, epsilon)
    return y, (x, gamma, mean, part)


def _backward(saved: Any, dy: jax.Array) -> Any:
    x, gamma, mean, part = saved
    outputs = [like(*x.shape), like(*gamma.shape), like(*gamma.shape), like()]
    return tuple(call("layer_normalization_backward", outputs, x, gamma, mean, part, dy))


_native.defvjp(_forward, _backward)
