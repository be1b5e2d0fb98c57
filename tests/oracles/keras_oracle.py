"""Keras on JAX, as an oracle. A test file that imports ``keras`` from here skips where it is not installed.

Keras promotes dtypes and ranks: its calls stand within ``with relaxed():``.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import jax
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")


@contextmanager
def relaxed() -> Iterator[None]:
    """JAX as it is by default: dtypes and ranks are promoted."""
    with jax.numpy_rank_promotion("allow"), jax.numpy_dtype_promotion("standard"):
        yield
