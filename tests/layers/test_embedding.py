"""Embeddings."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from liuli.constraints import MaxNorm
from liuli.core.errors import ShapeError
from liuli.layers import Context, Embedding
from liuli.regularizers import L2
from tests.layers.calling import KEY, shape

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
