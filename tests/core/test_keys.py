import zlib

import jax
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from liuli.core.keys import at_once, fold

PATHS = st.lists(st.lists(st.sampled_from(["dense_1", "kernel", "bias", "a"]), max_size=3), max_size=6)


def draws(paths):
    """What makes a number for each path of names, each with a key folded by name after name."""

    def make(key):
        numbers = []
        for path in paths:
            own = key
            for name in path:
                own = fold(own, name)
            numbers.append(jax.random.uniform(own))
        return numbers

    return make


def expected(key, path):
    for name in path:
        key = jax.random.fold_in(key, zlib.crc32(name.encode()))
    return jax.random.uniform(key)


@given(PATHS, st.integers(0, 2**31 - 1))
@settings(max_examples=10, deadline=None)
def test_keys_folded_at_once_are_those_folded_one_by_one(paths, seed):
    key = jax.random.key(seed)
    assert at_once(draws(paths))(key) == [expected(key, path) for path in paths]


def test_there_is_one_fold_for_all():
    make = draws([["a", "kernel"], ["a", "bias"], ["dense_1", "kernel"]])
    program = jax.make_jaxpr(at_once(make))(jax.random.key(0))
    assert str(program).count("random_fold_in") == 1


def test_several_seeds_at_once():
    paths = [["a", "kernel"], ["a", "bias"]]
    made = jax.jit(jax.vmap(lambda seed: at_once(draws(paths))(jax.random.key(seed))))(np.arange(3))
    for i in range(3):
        assert [float(m[i]) for m in made] == [float(expected(jax.random.key(i), path)) for path in paths]


def test_keys_of_another_origin_are_folded_where_they_are():
    other = jax.random.key(7)

    def make(key):
        inner = jax.vmap(lambda own: jax.random.uniform(fold(own, "a")))(jax.random.split(fold(key, "kernel"), 2))
        return jax.random.uniform(fold(other, "a")), *inner

    key = jax.random.key(0)
    assert at_once(make)(key) == make(key)
