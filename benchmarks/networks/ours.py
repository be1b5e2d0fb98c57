"""The networks in liuli."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import liuli as ll
from liuli import layers

_ENDS = {"classes": "softmax", "chance": "sigmoid"}


def mlp(sizes: Sequence[int], hidden: str, end: str) -> ll.Graph:
    inside = [layers.Dense(units, hidden) for units in sizes[1:-1]]
    return ll.Sequential([*inside, layers.Dense(sizes[-1], _ENDS.get(end, end))])


def cnn(shape: tuple[int, int, int], filters: Sequence[int], dense: int) -> ll.Graph:
    pieces = [piece for wide in filters for piece in (_conv(wide, "relu"), layers.MaxPooling2D())]
    return ll.Sequential([*pieces, layers.Flatten(), layers.Dense(dense, "relu"), layers.Dense(10, "softmax")])


def residual(shape: tuple[int, int, int], widths: Sequence[int], blocks: int) -> ll.Graph:
    x = ll.Input(shape)
    h = layers.Activation("relu")(_normalized(x, widths[0]))
    for stage, wide in enumerate(widths):
        for block in range(blocks):
            h = _block(h, wide, narrowing=stage > 0 and block == 0)
    return ll.Graph(x, layers.Dense(10, "softmax")(layers.GlobalAveragePooling2D()(h)))


def separable(shape: tuple[int, int, int], stem: int, stages: Sequence[tuple[int, int]]) -> ll.Graph:
    pieces = [layers.SeparableConv2D(w, 3, strides=s, padding="same", activation="relu") for w, s in stages]
    end = [layers.GlobalAveragePooling2D(), layers.Dense(10, "softmax")]
    return ll.Sequential([_conv(stem, "relu"), *pieces, *end])


def recurrent(cell: str, steps: int, features: int, units: int) -> ll.Graph:
    kind = {"lstm": layers.LSTM, "gru": layers.GRU}[cell]
    return ll.Sequential([kind(units), layers.Dense(10, "softmax")])


def transformer(vocabulary: int, length: int, size: int, heads: int, blocks: int) -> ll.Graph:
    start = [layers.Embedding(vocabulary, size), layers.PositionEmbedding(length)]
    inside = [layers.TransformerDecoder(4 * size, heads, normalize_first=True) for _ in range(blocks)]
    return ll.Sequential([*start, *inside, layers.Dense(vocabulary, "softmax")])


def words(vocabulary: int, size: int) -> ll.Graph:
    return ll.Sequential([layers.EmbeddingBag(vocabulary, size), layers.Dense(10, "softmax")])


def _conv(wide: int, activation: str) -> layers.Layer:
    return layers.Conv2D(wide, 3, padding="same", activation=activation)


def _normalized(x: Any, wide: int, size: int = 3, strides: int = 1) -> Any:
    h = layers.Conv2D(wide, size, strides=strides, padding="same", use_bias=False)(x)
    return layers.BatchNormalization(momentum=0.9)(h)


def _block(x: Any, wide: int, narrowing: bool) -> Any:
    """relu(x + conv(relu(conv(x)))), where narrowing halves height and width."""
    h = layers.Activation("relu")(_normalized(x, wide, strides=2 if narrowing else 1))
    shortcut = _normalized(x, wide, size=1, strides=2) if narrowing else x
    return layers.Activation("relu")(layers.Add()([shortcut, _normalized(h, wide)]))
