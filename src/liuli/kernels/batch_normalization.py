"""Batch normalization over all axes but the last, with what may come after it: an addition and relu.

xhat = (x - mean) / sqrt(variance + epsilon)            y = gamma xhat + beta + added, then max(0, .)
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp

from liuli.core.precision import at_least_float32
from liuli.kernels.native import call, like, usable
from liuli.kernels.tiny import LIMIT

Normalized = tuple[jax.Array, jax.Array, jax.Array]  # y, mean, variance


def batch_normalization(
    x: jax.Array,
    gamma: jax.Array | None = None,
    beta: jax.Array | None = None,
    epsilon: Any = 1e-3,
    added: jax.Array | None = None,
    relu: bool = False,
) -> Normalized:
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta + added, then max(0, .) where ``relu``; mean; variance

    x, added, y: (..., n)   the others: (n,)

    Mean and variance (with 1 / N) are those of x over all axes but the last, in float32 at least. None stands for a
    gamma of 1, a beta of 0 and nothing added; epsilon is a number.
    """
    same = added is None or (added.shape, added.dtype) == (x.shape, x.dtype)
    if jnp.ndim(epsilon) == 0 and x.size > LIMIT and same and usable(x, gamma, beta, added):
        return _by_rows(x, gamma, beta, epsilon, added, relu)
    wide, row = at_least_float32(x), (1,) * (x.ndim - 1) + (-1,)
    mean = wide.mean(tuple(range(x.ndim - 1)))
    centred = wide - mean.reshape(row)
    variance = jnp.square(centred).mean(tuple(range(x.ndim - 1)))
    y = (centred * jax.lax.rsqrt(variance + epsilon).reshape(row)).astype(x.dtype)
    y = y if gamma is None else y * gamma.reshape(row)
    y = y if beta is None else y + beta.reshape(row)
    return finished(y, added, relu), mean, variance


def finished(y: jax.Array, added: jax.Array | None, relu: bool) -> jax.Array:
    """y + added, then max(0, .) where ``relu``"""
    y = y if added is None else y + added
    return jax.nn.relu(y) if relu else y


def _by_rows(x: jax.Array, gamma: Any, beta: Any, epsilon: Any, added: jax.Array | None, relu: bool) -> Normalized:
    n = x.shape[-1]
    gamma = jnp.ones(n, x.dtype) if gamma is None else gamma
    beta = jnp.zeros(n, x.dtype) if beta is None else beta
    more = jnp.zeros((1, 1), x.dtype) if added is None else added.reshape(-1, n)
    given = x.reshape(-1, n), gamma, beta, jnp.asarray(epsilon, x.dtype), more
    made: Any = _native(relu, added is not None, *given)
    y, mean, variance = made
    return y.reshape(x.shape), mean, variance


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _native(relu: bool, add: bool, x: Any, gamma: Any, beta: Any, epsilon: Any, added: Any) -> Normalized:
    """x: (rows, n)   added: as x; where not ``add``, one element that stands for it"""
    return _forward(relu, add, x, gamma, beta, epsilon, added)[0]


def _forward(relu: bool, add: bool, x: Any, gamma: Any, beta: Any, epsilon: Any, added: Any) -> tuple[Normalized, Any]:
    outputs = [like(*x.shape), like(*gamma.shape), like(*gamma.shape)]
    given = x, gamma, beta, epsilon, added
    y, mean, variance = call("batch_normalization_forward", outputs, *given, relu=relu, add=add)
    kept = y if relu else jnp.zeros((1, 1), x.dtype)
    return (y, mean, variance), (x, gamma, mean, variance, epsilon, kept)


def _backward(relu: bool, add: bool, kept: Any, g: Normalized) -> Any:
    x, gamma, _, variance, epsilon, _ = kept
    own = like(*(x.shape if relu and add else (1, 1)))
    outputs = [like(*x.shape), like(*gamma.shape), like(*gamma.shape), own]
    dx, dgamma, dbeta, dadded = call("batch_normalization_backward", outputs, *kept, *g, relu=relu, add=add)
    depsilon = -0.5 * (gamma * dgamma / (variance + epsilon)).sum()
    return dx, dgamma, dbeta, depsilon, g[0] if add and not relu else dadded if add else jnp.zeros((1, 1), x.dtype)


_native.defvjp(_forward, _backward)
