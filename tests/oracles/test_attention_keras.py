"""Attention against Keras: outputs, and the gradients of inputs and parameters, in float32 and in float64."""

import jax
import jax.numpy as jnp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liuli import layers
from liuli.layers import Context
from tests.numeric import close
from tests.oracles.attending import (
    PRECISIONS,
    agree,
    differentiated,
    lengths,
    normal,
    random_mask,
    random_params,
    seeds,
)
from tests.oracles.keras_oracle import keras, relaxed

pytestmark = pytest.mark.oracle

BATCH = 2


def like(variables, params):
    """Our parameters as the values of ``variables``: the same names, one axis for heads and one for what is in them."""

    def value(variable):
        part, name = variable.path.split("/")[-2:]
        return params.get(part, params)[name].reshape(variable.shape)

    return [value(variable) for variable in variables]


def compare(layer, other, enter, x, name, masks=(None, None), **call):
    """``layer`` on ``x`` against ``other`` called on ``*enter(x)``, at the queries that count."""
    params = random_params(layer, x)

    def counted(y):
        return y if masks[0] is None else jnp.where(masks[0][..., None], y, 0.0)

    def mine(params, x):
        return counted(layer.apply(params, {}, x, Context(mask=(*masks, None)))[0])

    def run(params, x):
        y, _ = other.stateless_call(like(other.trainable_variables, params), [], *enter(x), **call)
        return counted(y[0] if call.get("return_attention_scores") else y)

    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        other.build(*jax.tree.map(lambda a: a.shape, enter(x)))
        expected = differentiated(run, params, x)
    agree(differentiated(mine, params, x), expected, name)


def sequences(queries, keys, widths, seed):
    """A query, a value and a key; the widths are those of query, value and key."""
    times = (queries, keys, keys)
    return tuple(normal(BATCH, t, n, seed=seed + i) for i, (t, n) in enumerate(zip(times, widths, strict=True)))


single = {
    "use_scale": st.booleans(),
    "queries": lengths,
    "keys": st.integers(2, 5),  # of one Keras warns
    "causal": st.booleans(),
    "masked": st.booleans(),
    "seed": seeds,
}


def compare_single(layer, kind, name, queries, keys, causal, masked, seed, **fields):
    masks = (random_mask(BATCH, queries, seed), random_mask(BATCH, keys, seed + 1)) if masked else (None, None)
    call = {"mask": list(masks)} if masked else {}
    with jax.enable_x64(name == "float64"):
        x = sequences(queries, keys, (3, 2, 3), seed)
        other = kind(dtype=name, **fields)
        compare(layer, other, lambda x: (list(x),), x, name, masks, use_causal_mask=causal, **call)


@pytest.mark.parametrize("name", PRECISIONS)
@settings(max_examples=4)
@given(**single)
def test_attention(name, use_scale, queries, keys, causal, masked, seed):
    layer = layers.Attention(use_scale, use_causal_mask=causal)
    kind = keras.layers.Attention
    compare_single(layer, kind, name, queries, keys, causal, masked, seed, use_scale=use_scale)


@settings(max_examples=4)
@given(**single)
def test_concat_attention(use_scale, queries, keys, causal, masked, seed):
    """In float32: Keras's tanh of a float64 is no better."""
    fields = {"use_scale": use_scale, "score_mode": "concat"}
    layer = layers.Attention(use_causal_mask=causal, **fields)
    compare_single(layer, keras.layers.Attention, "float32", queries, keys, causal, masked, seed, **fields)


@settings(max_examples=4)
@given(**single)
def test_additive_attention(use_scale, queries, keys, causal, masked, seed):
    layer = layers.AdditiveAttention(use_scale, use_causal_mask=causal)
    kind = keras.layers.AdditiveAttention
    compare_single(layer, kind, "float32", queries, keys, causal, masked, seed, use_scale=use_scale)


several = {
    "size": st.integers(1, 3),
    "queries": lengths,
    "keys": st.integers(2, 5),  # of one Keras warns
    "window": st.none() | st.integers(1, 3),
    "causal": st.booleans(),
    "masked": st.booleans(),
    "use_bias": st.booleans(),
    "use_gate": st.booleans(),
    "seed": seeds,
}


