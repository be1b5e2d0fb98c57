"""Attention: layers in which every step of a sequence looks at all steps of a sequence."""

from liuli.layers.attention import blocks, multi_head, positions, reversible_embedding, single_head
from liuli.layers.attention.blocks import *
from liuli.layers.attention.multi_head import *
from liuli.layers.attention.positions import *
from liuli.layers.attention.reversible_embedding import *
from liuli.layers.attention.single_head import *

__all__: list[str] = []
__all__ += blocks.__all__
__all__ += multi_head.__all__
__all__ += positions.__all__
__all__ += reversible_embedding.__all__
__all__ += single_head.__all__
