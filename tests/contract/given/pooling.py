"""Pooling."""

from tests.contract.given import floats

SEQUENCE, IMAGE, VOLUME = floats(2, 5, 3), floats(2, 5, 4, 3), floats(2, 3, 4, 2, 2)
SPACE = {"1D": SEQUENCE, "2D": IMAGE, "3D": VOLUME}
KINDS = ["Average", "Max", "GlobalAverage", "GlobalMax", "AdaptiveAverage", "AdaptiveMax"]

FIELDS = {
    "layers.AdaptiveAveragePooling1D": {"output_size": 3},
    "layers.AdaptiveAveragePooling2D": {"output_size": (3, 2)},
    "layers.AdaptiveAveragePooling3D": {"output_size": (2, 3, 1)},
    "layers.AdaptiveMaxPooling1D": {"output_size": 3},
    "layers.AdaptiveMaxPooling2D": {"output_size": (3, 2)},
    "layers.AdaptiveMaxPooling3D": {"output_size": (2, 3, 1)},
}

INPUTS = {f"layers.{kind}Pooling{rank}": x for kind in KINDS for rank, x in SPACE.items()}
