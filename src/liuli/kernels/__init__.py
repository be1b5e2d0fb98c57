"""Kernels: one name for an operation, its lowering chosen for the backend inside. Layers never ask where they run."""

from liuli.kernels.attention import attention
from liuli.kernels.convolution import conv, conv_transpose, conv_unshared
from liuli.kernels.pooling import adaptive_average_pool, adaptive_max_pool, average_pool, counted, max_pool

__all__ = [
    "adaptive_average_pool",
    "adaptive_max_pool",
    "attention",
    "average_pool",
    "conv",
    "conv_transpose",
    "conv_unshared",
    "counted",
    "max_pool",
]
