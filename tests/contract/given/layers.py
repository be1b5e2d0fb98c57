"""Layers of the first hour."""

from tests.contract.given import floats

FIELDS = {
    "layers.Rescaling": {"scale": 0.5},
    "layers.Part": {"index": 1},
    "layers.Reshape": {"target_shape": (2, 3)},
}

INPUTS = {
    "layers.Part": (floats(4, 6), floats(4, 2)),
}
