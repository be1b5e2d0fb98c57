"""Activations: the non-linear functions between layers."""

from liuli.activations import base, distributions, rectifiers, saturating
from liuli.activations.base import *
from liuli.activations.distributions import *
from liuli.activations.rectifiers import *
from liuli.activations.saturating import *

__all__: list[str] = []
__all__ += base.__all__
__all__ += distributions.__all__
__all__ += rectifiers.__all__
__all__ += saturating.__all__
