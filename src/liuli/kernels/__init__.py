"""Kernels: one name for an operation, its lowering chosen for the backend inside. Layers never ask where they run."""

from liuli.kernels.convolution import conv2d
from liuli.kernels.pooling import average_pool2d, max_pool2d

__all__ = ["average_pool2d", "conv2d", "max_pool2d"]
