"""Padding, resampling, shapes and the small layers that leave them."""

from tests.contract.given import floats
from tests.contract.given.pooling import SPACE

KINDS = ["Cropping", "UpSampling", "ZeroPadding"]

FIELDS = {
    "layers.Cropping3D": {"cropping": ((0, 1), (1, 0), (0, 0))},
    "layers.Lambda": {"function": "sin"},
    "layers.Permute": {"dims": (2, 1)},
    "layers.PixelShuffle": {"upscale_factor": 2},
    "layers.PixelUnshuffle": {"downscale_factor": 2},
    "layers.RepeatVector": {"n": 3},
}

INPUTS = {f"layers.{kind}{rank}": x for kind in KINDS for rank, x in SPACE.items()} | {
    "layers.Masking": floats(4, 3, 2),
    "layers.Permute": floats(4, 3, 2),
    "layers.PixelShuffle": floats(2, 2, 3, 8),
    "layers.PixelUnshuffle": floats(2, 2, 4, 3),
}
