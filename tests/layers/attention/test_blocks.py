"""Transformer blocks: what they are made of, masks, dropout, and that they learn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liuli as ll
from liuli import layers
from liuli.core.errors import ShapeError
from liuli.layers import TransformerDecoder, TransformerEncoder
from tests.layers.calling import KEY, call, init, shape, taps
from tests.numeric import close

RNG = np.random.default_rng(0)
X, MEMORY = jnp.asarray(RNG.normal(size=(2, 5, 4))), jnp.asarray(RNG.normal(size=(2, 3, 6)))
MASK = jnp.array([[True, True, True, False, False]] * 2)
BOTH = pytest.mark.parametrize("layer", [TransformerEncoder(8, 2), TransformerDecoder(8, 2)])


def influence(run, at):
    """Which step of y each step of ``at`` changes, for one sample: (step of y, step of x)."""
    of_x = jax.jit(jax.jacobian(lambda x: (run(x[None])[0] ** 2).sum(-1)))(at[0])
    return (np.abs(of_x).sum(-1) > 1e-9).tolist()


def test_an_encoder_sees_everything_and_a_decoder_no_later_step():
    assert influence(lambda x: call(TransformerEncoder(8, 2), x), X) == np.ones((5, 5), bool).tolist()
    assert influence(lambda x: call(TransformerDecoder(8, 2), x), X) == np.tri(5, dtype=bool).tolist()


def test_a_decoder_sees_all_of_the_memory():
    def run(memory):
        return call(TransformerDecoder(8, 2), (X[:1], memory))

    assert influence(run, MEMORY) == np.ones((5, 3), bool).tolist()


@BOTH
@pytest.mark.parametrize("first", [False, True])
def test_padding_is_not_attended_to(layer, first):
    layer = layer.replace(normalize_first=first)
    y = call(layer, X, mask=MASK)
    close(y[:, :3], call(layer, X[:, :3]), relative=1e-5)


def test_padding_of_the_memory_is_not_attended_to():
    layer, mask = TransformerDecoder(8, 2), jnp.array([[True, False, True]] * 2)
    close(call(layer, (X, MEMORY), mask=(None, mask)), call(layer, (X, MEMORY[:, ::2])), relative=1e-5)


@BOTH
def test_the_mask_passes_on(layer):
    assert layer.output_mask(X, MASK) is MASK
    assert TransformerDecoder(8, 2).output_mask((X, MEMORY), (MASK, None)) is MASK


@BOTH
def test_rotation(layer):
    """Sinusoids or a rotation: without either, an encoder does not know an order."""
    encoder = TransformerEncoder(8, 2)
    close(call(encoder, X[:, ::-1])[:, ::-1], call(encoder, X), relative=1e-5)
    rotating = layer.replace(rotary="rotary_embedding")
    assert np.abs(call(rotating, X) - call(layer, X)).max() > 1e-3


def test_parts():
    params, state = init(TransformerDecoder(8, 2), (X, MEMORY))
    assert list(params) == [
        "self_attention", "self_attention_norm", "cross_attention", "cross_attention_norm", "intermediate", "output",
        "feedforward_norm",
    ]  # fmt: skip
    assert params["cross_attention"]["key"]["kernel"].shape == (6, 4)
    assert params["intermediate"]["kernel"].shape == (4, 8)
    assert state == {}
    alone, _ = init(TransformerDecoder(8, 2), X)
    assert not {"cross_attention", "cross_attention_norm"} & set(alone)
    assert init(TransformerEncoder(8, 2, activation="glu"), X)[0]["output"]["kernel"].shape == (4, 4)


def test_parts_are_seen():
    layer = TransformerDecoder(8, 2)
    params, _ = init(layer, (X, MEMORY))
    seen, _ = taps(layer, params, {}, (X, MEMORY), jnp.sum)
    assert seen["self_attention/scores"].shape == (2, 2, 5, 5)
    assert seen["cross_attention/weights"].shape == (2, 2, 5, 3)
    assert seen["intermediate/z"].shape == (2, 5, 8)
    assert {"self_attention_norm/xhat", "cross_attention_norm/xhat", "feedforward_norm/xhat", "output/z"} <= set(seen)


@BOTH
def test_dropout(layer):
    dropping = layer.replace(dropout=0.5)
    run = jax.jit(lambda key: call(dropping, X, training=True, key=key))
    first, second, again = (run(jax.random.key(seed)) for seed in (1, 2, 1))
    assert (first == again).all()
    assert (first != second).any()
    close(call(dropping, X), call(layer, X), relative=0)
    close(call(layer, X, training=True), call(layer, X), relative=0)


def test_all_dropped_is_the_shortcut():
    layer = TransformerEncoder(8, 2, dropout=1.0, normalize_first=True)
    close(call(layer, X, training=True, key=jax.random.key(0)), X, relative=0)


@pytest.mark.parametrize(
    ("layer", "x", "message"),
    [
        (TransformerEncoder(8, 2), shape(2, 4), "batch, time, features"),
        (TransformerEncoder(8, 3), shape(2, 5, 4), "features for 3 heads alike"),
        (TransformerEncoder(8, 2), (shape(2, 5, 4), shape(2, 3, 4)), "got 2 inputs; expected at most 1"),
        (TransformerDecoder(8, 2), (shape(2, 5, 4),) * 3, "got 3 inputs; expected at most 2"),
        (TransformerDecoder(8, 2), (shape(2, 5, 4), shape(2, 4)), "batch, time, features"),
    ],
)
def test_bad_shapes(layer, x, message):
    with pytest.raises(ShapeError, match=message):
        layer.init(KEY, x)


@pytest.mark.parametrize("task", ["copy", "reverse"])
def test_a_causal_transformer_learns_to(task):
    """A word, a sign, and the word again or backwards: what follows the sign follows from what was before it.

    Copying looks a fixed distance back, which a rotation shows; for reversing a step must know its own place.
    """
    size, sign = 4, 5
    words = np.stack(np.unravel_index(np.random.default_rng(0).permutation(5**size), (5,) * size), -1)
    answers = words if task == "copy" else words[:, ::-1]
    lines = np.concatenate([words, np.full((5**size, 1), sign), answers], axis=1).astype(np.int32)
    x, y = lines[:, :-1], lines[:, 1:]

    ids, table = ll.Input((2 * size,), dtype="int32"), layers.ReversibleEmbedding(6, 32)
    block = TransformerDecoder(64, 4, normalize_first=True, rotary="rotary_embedding" if task == "copy" else None)
    h = table(ids) if task == "copy" else layers.PositionEmbedding(2 * size)(table(ids))
    loss = ll.losses.SparseCategoricalCrossentropy(from_logits=True)
    model = ll.Model(ll.Graph(ids, table(block(h))), loss, ll.optimizers.Adam(0.01))
    model.fit(x[100:], y[100:], epochs=60, batch_size=64, verbose=0)
    told = model.predict(x[:100]).argmax(-1)  # of words that it has not seen
    assert (told[:, size:] == y[:100, size:]).mean() > 0.98
