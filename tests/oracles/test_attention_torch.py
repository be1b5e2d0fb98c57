"""Attention against PyTorch: outputs, and the gradients of inputs and parameters, in float32 and in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liuli import kernels, layers
from liuli.layers import Context
from tests.numeric import close
from tests.oracles.attending import (
    PRECISIONS,
    agree,
    differentiated,
    from_above,
    lengths,
    normal,
    random_mask,
    random_params,
    seeds,
)

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.oracle

F = torch.nn.functional
BATCH = 2


def theirs(run, params, x):
    """As ``differentiated``, on tensors."""

    def leaf(a):
        return torch.tensor(np.asarray(a), requires_grad=True)

    def gradients(tree):
        return jax.tree.map(lambda t: t.grad.numpy(), tree, is_leaf=torch.is_tensor)

    params, x = jax.tree.map(leaf, (params, x))
    y = run(params, x)
    (y * torch.tensor(from_above(y.shape)).to(y.dtype)).sum().backward()
    return {"y": y.detach().numpy(), "params": gradients(params), "x": gradients(x)}


def compare(layer, run, x, name, mask=None):
    """``layer`` on ``x`` against ``run`` on the same parameters."""
    params = random_params(layer, x)
    mine = differentiated(lambda p, x: layer.apply(p, {}, x, Context(mask=mask))[0], params, x)
    agree(mine, theirs(run, params, x), name)


def padding(mask):
    """PyTorch's padding mask: True where a step does not count."""
    return None if mask is None else ~torch.tensor(np.asarray(mask))


def causal(time):
    return torch.ones(time, time, dtype=torch.bool).triu(1)


def inner(p, prefix):
    """The parameters of an ``nn.MultiheadAttention`` under ``prefix``."""
    q, k, v, o = (p[name] for name in ("query", "key", "value", "attention_output"))
    found = {"out_proj.weight": o["kernel"].T, "out_proj.bias": o["bias"]}
    found["in_proj_bias"] = torch.cat([q["bias"], k["bias"], v["bias"]])
    if q["kernel"].shape == k["kernel"].shape == v["kernel"].shape:
        found["in_proj_weight"] = torch.cat([q["kernel"].T, k["kernel"].T, v["kernel"].T])
    else:
        found |= {f"{each}_proj_weight": own["kernel"].T for each, own in zip("qkv", (q, k, v), strict=True)}
    return {f"{prefix}{name}": value for name, value in found.items()}


def dense(own, name):
    return {f"{name}.weight": own["kernel"].T, f"{name}.bias": own["bias"]}


def norm(own, name):
    return {f"{name}.weight": own["gamma"], f"{name}.bias": own["beta"]}


@pytest.mark.parametrize("name", PRECISIONS)
@settings(max_examples=8)
@given(groups=st.integers(1, 2), shared=st.integers(1, 2), queries=lengths, keys=lengths,
       sizes=st.tuples(lengths, lengths), masked=st.sampled_from(["no", "padding", "causal"]),
       scale=st.none() | st.floats(0.1, 2.0), seed=seeds)  # fmt: skip
def test_scaled_dot_product(name, groups, shared, queries, keys, sizes, masked, scale, seed):
    mask = random_mask(BATCH, keys, seed)[:, None, None] if masked == "padding" else None

    def mine(_, x):
        return kernels.attention(*x, mask=mask, scale=scale, causal=masked == "causal")

    def run(_, x):
        q, k, v = (each.transpose(1, 2) for each in x)
        their_mask = None if mask is None else torch.tensor(np.asarray(mask))
        fields = {"attn_mask": their_mask, "is_causal": masked == "causal", "scale": scale, "enable_gqa": True}
        return F.scaled_dot_product_attention(q, k, v, **fields).transpose(1, 2)

    with jax.enable_x64(name == "float64"):
        q = normal(BATCH, queries, groups * shared, sizes[0], seed=seed)
        x = (
            q,
            normal(BATCH, keys, groups, sizes[0], seed=seed + 1),
            normal(BATCH, keys, groups, sizes[1], seed=seed + 2),
        )
        agree(differentiated(mine, {}, x), theirs(run, {}, x), name)


