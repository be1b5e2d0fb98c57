"""Trees of arrays, flat and nested."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liuli.core.errors import FileError
from liuli.core.trees import flatten, paths, unflatten

TREE = {
    "dense_1": {"kernel": np.ones((2, 3), np.float32), "bias": np.zeros(3, np.float32)},
    "a": {"b": {"c": np.arange(2)}},
}
NAMES = st.text(st.characters(categories=["L", "N"], include_characters="_"), min_size=1, max_size=3)


def test_flat():
    assert set(flatten(TREE)) == {"dense_1/kernel", "dense_1/bias", "a/b/c"}
    assert flatten(TREE)["dense_1/bias"] is TREE["dense_1"]["bias"]
    assert set(flatten(TREE, "params")) == {"params/dense_1/kernel", "params/dense_1/bias", "params/a/b/c"}
    assert flatten({}) == {} == flatten({"empty": {}})


@given(
    st.recursive(st.integers(0, 9).map(np.asarray), lambda inner: st.dictionaries(NAMES, inner, min_size=1, max_size=3))
)
def test_there_and_back(tree):
    tree = {"root": tree}
    back = unflatten(flatten(tree), tree)
    assert jax.tree.structure(back) == jax.tree.structure(tree)
    assert jax.tree.leaves(back) == jax.tree.leaves(tree)


def test_the_order_of_the_flat_form_does_not_matter():
    back = unflatten(dict(reversed(flatten(TREE).items())), TREE)
    assert back["dense_1"]["kernel"].shape == (2, 3)


def test_paths_are_those_of_the_flat_form():
    assert set(paths(TREE)) == set(flatten(TREE))
    assert list(paths({"b": [1, 2], "a": (3,)})) == ["a/0", "b/0", "b/1"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"a/b/c": None}, r"a/b/c: got no such array; expected an array of shape \(2,\)"),
        ({"a/b/d": np.arange(2)}, "a/b/d: got an array; expected nothing of this name"),
        ({"a/b/c": np.arange(3)}, r"a/b/c: got int64\(3,\); expected int64\(2,\)"),
        ({"a/b/c": np.arange(2.0)}, r"a/b/c: got float64\(2,\); expected int64\(2,\)"),
        (
            {"dense_1/kernel": np.ones((3, 2), np.float32)},
            r"dense_1/kernel: got float32\(3, 2\); expected float32\(2, 3\)",
        ),
    ],
)
def test_what_does_not_fit(change, says):
    flat = {path: leaf for path, leaf in (flatten(TREE) | change).items() if leaf is not None}
    with pytest.raises(FileError, match=says):
        unflatten(flat, TREE)


def test_shapes_without_values_will_do():
    like = jax.eval_shape(lambda: jax.tree.map(jnp.asarray, {"w": np.ones((2, 3), np.float32)}))
    assert unflatten({"w": np.ones((2, 3), np.float32)}, like)["w"].shape == (2, 3)
