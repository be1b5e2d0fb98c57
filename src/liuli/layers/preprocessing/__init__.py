"""Preprocessing: numbers, categories, text, sound and images made ready for a network. Nothing in it is trained."""

from liuli.layers.preprocessing import categories, hashing, images, lookup, scaling, sound, text
from liuli.layers.preprocessing.categories import *
from liuli.layers.preprocessing.hashing import *
from liuli.layers.preprocessing.images import *
from liuli.layers.preprocessing.lookup import *
from liuli.layers.preprocessing.scaling import *
from liuli.layers.preprocessing.sound import *
from liuli.layers.preprocessing.text import *

__all__: list[str] = []
__all__ += categories.__all__
__all__ += hashing.__all__
__all__ += images.__all__
__all__ += lookup.__all__
__all__ += scaling.__all__
__all__ += sound.__all__
__all__ += text.__all__
