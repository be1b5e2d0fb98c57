"""Convolutional layers."""

from tests.contract.given import floats

FIELDS = {
    "layers.Conv1D": {"filters": 4, "kernel_size": 2, "padding": "causal", "groups": 2},
    "layers.Conv1DTranspose": {"filters": 2, "kernel_size": 3, "strides": 2},
    "layers.Conv2D": {"filters": 3, "kernel_size": (3, 2)},
    "layers.Conv2DTranspose": {"filters": 2, "kernel_size": (3, 2), "strides": 2, "padding": "same"},
    "layers.Conv3D": {"filters": 2, "kernel_size": (1, 2, 2)},
    "layers.Conv3DTranspose": {"filters": 2, "kernel_size": 2, "strides": (1, 2, 1), "padding": "same"},
    "layers.ConvLSTM1D": {"filters": 2, "kernel_size": 2, "return_sequences": True},
    "layers.ConvLSTM2D": {"filters": 2, "kernel_size": 2},
    "layers.ConvLSTM3D": {"filters": 1, "kernel_size": (1, 2, 2), "padding": "same"},
    "layers.DepthwiseConv1D": {"kernel_size": 3, "padding": "same", "depth_multiplier": 2},
    "layers.DepthwiseConv2D": {"kernel_size": (2, 3), "depth_multiplier": 2},
    "layers.LocallyConnected1D": {"filters": 2, "kernel_size": 2},
    "layers.LocallyConnected2D": {"filters": 2, "kernel_size": 2, "strides": (1, 2), "padding": "same"},
    "layers.SeparableConv1D": {"filters": 3, "kernel_size": 2, "padding": "causal"},
    "layers.SeparableConv2D": {"filters": 3, "kernel_size": 2, "depth_multiplier": 2},
}

INPUTS = {
    "layers.Conv1D": floats(2, 5, 4),
    "layers.Conv1DTranspose": floats(2, 4, 3),
    "layers.Conv2D": floats(2, 5, 4, 2),
    "layers.Conv2DTranspose": floats(2, 3, 2, 2),
    "layers.Conv3D": floats(2, 2, 3, 3, 2),
    "layers.Conv3DTranspose": floats(2, 2, 2, 2, 2),
    "layers.ConvLSTM1D": floats(2, 3, 4, 2),
    "layers.ConvLSTM2D": floats(2, 3, 3, 3, 1),
    "layers.ConvLSTM3D": floats(2, 2, 2, 2, 2, 1),
    "layers.DepthwiseConv1D": floats(2, 5, 2),
    "layers.DepthwiseConv2D": floats(2, 3, 4, 2),
    "layers.LocallyConnected1D": floats(2, 4, 2),
    "layers.LocallyConnected2D": floats(2, 3, 3, 2),
    "layers.SeparableConv1D": floats(2, 5, 2),
    "layers.SeparableConv2D": floats(2, 3, 4, 2),
}
