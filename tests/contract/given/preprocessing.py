"""Preprocessing: numbers, categories, text, sound and images; and the initializers that come with them."""

import numpy as np

from tests.contract.given import RNG, floats

WORDS = ("red", "green", "blue")
INTEGERS = RNG.integers(0, 5, size=(4, 6))

FIELDS = {
    "initializers.Sparse": {"sparsity": 0.5},
    "layers.CategoryEncoding": {"num_tokens": 5},
    "layers.CenterCrop": {"height": 3, "width": 2},
    "layers.Discretization": {"bin_boundaries": (-0.5, 0.25, 1.0), "output_mode": "count"},
    "layers.HashedCrossing": {"num_bins": 7, "output_mode": "one_hot"},
    "layers.Hashing": {"num_bins": 7, "output_mode": "multi_hot"},
    "layers.IntegerLookup": {"vocabulary": (4, 1, 0), "idf_weights": (0.5, 0.25, 2.0), "output_mode": "tf_idf"},
    "layers.MelSpectrogram": {"fft_length": 8, "sequence_stride": 3, "num_mel_bins": 2, "top_db": 6.0},
    "layers.Resizing": {"height": 3, "width": 5, "pad_to_aspect_ratio": True},
    "layers.STFTSpectrogram": {"frame_length": 4},
    "layers.StringLookup": {"vocabulary": WORDS},
    "layers.TextVectorization": {"vocabulary": WORDS},
}

INPUTS = {
    "layers.CategoryEncoding": INTEGERS,
    "layers.CenterCrop": floats(2, 5, 4, 2),
    "layers.HashedCrossing": (INTEGERS, np.flip(INTEGERS, 1)),
    "layers.Hashing": INTEGERS,
    "layers.IntegerLookup": INTEGERS,
    "layers.MelSpectrogram": floats(2, 12),
    "layers.Resizing": floats(2, 4, 3, 2),
    "layers.STFTSpectrogram": floats(2, 9, 2),
}
