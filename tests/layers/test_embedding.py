"""Embeddings."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from liuli.constraints import MaxNorm
from liuli.core.errors import ShapeError
from liuli.layers import Context, Embedding, EmbeddingBag
from liuli.regularizers import L2
from tests.layers.calling import KEY, shape
from tests.numeric import close

TABLE = {"embeddings": jnp.arange(12.0).reshape(4, 3)}


def look_up(x, layer=None, params=TABLE):
    return (layer or Embedding(4, 3)).apply(params, {}, jnp.asarray(x), Context())[0]


@pytest.mark.parametrize("dtype", ["uint8", "int32"])
def test_looks_up_rows(dtype):
    assert look_up(np.array([[1, 3]], dtype)).tolist() == [[[3.0, 4.0, 5.0], [9.0, 10.0, 11.0]]]


def test_ids_out_of_range_become_the_nearest():
    assert look_up(np.array([-1, -7, 4, 99], "int32")).tolist() == look_up(np.array([0, 0, 3, 3], "int32")).tolist()


def test_gradient_counts_uses():
    ids = jnp.array([[1, 3, 1]])
    gradient = jax.grad(lambda params: look_up(ids, params=params).sum())(TABLE)
    assert gradient["embeddings"].tolist() == [[0.0] * 3, [2.0] * 3, [0.0] * 3, [1.0] * 3]


def test_starts_uniform():
    table = Embedding(1000, 8).init(KEY, shape(2, 5, dtype="int32"))[0]["embeddings"]
    assert table.shape == (1000, 8)
    assert 0.049 < float(jnp.abs(table).max()) <= 0.05


def test_mask():
    ids, before = jnp.array([[1, 0, 2]]), jnp.array([[True, True, False]])
    assert Embedding(4, 3).output_mask(ids, None) is None
    assert Embedding(4, 3).output_mask(ids, before) is before
    assert Embedding(4, 3, mask_zero=True).output_mask(ids, None).tolist() == [[True, False, True]]
    assert Embedding(4, 3, mask_zero=True).output_mask(ids, before).tolist() == [[True, False, False]]


def test_needs_integers():
    with pytest.raises(ShapeError, match=r"got an input of float32.*expected integers from 0 to 3"):
        Embedding(4, 3).init(KEY, shape(2, 5, dtype="float32"))


def test_a_mask_needs_time():
    with pytest.raises(ShapeError, match=r"\(batch, time\)"):
        Embedding(4, 3, mask_zero=True).init(KEY, shape(2, dtype="int32"))


def test_rules_speak_of_the_embeddings():
    layer = Embedding(4, 3, embeddings_regularizer=L2(0.5), embeddings_constraint=MaxNorm(1.0, axis=1))
    assert float(layer.penalty(TABLE)) == 0.5 * sum(n * n for n in range(12))
    assert float(jnp.linalg.norm(layer.constrained(TABLE)["embeddings"], axis=1).max()) <= 1.000001


MASKS = [None, [[True, True, False], [False, True, True]], [[True, False, False], [False] * 3]]


@pytest.mark.parametrize("mode", ["mean", "sum"])
@pytest.mark.parametrize("mask_zero", [False, True])
@pytest.mark.parametrize("mask", MASKS)
def test_bags(mode, mask_zero, mask):
    ids, ctx = jnp.array([[2, 0, 3], [1, 0, 0]]), Context(mask=None if mask is None else jnp.array(mask))
    y, _ = EmbeddingBag(4, 3, mode, mask_zero=mask_zero).apply(TABLE, {}, ids, ctx)
    close(y, by_hand(np.asarray(TABLE["embeddings"]), np.asarray(ids), mask, mode, mask_zero), relative=1e-6)


def by_hand(table, ids, mask, mode, mask_zero):
    y = np.zeros((len(ids), 3))
    for i, row in enumerate(ids):
        counted = [j for t, j in enumerate(row) if (mask is None or mask[i][t]) and not (mask_zero and j == 0)]
        y[i] = sum(table[j] for j in counted) / (len(counted) if mode == "mean" and counted else 1)
    return y


def test_a_bag_has_no_time():
    assert EmbeddingBag(4, 3).output_mask(shape(2, 5), jnp.ones((2, 5), bool)) is None
    with pytest.raises(ShapeError, match="time"):
        EmbeddingBag(4, 3).init(KEY, shape(2, 5, 6, dtype="int32"))
    with pytest.raises(ShapeError, match="expected integers from 0 to 3"):
        EmbeddingBag(4, 3).init(KEY, shape(2, 5))
