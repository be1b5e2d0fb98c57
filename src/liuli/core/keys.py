"""Random keys, folded in by name and never by position.

Inserting a layer leaves the others' initial weights as they were.
"""

from __future__ import annotations

import zlib

import jax


def fold(key: jax.Array, name: str) -> jax.Array:
    """The key that belongs to ``name`` under ``key``."""
    return jax.random.fold_in(key, zlib.crc32(name.encode()))