@pytest.mark.parametrize("name", PRECISIONS)
@pytest.mark.parametrize("kind", ["additive", "concat"])
@pytest.mark.parametrize("is_causal", [False, True])
def test_scores_of_sums(name, kind, is_causal):
    fields = {"use_scale": True, "use_causal_mask": is_causal}
    additive, concat = layers.AdditiveAttention(**fields), layers.Attention(score_mode="concat", **fields)

    def run(p, x):
        query, value, key = x
        sums = query[:, :, None] + key[:, None]
        if kind == "additive":
            scores = (p["scale"] * torch.tanh(sums)).sum(-1)
        else:
            scores = p["concat_score_weight"] * torch.tanh(p["scale"] * sums).sum(-1)
        later = torch.ones(3, 4, dtype=torch.bool).triu(1)
        return (scores.masked_fill(later, -torch.inf) if is_causal else scores).softmax(-1) @ value

    with jax.enable_x64(name == "float64"):
        x = (normal(BATCH, 3, 5), normal(BATCH, 4, 2, seed=1), normal(BATCH, 4, 5, seed=2))
        compare(additive if kind == "additive" else concat, run, x, name)


@pytest.mark.parametrize("name", PRECISIONS)
@settings(max_examples=6)
@given(heads=st.integers(1, 3), size=st.integers(1, 3), widths=st.none() | st.tuples(lengths, lengths), queries=lengths,
       keys=lengths, is_causal=st.booleans(), masked=st.booleans(), seed=seeds)  # fmt: skip
def test_multi_head(name, heads, size, widths, queries, keys, is_causal, masked, seed):
    n = heads * size
    v_width, k_width = widths or (n, n)
    layer = layers.MultiHeadAttention(heads, size, use_causal_mask=is_causal)
    module = torch.nn.MultiheadAttention(n, heads, kdim=k_width, vdim=v_width, batch_first=True)
    mask = random_mask(BATCH, keys, seed) if masked else None

    def run(p, x):
        query, value, key = x
        fields = {"key_padding_mask": padding(mask), "need_weights": False}
        if is_causal:
            fields["attn_mask"] = torch.ones(queries, keys, dtype=torch.bool).triu(1)
        return torch.func.functional_call(module, inner(p, ""), (query, key, value), fields)[0]

    with jax.enable_x64(name == "float64"):
        x = (normal(BATCH, queries, n, seed=seed), normal(BATCH, keys, v_width), normal(BATCH, keys, k_width, seed=1))
        compare(layer, run, x, name, mask=(None, mask, None))


@pytest.mark.parametrize("name", PRECISIONS)
@settings(max_examples=6)
@given(groups=st.integers(1, 2), shared=st.integers(1, 3), size=st.integers(1, 3), n=lengths, time=lengths,
       is_causal=st.booleans(), use_bias=st.booleans(), seed=seeds)  # fmt: skip
def test_grouped_query(name, groups, shared, size, n, time, is_causal, use_bias, seed):
    heads = groups * shared
    layer = layers.GroupedQueryAttention(size, heads, groups, use_bias=use_bias, use_causal_mask=is_causal)

    def projected(own, x):
        return F.linear(x, own["kernel"].T, own.get("bias"))

    def run(p, x):
        q, k, v = (
            projected(p[each], x).unflatten(-1, (count, size)).transpose(1, 2)
            for each, count in (("query", heads), ("key", groups), ("value", groups))
        )
        context = F.scaled_dot_product_attention(q, k, v, is_causal=is_causal, enable_gqa=True)
        return projected(p["attention_output"], context.transpose(1, 2).flatten(-2))

    with jax.enable_x64(name == "float64"):
        compare(layer, run, normal(BATCH, time, n, seed=seed), name)


