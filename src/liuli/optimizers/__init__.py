"""Optimizers: how a gradient becomes an update. Optax does the arithmetic; every number is a dial.

w <- w - rate * (direction(clip(g)) + weight_decay * w)
"""

from liuli.optimizers import adam, adaptive, base, descent, layerwise, second_order, wrappers
from liuli.optimizers.adam import *
from liuli.optimizers.adaptive import *
from liuli.optimizers.base import *
from liuli.optimizers.descent import *
from liuli.optimizers.layerwise import *
from liuli.optimizers.second_order import *
from liuli.optimizers.wrappers import *

__all__: list[str] = []
__all__ += adam.__all__
__all__ += adaptive.__all__
__all__ += base.__all__
__all__ += descent.__all__
__all__ += layerwise.__all__
__all__ += second_order.__all__
__all__ += wrappers.__all__
