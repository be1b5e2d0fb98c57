"""ReversibleEmbedding: ids to vectors, and vectors to logits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liuli as ll
from liuli.core.errors import ShapeError
from liuli.layers import Context, Dense, ReversibleEmbedding
from tests.layers.calling import KEY, call, init, shape, taps
from tests.numeric import close

IDS = jnp.array([[0, 3, 1], [4, 4, 2]])
VECTORS = jnp.asarray(np.random.default_rng(0).normal(size=(2, 3, 6)))
LAYER = ReversibleEmbedding(5, 6)


def test_there_and_back():
    params, _ = init(LAYER, IDS)
    embedded, _ = LAYER.apply(params, {}, IDS, Context())
    assert (embedded == params["embeddings"][IDS]).all()
    logits, _ = LAYER.apply(params, {}, VECTORS, Context())
    close(logits, VECTORS @ params["embeddings"].T, relative=1e-6)


def test_of_its_own_weights():
    layer = LAYER.replace(tie_weights=False)
    params, _ = init(layer, IDS)
    assert jax.tree.map(jnp.shape, params) == {"embeddings": (5, 6), "reverse_embeddings": (6, 5)}
    close(layer.apply(params, {}, VECTORS, Context())[0], VECTORS @ params["reverse_embeddings"], relative=1e-6)


def test_soft_cap():
    logits = call(LAYER, VECTORS)
    close(call(LAYER.replace(logit_soft_cap=0.1), VECTORS), 0.1 * jnp.tanh(logits / 0.1), relative=1e-6)


def test_logits_are_seen():
    params, _ = init(LAYER, IDS)
    seen, gradient = taps(LAYER, params, {}, VECTORS, jnp.sum)
    assert seen["z"].shape == gradient["z"].shape == (2, 3, 5)
    assert taps(LAYER, params, {}, IDS, jnp.sum)[0] == {}


def test_one_table_in_a_graph():
    ids, embedding = ll.Input((3,), dtype="int32"), ReversibleEmbedding(5, 6, name="table")
    net = ll.Graph(ids, embedding(Dense(6, name="dense")(embedding(ids))))
    params, state = init(net, IDS)
    assert set(params) == {"table", "dense"}
    h = params["table"]["embeddings"][IDS] @ params["dense"]["kernel"]
    close(net.apply(params, state, IDS, Context())[0], h @ params["table"]["embeddings"].T, relative=1e-5)


def test_zero_may_be_padding():
    layer, mask = LAYER.replace(mask_zero=True), jnp.array([[True, True, False], [True, True, True]])
    assert layer.output_mask(IDS, None).tolist() == [[False, True, True], [True, True, True]]
    assert layer.output_mask(IDS, mask).tolist() == [[False, True, False], [True, True, True]]
    assert layer.output_mask(VECTORS, mask) is mask
    assert LAYER.output_mask(IDS, mask) is mask
    with pytest.raises(ShapeError, match=r"\(batch, time\)"):
        layer.init(KEY, shape(2, 3, 4, dtype="int32"))


def test_vectors_have_the_length_of_the_table():
    with pytest.raises(
        ShapeError, match=r"got floats of shape \(batch, 3\); expected integers from 0 to 4, or vectors"
    ):
        LAYER.init(KEY, shape(2, 3))
    with pytest.raises(ShapeError, match="output_dim=6"):
        LAYER.apply(init(LAYER, IDS)[0], {}, VECTORS[..., :4], Context())