def compare_several(layer, other, name, queries, keys, causal, masked, seed):
    """With a mask that lets each query attend to something: itself, or the first key.

    Keras's fused path takes its softmax in float32 whatever the dtype; asked for its scores it takes another.
    """
    value_mask = random_mask(BATCH, keys, seed) if masked and layer.sliding_window is None else None
    call = {} if value_mask is None else {"attention_mask": value_mask[:, None].repeat(queries, 1)}
    x = sequences(queries, keys, (4, 2, 3), seed)
    call |= {"use_causal_mask": causal, "return_attention_scores": True}
    compare(layer, other, lambda x: x, x, name, (None, value_mask), **call)


@pytest.mark.parametrize("name", PRECISIONS)
@settings(max_examples=4)
@given(heads=st.integers(1, 3), output=st.none() | st.just((5,)), **several)
def test_multi_head_attention(name, heads, size, output, queries, keys, window, causal, masked, use_bias,
                              use_gate, seed):  # fmt: skip
    keys = max(keys, queries) if window else keys
    shared = {"use_bias": use_bias, "output_shape": output, "sliding_window": window, "use_gate": use_gate}
    with jax.enable_x64(name == "float64"):
        layer = layers.MultiHeadAttention(heads, size, use_causal_mask=causal, **shared)
        other = keras.layers.MultiHeadAttention(heads, size, dtype=name, **shared)
        compare_several(layer, other, name, queries, keys, causal, masked, seed)


@pytest.mark.parametrize("name", PRECISIONS)
@settings(max_examples=4)
@given(groups=st.integers(1, 2), sharing=st.integers(1, 3), **several)
def test_grouped_query_attention(name, groups, sharing, size, queries, keys, window, causal, masked, use_bias, use_gate,
                                 seed):  # fmt: skip
    keys = max(keys, queries) if window else keys
    shared = {"use_bias": use_bias, "sliding_window": window, "use_gate": use_gate}
    with jax.enable_x64(name == "float64"):
        layer = layers.GroupedQueryAttention(size, groups * sharing, groups, use_causal_mask=causal, **shared)
        other = keras.layers.GroupQueryAttention(size, groups * sharing, groups, dtype=name, **shared)
        compare_several(layer, other, name, queries, keys, causal, masked, seed)


@pytest.mark.parametrize(("name", "cap"), [("float32", None), ("float64", None), ("float32", 0.5)])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("tie_weights", [False, True])
def test_reversible_embedding(name, reverse, tie_weights, cap):
    fields = {"tie_weights": tie_weights, "logit_soft_cap": cap}
    layer = layers.ReversibleEmbedding(7, 3, **fields)
    with jax.enable_x64(name == "float64"):
        ids, vectors = jnp.asarray([[0, 6, 2], [2, 2, 5]]), normal(BATCH, 4, 3)
        other = keras.layers.ReversibleEmbedding(7, 3, dtype=name, **fields)
        if reverse:
            compare(layer, other, lambda x: (x,), vectors, name, reverse=True)
        else:
            params = random_params(layer, ids)
            with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
                other.build()
                expected = other.stateless_call(like(other.trainable_variables, params), [], ids)[0]
            assert (layer.apply(params, {}, ids, Context())[0] == expected).all()


def test_values_of_another_length_than_keys():
    """Keras's fused path takes values as long as keys only; asked for its scores it takes another."""
    x = [jnp.asarray(a) for a in sequences(4, 5, (6, 3, 2), 0)]
    layer = layers.MultiHeadAttention(2, 3, 4)
    params, _ = layer.init(jax.random.key(0), tuple(x))
    with relaxed():
        other = keras.layers.MultiHeadAttention(2, 3, 4)
        other(x[0], x[1], x[2], return_attention_scores=True)
        for weight in other.weights:
            own = params[weight.path.split("/")[-2]][weight.path.split("/")[-1]]
            weight.assign(own.reshape(weight.shape))
        want = other(x[0], x[1], x[2], return_attention_scores=True)[0]
    got, _ = layer.apply(params, {}, tuple(x), Context())
    close(got, jnp.asarray(want), relative=1e-5)
