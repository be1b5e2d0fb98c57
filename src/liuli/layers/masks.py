"""Masks of sequences: which time steps count.

A layer refuses a mask that it cannot pass on, so that none is lost silently.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp

from liuli.core.errors import LiuliError


def refuse_mask(mask: Any, layer: str, fix: str) -> None:
    """Raise LiuliError where a masked sequence enters a layer that has no time axis to keep the mask on."""
    if mask is not None:
        got = f"a masked sequence, whose mask (batch, time) cannot pass {layer}"
        raise LiuliError("", got=got, expected="an input without a mask", fix=fix)


def all_of(masks: Any) -> jax.Array | None:
    """True where every mask is; None stands for a mask that is True everywhere, and is what only Nones give."""
    given = [mask for mask in masks or () if mask is not None]
    return functools.reduce(jnp.logical_and, given) if given else None


def joined(masks: Any, x: Any) -> jax.Array | None:
    """The masks of sequences that are put one after the other in time."""
    if all_of(masks) is None:
        return None
    each = [jnp.ones(v.shape[:2], bool) if mask is None else mask for mask, v in zip(masks, x, strict=True)]
    return jnp.concatenate(each, axis=1)


def time_reversed(mask: Any) -> Any:
    """The mask of a sequence read backwards."""
    return None if mask is None else jnp.flip(mask, axis=1)
