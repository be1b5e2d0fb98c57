"""Keras on JAX, as an oracle. A test file that imports ``keras`` from here skips where it is not installed.

Keras promotes dtypes and ranks: its calls stand within ``with relaxed():``. Its initial weights are drawn by NumPy,
since it would compile the drawing of every shape.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import jax
import jax.numpy as jnp
import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")


def _drawn(self, shape, dtype=None, **kwargs):
    return jnp.asarray(0.3 * np.random.default_rng(0).normal(size=shape), dtype or "float32")


for _drawing in (keras.initializers.VarianceScaling, keras.initializers.Orthogonal):
    _drawing.__call__ = _drawn


@contextmanager
def relaxed() -> Iterator[None]:
    """JAX as it is by default: dtypes and ranks are promoted."""
    with jax.numpy_rank_promotion("allow"), jax.numpy_dtype_promotion("standard"):
        yield
