"""Layers of the first hour."""

from tests.contract.given import RNG, floats

FIELDS = {
    "layers.Activation": {"activation": "leaky_relu"},
    "layers.Conv2D": {"filters": 3, "kernel_size": (3, 2)},
    "layers.Dense": {"units": 3},
    "layers.Dropout": {"rate": 0.3},
    "layers.Embedding": {"input_dim": 5, "output_dim": 3},
    "layers.LSTM": {"units": 3},
    "layers.Rescaling": {"scale": 0.5},
    "layers.Part": {"index": 1},
    "layers.Reshape": {"target_shape": (2, 3)},
}

INPUTS = {
    "layers.Add": (floats(4, 6), floats(4, 6)),
    "layers.AveragePooling2D": floats(2, 5, 4, 3),
    "layers.Concatenate": (floats(4, 6), floats(4, 2)),
    "layers.Conv2D": floats(2, 5, 4, 2),
    "layers.Embedding": RNG.integers(0, 5, size=(4, 6)),
    "layers.GlobalAveragePooling2D": floats(2, 5, 4, 3),
    "layers.LSTM": floats(4, 5, 2),
    "layers.MaxPooling2D": floats(2, 5, 4, 3),
    "layers.Part": (floats(4, 6), floats(4, 2)),
}