blocks = {
    "heads": st.integers(1, 2),
    "size": st.integers(4, 5),
    "activation": st.sampled_from(["relu", "gelu"]),
    "first": st.booleans(),
    "masked": st.booleans(),
    "seed": seeds,
}


def block(kind, heads, size, activation, first):
    """A PyTorch block in training mode, where it takes no short cut of its own."""
    fields = {"dropout": 0.0, "activation": activation, "batch_first": True, "norm_first": first}
    return kind(heads * size, heads, 4, layer_norm_eps=1e-3, **fields).train()


@pytest.mark.parametrize("name", PRECISIONS)
@settings(max_examples=4)
@given(time=lengths, **blocks)
def test_encoder(name, time, heads, size, activation, first, masked, seed):
    layer = layers.TransformerEncoder(4, heads, None, activation, 1e-3, normalize_first=first)
    module = block(torch.nn.TransformerEncoderLayer, heads, size, activation, first)
    mask = random_mask(BATCH, time, seed) if masked else None

    def run(p, x):
        own = (
            inner(p["self_attention"], "self_attn.")
            | dense(p["intermediate"], "linear1")
            | dense(p["output"], "linear2")
        )
        own |= norm(p["self_attention_norm"], "norm1") | norm(p["feedforward_norm"], "norm2")
        return torch.func.functional_call(module, own, (x,), {"src_key_padding_mask": padding(mask)})

    with jax.enable_x64(name == "float64"):
        compare(layer, run, normal(BATCH, time, heads * size, seed=seed), name, mask)


@pytest.mark.parametrize("name", PRECISIONS)
@settings(max_examples=4)
@given(time=lengths, steps=lengths, **blocks)
def test_decoder(name, time, steps, heads, size, activation, first, masked, seed):
    layer = layers.TransformerDecoder(4, heads, None, activation, 1e-3, normalize_first=first)
    module = block(torch.nn.TransformerDecoderLayer, heads, size, activation, first)
    masks = (random_mask(BATCH, time, seed), random_mask(BATCH, steps, seed + 1)) if masked else (None, None)

    def run(p, x):
        own = inner(p["self_attention"], "self_attn.") | inner(p["cross_attention"], "multihead_attn.")
        own |= dense(p["intermediate"], "linear1") | dense(p["output"], "linear2")
        names = {"self_attention_norm": "norm1", "cross_attention_norm": "norm2", "feedforward_norm": "norm3"}
        for mine, yours in names.items():
            own |= norm(p[mine], yours)
        fields = {"tgt_mask": causal(time)}
        fields |= dict(zip(("tgt_key_padding_mask", "memory_key_padding_mask"), map(padding, masks), strict=True))
        return torch.func.functional_call(module, own, x, fields)

    with jax.enable_x64(name == "float64"):
        n = heads * size
        compare(layer, run, (normal(BATCH, time, n, seed=seed), normal(BATCH, steps, n, seed=seed + 1)), name, masks)


@pytest.mark.parametrize("name", PRECISIONS)
def test_position_embedding(name):
    def run(p, x):
        return x + F.embedding(torch.arange(4), p["embeddings"])

    with jax.enable_x64(name == "float64"):
        compare(layers.PositionEmbedding(6), run, normal(BATCH, 4, 3), name)


def test_half_precision_is_as_near_as_it_gets():
    """The weights and y are rounded, once each; nothing between."""
    q, k, v = (normal(BATCH, 64, 2, 8, seed=i).astype(jnp.bfloat16) for i in range(3))
    exact = F.scaled_dot_product_attention(
        *(torch.tensor(np.asarray(a, np.float64)).transpose(1, 2) for a in (q, k, v))
    )
    y = kernels.attention(q, k, v)
    assert y.dtype == jnp.bfloat16
    close(np.asarray(y, np.float64), exact.transpose(1, 2).numpy(), relative=2**-7)
