"""Masks put together, turned round and refused."""

import jax.numpy as jnp
import pytest

from liuli.core.errors import LiuliError
from liuli.layers.masks import all_of, joined, refuse_mask, time_reversed
from tests.layers.calling import shape

MASK = jnp.array([[True, False, False]])


def test_all_of():
    assert all_of((MASK, None, jnp.array([[True, True, False]]))).tolist() == [[True, False, False]]
    assert all_of((None, None)) is all_of(None) is None


def test_joined_fills_in_what_is_not_masked():
    assert joined((None, MASK), (shape(1, 2, 4), shape(1, 3, 4))).tolist() == [[True, True, True, False, False]]
    assert joined((None, None), (shape(1, 2, 4), shape(1, 3, 4))) is None


def test_time_reversed():
    assert time_reversed(MASK).tolist() == [[False, False, True]]
    assert time_reversed(None) is None


def test_refusal_says_who_and_what_to_do():
    refuse_mask(None, "Flatten", "do")
    with pytest.raises(LiuliError, match=r"cannot pass Flatten; .* Try: do this\."):
        refuse_mask(MASK, "Flatten", "do this")
