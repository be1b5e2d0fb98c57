"""Layers: the pieces that networks are built of."""

from liuli.layers.activation import Activation
from liuli.layers.base import Context, Layer, Symbol
from liuli.layers.convolution import Conv2D
from liuli.layers.dense import Dense
from liuli.layers.dropout import Dropout
from liuli.layers.embedding import Embedding
from liuli.layers.input import Input, InputLayer
from liuli.layers.merging import Add, Concatenate
from liuli.layers.normalization import BatchNormalization, LayerNormalization
from liuli.layers.pooling import AveragePooling2D, GlobalAveragePooling2D, MaxPooling2D
from liuli.layers.recurrent import LSTM
from liuli.layers.reshaping import Flatten, Reshape
from liuli.layers.scaling import Normalization, Rescaling

__all__ = [
    "LSTM", "Activation", "Add", "AveragePooling2D", "BatchNormalization", "Concatenate", "Context", "Conv2D", "Dense",
    "Dropout", "Embedding", "Flatten", "GlobalAveragePooling2D", "Input", "InputLayer", "Layer", "LayerNormalization",
    "MaxPooling2D", "Normalization", "Rescaling", "Reshape", "Symbol",
]  # fmt: skip
