"""Activations: the non-linear functions between layers."""

from liuli.activations import base, distributions, gated, rectifiers, saturating, shrinking
from liuli.activations.base import *
from liuli.activations.distributions import *
from liuli.activations.gated import *
from liuli.activations.rectifiers import *
from liuli.activations.saturating import *
from liuli.activations.shrinking import *

__all__: list[str] = []
__all__ += base.__all__
__all__ += distributions.__all__
__all__ += gated.__all__
__all__ += rectifiers.__all__
__all__ += saturating.__all__
__all__ += shrinking.__all__
