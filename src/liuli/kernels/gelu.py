"""The Gaussian error linear unit: y = x P(x), P the normal distribution's function."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from liuli.kernels.native import call, like, usable


def gelu(x: jax.Array) -> jax.Array:
    """y = x (1 + erf(x / sqrt 2)) / 2; natively the slope is made along with the value, from the same exponential."""
    x = jnp.asarray(x)
    return _gelu(x) if usable(x) else jax.nn.gelu(x, approximate=False)


@jax.custom_vjp
def _gelu(x: jax.Array) -> jax.Array:
    return call("gelu", [like(*x.shape), like(1)], x, keep=False)[0]


def _kept(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    return tuple(call("gelu", [like(*x.shape), like(*x.shape)], x, keep=True))


def _back(slope: jax.Array, g: jax.Array) -> tuple[jax.Array]:
    return (g * slope,)


_gelu.defvjp(_kept, _back)
