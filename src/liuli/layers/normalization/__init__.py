"""Normalizations: values, or the weights before them, brought to a standard size."""

from liuli.layers.normalization import batch, group, layer, unit, weight
from liuli.layers.normalization.batch import *
from liuli.layers.normalization.group import *
from liuli.layers.normalization.layer import *
from liuli.layers.normalization.unit import *
from liuli.layers.normalization.weight import *

__all__: list[str] = []
__all__ += batch.__all__
__all__ += group.__all__
__all__ += layer.__all__
__all__ += unit.__all__
__all__ += weight.__all__
