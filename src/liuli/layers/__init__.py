"""Layers: the pieces that networks are built of."""

from liuli.layers import (
    activation,
    attention,
    augmentation,
    base,
    convolution,
    core,
    dense,
    dropout,
    embedding,
    input,
    merging,
    noise,
    normalization,
    padding,
    pooling,
    preprocessing,
    recurrent,
    resampling,
    reshaping,
    ternary,
    wrapping,
)
from liuli.layers.activation import *
from liuli.layers.attention import *
from liuli.layers.augmentation import *
from liuli.layers.base import *
from liuli.layers.convolution import *
from liuli.layers.core import *
from liuli.layers.dense import *
from liuli.layers.dropout import *
from liuli.layers.embedding import *
from liuli.layers.input import *
from liuli.layers.merging import *
from liuli.layers.noise import *
from liuli.layers.normalization import *
from liuli.layers.padding import *
from liuli.layers.pooling import *
from liuli.layers.preprocessing import *
from liuli.layers.recurrent import *
from liuli.layers.resampling import *
from liuli.layers.reshaping import *
from liuli.layers.ternary import *
from liuli.layers.wrapping import *

__all__: list[str] = []
__all__ += activation.__all__
__all__ += attention.__all__
__all__ += augmentation.__all__
__all__ += base.__all__
__all__ += convolution.__all__
__all__ += core.__all__
__all__ += dense.__all__
__all__ += dropout.__all__
__all__ += embedding.__all__
__all__ += input.__all__
__all__ += merging.__all__
__all__ += noise.__all__
__all__ += normalization.__all__
__all__ += padding.__all__
__all__ += pooling.__all__
__all__ += preprocessing.__all__
__all__ += recurrent.__all__
__all__ += resampling.__all__
__all__ += reshaping.__all__
__all__ += ternary.__all__
__all__ += wrapping.__all__
