"""Convolutional layers: the same small kernel at every place of a sequence, an image or a volume."""

from liuli.layers.convolution import depthwise, lstm, plain, transposed, unshared
from liuli.layers.convolution.depthwise import *
from liuli.layers.convolution.lstm import *
from liuli.layers.convolution.plain import *
from liuli.layers.convolution.transposed import *
from liuli.layers.convolution.unshared import *

__all__: list[str] = []
__all__ += depthwise.__all__
__all__ += lstm.__all__
__all__ += plain.__all__
__all__ += transposed.__all__
__all__ += unshared.__all__
