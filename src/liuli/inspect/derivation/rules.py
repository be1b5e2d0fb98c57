"""The table of rules: a new kind of layer adds one entry."""

from __future__ import annotations

from collections.abc import Callable

from liuli import layers
from liuli.inspect.derivation.call import Call
from liuli.inspect.derivation.dense import activation, dense
from liuli.inspect.derivation.general import general
from liuli.inspect.derivation.images import average_pooling, conv2d, global_average_pooling, max_pooling
from liuli.inspect.derivation.lines import Piece
from liuli.inspect.derivation.normalizing import batch_normalization, layer_normalization
from liuli.inspect.derivation.recurrent import lstm
from liuli.inspect.derivation.simple import add, concatenate, dropout, embedding, normalization, rescaling, reshape

RULES: dict[type[layers.Layer], Callable[[Call], Piece]] = {
    layers.LSTM: lstm,
    layers.Activation: activation,
    layers.Add: add,
    layers.AveragePooling2D: average_pooling,
    layers.BatchNormalization: batch_normalization,
    layers.Concatenate: concatenate,
    layers.Conv2D: conv2d,
    layers.Dense: dense,
    layers.Dropout: dropout,
    layers.Embedding: embedding,
    layers.Flatten: reshape,
    layers.GlobalAveragePooling2D: global_average_pooling,
    layers.LayerNormalization: layer_normalization,
    layers.MaxPooling2D: max_pooling,
    layers.Normalization: normalization,
    layers.Rescaling: rescaling,
    layers.Reshape: reshape,
}


def rule(call: Call) -> Piece:
    """What is known of this call: by the rule of its layer's class, or in general."""
    return RULES.get(type(call.layer), general)(call)
