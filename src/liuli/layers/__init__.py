"""Layers: the pieces that networks are built of."""

from liuli.layers import (
    activation,
    base,
    convolution,
    dense,
    dropout,
    embedding,
    input,
    merging,
    normalization,
    pooling,
    recurrent,
    reshaping,
    scaling,
)
from liuli.layers.activation import *
from liuli.layers.base import *
from liuli.layers.convolution import *
from liuli.layers.dense import *
from liuli.layers.dropout import *
from liuli.layers.embedding import *
from liuli.layers.input import *
from liuli.layers.merging import *
from liuli.layers.normalization import *
from liuli.layers.pooling import *
from liuli.layers.recurrent import *
from liuli.layers.reshaping import *
from liuli.layers.scaling import *

__all__: list[str] = []
__all__ += activation.__all__
__all__ += base.__all__
__all__ += convolution.__all__
__all__ += dense.__all__
__all__ += dropout.__all__
__all__ += embedding.__all__
__all__ += input.__all__
__all__ += merging.__all__
__all__ += normalization.__all__
__all__ += pooling.__all__
__all__ += recurrent.__all__
__all__ += reshaping.__all__
__all__ += scaling.__all__
