"""Kernels: one name for an operation, its lowering chosen for the backend inside. Layers never ask where they run."""

from liuli.kernels.adam import adam
from liuli.kernels.attention import attention
from liuli.kernels.batch_normalization import batch_normalization
from liuli.kernels.convolution import conv, conv_block, conv_transpose, conv_unshared
from liuli.kernels.gelu import gelu
from liuli.kernels.native import plain, usable
from liuli.kernels.normalization import layer_normalization
from liuli.kernels.pooling import adaptive_average_pool, adaptive_max_pool, average_pool, counted, max_pool
from liuli.kernels.product import product
from liuli.kernels.recurrent import GRU, LSTM, SIMPLE_RNN, CellKind, recurrent
from liuli.kernels.separable import separable_conv
from liuli.kernels.statistics import Summary, lengths, squares, summary
from liuli.kernels.tiny import compiled_whole, fits_whole

__all__ = [
    "GRU",
    "LSTM",
    "SIMPLE_RNN",
    "CellKind",
    "Summary",
    "adam",
    "adaptive_average_pool",
    "adaptive_max_pool",
    "attention",
    "average_pool",
    "batch_normalization",
    "compiled_whole",
    "conv",
    "conv_block",
    "conv_transpose",
    "conv_unshared",
    "counted",
    "fits_whole",
    "gelu",
    "layer_normalization",
    "lengths",
    "max_pool",
    "plain",
    "product",
    "recurrent",
    "separable_conv",
    "squares",
    "summary",
    "usable",
]
