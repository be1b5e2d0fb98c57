"""Random keys, folded in by name and never by position.

Inserting a layer leaves the others' initial weights as they were.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

_FOLD: ContextVar[Callable[[jax.Array, int], jax.Array]] = ContextVar("fold", default=jax.random.fold_in)


def fold(key: jax.Array, name: str) -> jax.Array:
    """The key that belongs to ``name`` under ``key``."""
    return _FOLD.get()(key, zlib.crc32(name.encode()))


def at_once(make: Callable[[jax.Array], Any]) -> Callable[[jax.Array], Any]:
    """``make``, a function of a key, with the same result: a loop makes all keys that it folds. A program with that is
    compiled sooner and in less memory than one with a fold for each of them."""

    def run(key: jax.Array) -> Any:
        places: dict[tuple[int, int], int] = {}
        jax.eval_shape(lambda key: _counting(make, key, places), key)
        return _counting(make, key, places, _folded(key, places)) if places else make(key)

    return run


def _counting(
    make: Callable[[jax.Array], Any], key: jax.Array, places: dict[tuple[int, int], int], made: Any = None
) -> Any:
    """``make(key)``, while each key that is folded under ``key`` gets a place: by that of the key above it, and its
    number. Where they are ``made``, it is taken from there."""
    known = {id(key): (key, 0)}  # holds the keys, so that no other has the id of one of them

    def at_place(above: jax.Array, number: int) -> jax.Array:
        if id(above) not in known:
            return jax.random.fold_in(above, number)
        place = places.setdefault((known[id(above)][1], number), len(places) + 1)
        own = jax.random.fold_in(above, number) if made is None or place >= len(made) else made[place]
        known[id(own)] = own, place
        return own

    before = _FOLD.set(at_place)
    try:
        return make(key)
    finally:
        _FOLD.reset(before)


def _folded(key: jax.Array, places: dict[tuple[int, int], int]) -> jax.Array:
    """The key and all keys under it, each at its place."""
    above, numbers = (jnp.asarray(np.array(of, np.uint32)) for of in zip(*places, strict=True))
    keys = jnp.broadcast_to(key, (len(places) + 1,))

    def next_one(i: Any, keys: jax.Array) -> jax.Array:
        return keys.at[i + 1].set(jax.random.fold_in(keys[above[i]], numbers[i]))

    return jax.lax.fori_loop(0, len(places), next_one, keys)
