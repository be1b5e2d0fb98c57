"""Weights from Keras: the same predictions afterwards, whatever the layer."""

import numpy as np
import pytest

import liuli as ll
from liuli import layers
from liuli.core.errors import LiuliError
from liuli.export import weights_from_keras
from tests.oracles.keras_oracle import keras, relaxed

pytestmark = pytest.mark.oracle


def random(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def moved(model):
    rng = np.random.default_rng(1)
    for weight in model.weights:
        if "seed" not in weight.path:
            weight.assign(rng.uniform(0.1, 0.9, weight.shape))
    return model


def agree(net, other, x):
    """Both give the same answers for ``x``."""
    model = ll.Model(ll.Sequential(net), loss="mse").build(x.shape[1:], dtypes=[x.dtype])
    with relaxed():
        theirs = moved(keras.Sequential([keras.Input(x.shape[1:], dtype=x.dtype.name), *other]))
    assert weights_from_keras(model, theirs) is model
    with relaxed():
        expected = np.asarray(theirs(x))
    np.testing.assert_allclose(model.predict(x), expected, rtol=2e-5, atol=2e-5)


def test_an_image_network():
    net = [layers.Conv2D(3, 3, activation="relu"), layers.BatchNormalization(), layers.Flatten(), layers.Dense(4)]
    other = [
        keras.layers.Conv2D(3, 3, activation="relu"),
        keras.layers.BatchNormalization(),
        keras.layers.Flatten(),
        keras.layers.Dense(4),
    ]
    agree(net, other, random(2, 7, 6, 2))


def test_a_recurrent_network():
    net = [layers.LSTM(3, return_sequences=True), layers.LSTM(4), layers.Dense(2)]
    other = [keras.layers.LSTM(3, return_sequences=True), keras.layers.LSTM(4), keras.layers.Dense(2)]
    agree(net, other, random(3, 5, 2))


def test_both_directions_and_gates():
    net = [layers.Bidirectional(layers.GRU(3, return_sequences=True)), layers.SimpleRNN(2)]
    k = keras.layers
    agree(net, [k.Bidirectional(k.GRU(3, return_sequences=True)), k.SimpleRNN(2)], random(3, 5, 2))


def test_attention():
    x = random(2, 5, 6)
    model = ll.Model(ll.Sequential([layers.MultiHeadAttention(2, 3)]), loss="mse").build((5, 6))
    with relaxed():
        start = keras.Input((5, 6))
        theirs = moved(keras.Model(start, keras.layers.MultiHeadAttention(2, 3)(start, start)))
        expected = np.asarray(theirs(x))
    np.testing.assert_allclose(weights_from_keras(model, theirs).predict(x), expected, rtol=2e-5, atol=2e-5)


def test_another_kind_of_layer():
    model = ll.Model(ll.Sequential([layers.LayerNormalization()]), loss="mse").build((4,))
    with pytest.raises(LiuliError, match=r"layer_normalization_1.*expected .*gamma"):
        weights_from_keras(model, moved(keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])))
