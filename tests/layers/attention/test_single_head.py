"""Attention and AdditiveAttention: roles, masks, dropout."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from liuli.core.errors import LiuliError, ShapeError
from liuli.layers import AdditiveAttention, Attention, Context
from tests.layers.calling import KEY, call, init, shape, taps
from tests.numeric import close

RNG = np.random.default_rng(0)
QUERY, VALUE, OTHER = (jnp.asarray(RNG.normal(size=size)) for size in ((2, 3, 4), (2, 5, 4), (2, 5, 4)))
QUERY_MASK = jnp.array([[True, True, False], [True, False, False]])
VALUE_MASK = jnp.array([[True, False, True, False, True], [False] * 5])
BOTH = pytest.mark.parametrize("layer", [Attention(), Attention(score_mode="concat"), AdditiveAttention()])


def test_dot():
    scores = np.einsum("btn,bsn->bts", QUERY, OTHER)
    weights = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    close(call(Attention(), (QUERY, VALUE, OTHER)), weights @ VALUE, relative=1e-5)


def test_additive():
    params = {"scale": jnp.array([1.0, -2.0, 0.5, 3.0])}
    scores = np.tanh(QUERY[:, :, None] + OTHER[:, None]) @ np.array([1.0, -2.0, 0.5, 3.0])
    weights = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    y, _ = AdditiveAttention().apply(params, {}, (QUERY, VALUE, OTHER), Context())
    close(y, weights @ VALUE, relative=1e-5)


@BOTH
def test_roles(layer):
    close(call(layer, VALUE), call(layer, (VALUE, VALUE, VALUE)), relative=0)
    close(call(layer, (QUERY, VALUE)), call(layer, (QUERY, VALUE, VALUE)), relative=0)


@BOTH
def test_padding_is_not_attended_to(layer):
    y = call(layer, (QUERY, VALUE, OTHER), mask=(QUERY_MASK, VALUE_MASK, None))
    close(y[:1], call(layer, (QUERY[:1], VALUE[:1, ::2], OTHER[:1, ::2])), relative=1e-6)
    assert not y[1].any()
    close(call(layer, (QUERY, VALUE, OTHER), mask=(None, None, VALUE_MASK)), y, relative=0)


@BOTH
def test_causal(layer):
    y = call(layer.replace(use_causal_mask=True), VALUE)
    for t in range(5):
        close(y[:, t], call(layer, (VALUE[:, t : t + 1], VALUE[:, : t + 1]))[:, 0], relative=1e-6)


@BOTH
def test_the_mask_of_the_query_passes_on(layer):
    assert layer.output_mask((QUERY, VALUE), (QUERY_MASK, VALUE_MASK)) is QUERY_MASK
    assert layer.output_mask((QUERY, VALUE), (None, VALUE_MASK)) is None
    assert layer.output_mask(VALUE, VALUE_MASK) is VALUE_MASK
    assert layer.output_mask(VALUE, None) is None


@BOTH
def test_dropout_leaves_weights_out(layer):
    x = (QUERY, jnp.broadcast_to(jnp.eye(5), (2, 5, 5)), VALUE)  # y is the weights
    dropping, key = layer.replace(dropout=0.5), jax.random.key(1)
    weights = np.asarray(call(layer, x))
    left = np.asarray(call(dropping, x, training=True, key=key))
    assert 0 < (left == 0).sum() < left.size
    close(left, np.where(left == 0, 0, 2 * weights), relative=1e-6)
    close(call(dropping, x), weights, relative=0)
    with pytest.raises(LiuliError, match="without a random key"):
        call(dropping, x, training=True)
    call(layer, x, training=True)  # without dropout none is needed


def test_scores_and_weights_are_seen():
    layer = Attention(use_scale=True)
    params, _ = init(layer, (QUERY, VALUE))
    seen, gradient = taps(layer, params, {}, (QUERY, VALUE), jnp.sum, mask=(None, VALUE_MASK))
    assert {name: value.shape for name, value in seen.items()} == {"scores": (2, 3, 5), "weights": (2, 3, 5)}
    close(seen["weights"][0].sum(-1), np.ones(3), relative=1e-6)
    assert not gradient["scores"][1].any()


def test_parameters():
    assert init(Attention(), QUERY)[0] == {}
    assert init(Attention(True, "concat"), QUERY)[0] == {"scale": 1.0, "concat_score_weight": 1.0}
    assert init(AdditiveAttention(), QUERY)[0]["scale"].shape == (4,)
    assert init(AdditiveAttention(use_scale=False), QUERY)[0] == {}


@BOTH
@pytest.mark.parametrize(
    ("x", "message"),
    [
        (shape(2, 4), "batch, time, features"),
        ((shape(2, 3, 4), shape(2, 4)), "batch, time, features"),
        ((shape(2, 3, 4), shape(2, 5, 6)), r"queries of shape \(batch, 3, 4\) and keys of shape \(batch, 5, 6\)"),
        ((shape(2, 3, 4), shape(2, 5, 4), shape(2, 6, 4)), "as many keys as values"),
        ((shape(2, 3, 4),) * 4, "got 4 inputs"),
        (shape(2, 0, 4), "not empty"),
    ],
)
def test_bad_shapes(layer, x, message):
    with pytest.raises(ShapeError, match=message):
        layer.init(KEY, x)
