"""Attention maps: the weights that the trace has, of every layer with attention."""

import numpy as np
import pytest
from matplotlib.figure import Figure

import liuli as ll
from liuli import layers
from liuli.inspect.seeing import attention_maps, plot_attention

X = np.random.default_rng(0).normal(size=(3, 5, 4))


def model_of(*hidden):
    return ll.Model(ll.Sequential([*hidden, layers.GlobalAveragePooling1D(), layers.Dense(1)]), loss="mse")


def test_the_weights_of_every_layer():
    model = model_of(layers.MultiHeadAttention(2, 3, use_causal_mask=True), layers.Attention())
    found = attention_maps(model, X)
    t = ll.inspect.trace(model, X, np.zeros((3, 1)))
    assert list(found.maps) == ["multi_head_attention_1/weights", "attention_1/weights"]
    heads, alone = found.maps.values()
    np.testing.assert_allclose(heads, t["multi_head_attention_1/weights"].value, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(alone[:, 0], t["attention_1/weights"].value, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(heads.sum(-1), 1.0, rtol=1e-5)
    np.testing.assert_array_equal(np.triu(heads[0, 0], 1), 0.0)  # nobody looks ahead
    tokens = list("abcde")
    ax = plot_attention(found, "multi_head_attention_1/weights", row=2, tokens=tokens, ax=Figure().subplots())
    np.testing.assert_array_equal(ax.images[1].get_array(), heads[2, 1])
    assert [text.get_text() for text in ax.texts].count("a") == 3  # of queries once, of keys once for each head


def test_a_block_has_attention_within():
    found = attention_maps(model_of(layers.TransformerEncoder(8, 2)), X)
    assert [maps.shape for maps in found.maps.values()] == [(3, 2, 5, 5)]
    assert plot_attention(found, ax=Figure().subplots(), language="zh").get_xlabel() == "键：被关注的位置"


def test_what_cannot_be_shown_is_refused():
    with pytest.raises(ll.LiuliError, match="without attention"):
        attention_maps(model_of(layers.Dense(3)), X)
    found = attention_maps(model_of(layers.Attention()), X)
    with pytest.raises(ll.LiuliError, match="2 for 5 steps"):
        plot_attention(found, tokens=["a", "b"])
    with pytest.raises(ll.LiuliError, match="0 to 2"):
        plot_attention(found, row=3)
    with pytest.raises(ll.LiuliError, match="attention_1/weights"):
        plot_attention(found, at="attention_2/weights")
