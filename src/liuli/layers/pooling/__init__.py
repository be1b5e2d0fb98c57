"""Pooling: space made smaller, by windows that slide, by bins of which there are so many, or all at once."""

from liuli.layers.pooling import adaptive, whole, windows
from liuli.layers.pooling.adaptive import *
from liuli.layers.pooling.whole import *
from liuli.layers.pooling.windows import *

__all__: list[str] = []
__all__ += adaptive.__all__
__all__ += whole.__all__
__all__ += windows.__all__
