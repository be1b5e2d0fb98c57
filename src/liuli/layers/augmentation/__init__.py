"""Augmentation: images changed at random while training, within the compiled step."""

from liuli.layers.augmentation import colour, detail, geometry, histograms, mixing, policies, tone
from liuli.layers.augmentation.colour import *
from liuli.layers.augmentation.detail import *
from liuli.layers.augmentation.geometry import *
from liuli.layers.augmentation.histograms import *
from liuli.layers.augmentation.mixing import *
from liuli.layers.augmentation.policies import *
from liuli.layers.augmentation.tone import *

__all__: list[str] = []
__all__ += colour.__all__
__all__ += detail.__all__
__all__ += geometry.__all__
__all__ += histograms.__all__
__all__ += mixing.__all__
__all__ += policies.__all__
__all__ += tone.__all__
