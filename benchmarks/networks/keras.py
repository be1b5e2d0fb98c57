"""The networks in Keras: logits at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers


def mlp(sizes: Sequence[int], hidden: str, end: str) -> keras.Model:
    last = layers.Dense(sizes[-1], "sigmoid" if end == "sigmoid" else None)
    return keras.Sequential([keras.Input((sizes[0],)), *(layers.Dense(n, hidden) for n in sizes[1:-1]), last])


def cnn(shape: tuple[int, int, int], filters: Sequence[int], dense: int) -> keras.Model:
    pieces = [
        piece
        for wide in filters
        for piece in (layers.Conv2D(wide, 3, padding="same", activation="relu"), layers.MaxPooling2D())
    ]
    end = [layers.Flatten(), layers.Dense(dense, "relu"), layers.Dense(10)]
    return keras.Sequential([keras.Input(shape), *pieces, *end])


def residual(shape: tuple[int, int, int], widths: Sequence[int], blocks: int) -> keras.Model:
    x = keras.Input(shape)
    h = layers.ReLU()(_normalized(x, widths[0]))
    for stage, wide in enumerate(widths):
        for block in range(blocks):
            h = _block(h, wide, narrowing=stage > 0 and block == 0)
    return keras.Model(x, layers.Dense(10)(layers.GlobalAveragePooling2D()(h)))


def recurrent(cell: str, steps: int, features: int, units: int) -> keras.Model:
    kind = {"lstm": layers.LSTM, "gru": layers.GRU}[cell]
    return keras.Sequential([keras.Input((steps, features)), kind(units), layers.Dense(10)])


class Places(layers.Layer):
    """A vector for each place in the sequence, added to what stands there."""

    def build(self, input_shape: Any) -> None:
        self.embeddings = self.add_weight(input_shape[1:], "uniform")

    def call(self, x: Any) -> Any:
        return x + self.embeddings


def transformer(vocabulary: int, length: int, size: int, heads: int, blocks: int) -> keras.Model:
    x = keras.Input((length,), dtype="int32")
    h = Places()(layers.Embedding(vocabulary, size)(x))
    for _ in range(blocks):
        a = layers.LayerNormalization()(h)
        h = h + layers.MultiHeadAttention(heads, size // heads)(a, a, use_causal_mask=True)
        h = h + layers.Dense(size)(layers.Dense(4 * size, "relu")(layers.LayerNormalization()(h)))
    return keras.Model(x, layers.Dense(vocabulary)(h))


def _normalized(x: Any, wide: int, size: int = 3, strides: int = 1) -> Any:
    h = layers.Conv2D(wide, size, strides=strides, padding="same", use_bias=False)(x)
    return layers.BatchNormalization(momentum=0.9)(h)


def _block(x: Any, wide: int, narrowing: bool) -> Any:
    h = layers.ReLU()(_normalized(x, wide, strides=2 if narrowing else 1))
    shortcut = _normalized(x, wide, size=1, strides=2) if narrowing else x
    return layers.ReLU()(layers.Add()([shortcut, _normalized(h, wide)]))
