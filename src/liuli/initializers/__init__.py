"""Initializers: how weights start. W ~ a distribution whose scale follows the shape of W.

A kernel's last two axes are (inputs, outputs); axes before them are its receptive field.
"""

from liuli.initializers import base, constant, matrices, random, scaled, spectral
from liuli.initializers.base import *
from liuli.initializers.constant import *
from liuli.initializers.matrices import *
from liuli.initializers.random import *
from liuli.initializers.scaled import *
from liuli.initializers.spectral import *

__all__: list[str] = []
__all__ += base.__all__
__all__ += constant.__all__
__all__ += matrices.__all__
__all__ += random.__all__
__all__ += scaled.__all__
__all__ += spectral.__all__
