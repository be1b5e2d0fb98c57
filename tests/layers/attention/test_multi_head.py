"""MultiHeadAttention and GroupedQueryAttention: roles, masks, rotation, taps, parameters."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liuli as ll
from liuli.core.errors import LiuliError, ShapeError, SpecError
from liuli.core.specs import named
from liuli.layers import Context, Embedding, GroupedQueryAttention, MultiHeadAttention, RotaryEmbedding
from liuli.regularizers import L2
from tests.layers.calling import KEY, call, init, shape, taps
from tests.numeric import close

RNG = np.random.default_rng(0)
QUERY, VALUE, OTHER = (jnp.asarray(RNG.normal(size=size)) for size in ((2, 3, 4), (2, 5, 6), (2, 5, 2)))
VALUE_MASK = jnp.array([[True, False, True, False, True], [False] * 5])
LAYER = MultiHeadAttention(2, 3)
BOTH = pytest.mark.parametrize("layer", [LAYER, GroupedQueryAttention(3, 4, 2)])


@BOTH
def test_roles(layer):
    close(call(layer, VALUE), call(layer, (VALUE, VALUE, VALUE)), relative=0)
    close(call(layer, (QUERY, VALUE)), call(layer, (QUERY, VALUE, VALUE)), relative=0)


@BOTH
def test_padding_is_not_attended_to(layer):
    y = call(layer, (QUERY, VALUE, OTHER), mask=(None, VALUE_MASK, None))
    close(y[:1], call(layer, (QUERY[:1], VALUE[:1, ::2], OTHER[:1, ::2])), relative=1e-6)
    assert not y[1].any()  # the bias of the output is 0 at first
    assert jnp.isfinite(jax.grad(lambda x: call(layer, x, mask=VALUE_MASK).sum())(VALUE)).all()


@BOTH
def test_causal_steps_see_no_later_ones(layer):
    layer = layer.replace(use_causal_mask=True)
    gradient = jax.jacobian(lambda x: call(layer, x[None])[0].sum(-1))(VALUE[0])  # (query, key, features)
    assert (np.abs(gradient).sum(-1) > 0).tolist() == np.tri(5, dtype=bool).tolist()


@BOTH
def test_steps_see_their_window(layer):
    gradient = jax.jacobian(lambda x: call(layer.replace(sliding_window=2), x[None])[0].sum(-1))(VALUE[0])
    near = np.abs(np.subtract.outer(range(5), range(5))) < 2
    assert (np.abs(gradient).sum(-1) > 0).tolist() == near.tolist()


@BOTH
def test_rotation_makes_order_count(layer):
    """Without positions a query sees a set; with them a sequence, moved in time or not."""
    both = VALUE[:, ::-1], VALUE
    run = jax.jit(lambda layer, value: call(layer, (QUERY, value)), static_argnums=0)
    close(*(run(layer, value) for value in both), relative=1e-5)
    rotating = (layer.replace(key_dim=4) if layer is LAYER else layer.replace(head_dim=4)).replace(
        rotary=RotaryEmbedding()
    )
    assert np.abs(np.subtract(*(run(rotating, value) for value in both))).max() > 1e-3
    params, _ = init(rotating, VALUE)
    later = jnp.concatenate([jnp.zeros((2, 7, 6)), VALUE], axis=1)
    mask = jnp.arange(12)[None] >= jnp.array([7, 7])[:, None]
    moved, _ = rotating.apply(params, {}, later, Context(mask=mask))
    close(moved[:, 7:], rotating.apply(params, {}, VALUE, Context())[0], relative=1e-5)


def test_grouped_heads_are_heads_with_the_same_keys_and_values():
    grouped = GroupedQueryAttention(3, 4, 2)
    params, _ = init(grouped, VALUE)
    repeated = {name: dict(own) for name, own in params.items()}
    for name in ("key", "value"):
        heads = params[name]["kernel"].reshape(6, 2, 3)
        repeated[name] = {"kernel": heads.repeat(2, axis=1).reshape(6, 12), "bias": jnp.zeros(12)}
    close(
        grouped.apply(params, {}, VALUE, Context())[0],
        MultiHeadAttention(4, 3).apply(repeated, {}, VALUE, Context())[0],
        relative=1e-6,
    )


def test_everything_is_seen():
    layer = MultiHeadAttention(2, 3, 5, use_gate=True)
    params, _ = init(layer, (QUERY, VALUE))
    seen, gradient = taps(layer, params, {}, (QUERY, VALUE), jnp.sum, mask=(None, VALUE_MASK))
    assert {name: value.shape for name, value in seen.items()} == {
        "q": (2, 3, 2, 3),
        "k": (2, 5, 2, 3),
        "v": (2, 5, 2, 5),
        "scores": (2, 2, 3, 5),
        "weights": (2, 2, 3, 5),
        "context": (2, 3, 2, 5),
        "gate": (2, 3, 2, 5),
        "z": (2, 3, 4),
    }
    close(seen["scores"], jnp.einsum("bthd,bshd->bhts", seen["q"], seen["k"]) / np.sqrt(3), relative=1e-6)
    close(seen["weights"][0].sum(-1), np.ones((2, 3)), relative=1e-6)
    assert not seen["weights"][..., 1::2].any()
    assert gradient["weights"].any()


def test_dropout_leaves_weights_out():
    layer = MultiHeadAttention(1, 5, dropout=0.5)
    params = {name: {"kernel": jnp.eye(5), "bias": jnp.zeros(5)} for name in init(layer, VALUE[..., :5])[0]}
    x = (VALUE[..., :5], jnp.broadcast_to(jnp.eye(5), (2, 5, 5)))  # y is the weights
    weights = np.asarray(layer.apply(params, {}, x, Context())[0])
    left = np.asarray(layer.apply(params, {}, x, Context(training=True, key=jax.random.key(1)))[0])
    assert 0 < (left == 0).sum() < left.size
    close(left, np.where(left == 0, 0, 2 * weights), relative=1e-6)
    with pytest.raises(LiuliError, match="without a random key"):
        layer.apply(params, {}, x, Context(training=True))
    layer.replace(dropout=None).apply(params, {}, x, Context(training=True))


def test_parameters():
    params, state = init(MultiHeadAttention(2, 3, 5), (QUERY, VALUE, OTHER))
    assert jax.tree.map(jnp.shape, params) == {
        "query": {"kernel": (4, 6), "bias": (6,)},
        "key": {"kernel": (2, 6), "bias": (6,)},
        "value": {"kernel": (6, 10), "bias": (10,)},
        "attention_output": {"kernel": (10, 4), "bias": (4,)},
    }
    assert state == {}
    assert set(init(MultiHeadAttention(2, 3, use_bias=False), VALUE)[0]["query"]) == {"kernel"}
    assert not jnp.allclose(*(init(LAYER, VALUE)[0][name]["kernel"] for name in ("query", "key")))


def test_output_shape():
    assert call(MultiHeadAttention(2, 3, output_shape=7), (QUERY, VALUE)).shape == (2, 3, 7)
    assert call(MultiHeadAttention(2, 3, output_shape=(7, 2)), (QUERY, VALUE)).shape == (2, 3, 7, 2)


def test_penalties_and_constraints_are_on_every_projection():
    params, _ = init(LAYER, VALUE)
    squares = sum(float((own["kernel"] ** 2).sum()) for own in params.values())
    close(LAYER.replace(kernel_regularizer=L2(0.5)).penalty(params), 0.5 * squares, relative=1e-6)
    assert LAYER.penalty(params) == 0
    kept = LAYER.replace(kernel_constraint="non_neg").constrained(params)
    assert all((own["kernel"] >= 0).all() for own in kept.values())


def test_in_a_graph_the_masks_arrive():
    ids, other = ll.Input((3,), dtype="int32"), ll.Input((5,), dtype="int32")
    embedding = Embedding(9, 4, mask_zero=True, name="embedding")
    net = ll.Graph([ids, other], MultiHeadAttention(2, 3, name="mha")([embedding(ids), embedding(other)]))
    x = (jnp.array([[1, 2, 0]]), jnp.array([[3, 4, 0, 0, 0]]))
    params, state = init(net, x)
    y, mask, _ = net.run(params, state, x, Context())
    assert mask.tolist() == [[True, True, False]]
    short = (x[0], x[1][:, :2])
    close(y, net.apply(params, state, short, Context())[0], relative=1e-6)


def test_the_name_in_keras_means_it():
    with pytest.raises(SpecError, match="head_dim"):
        named("layers", "group_query_attention")


def test_bad_fields():
    with pytest.raises(SpecError, match="a number that divides num_query_heads=4"):
        GroupedQueryAttention(3, 4, 3)
    with pytest.raises(SpecError, match="an even length"):
        MultiHeadAttention(2, 3, rotary="rotary_embedding")


@BOTH
def test_bad_shapes(layer):
    with pytest.raises(ShapeError, match="batch, time, features"):
        layer.init(KEY, shape(2, 4))
    with pytest.raises(ShapeError, match="as many keys as values"):
        layer.init(KEY, (shape(2, 3, 4), shape(2, 5, 4), shape(2, 6, 4)))
