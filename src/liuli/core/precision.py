"""Precision: the dtype that parameters are kept in and the dtype that layers compute in.

``"float32"`` is the default; ``"float64"`` switches JAX to 64 bits for the duration of a call only;
``"bfloat16"`` and ``"float16"`` keep float32 parameters and compute in half precision (mixed precision:
Micikevicius et al., *Mixed Precision Training*, 2018).
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import Literal

import jax
import jax.numpy as jnp

Precision = Literal["float32", "float64", "bfloat16", "float16"]


@lru_cache
def parameter_dtype(precision: Precision) -> jnp.dtype:
    """The dtype of parameters, gradients and optimizer slots."""
    return jnp.dtype("float64" if precision == "float64" else "float32")


def compute_dtype(precision: Precision) -> jnp.dtype:
    """The dtype of values inside the network."""
    return jnp.dtype(precision)


def at_least_float32(x: jax.Array) -> jax.Array:
    """Half precision and integers as float32, in which sums over many samples stay exact enough; wider floats as
    they are.

    >>> at_least_float32(jnp.zeros(3, jnp.bfloat16)).dtype
    dtype('float32')
    """
    wide = jnp.issubdtype(x.dtype, jnp.inexact) and x.dtype.itemsize >= 4
    return x if wide else x.astype(jnp.float32)


def scope(precision: Precision) -> AbstractContextManager[object]:
    """The context in which everything of this precision is traced and run."""
    return jax.enable_x64(True) if precision == "float64" else nullcontext()
