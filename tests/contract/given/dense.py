"""Dense layers, activations and embeddings."""

from tests.contract.given import RNG, floats

FIELDS = {
    "layers.Activation": {"activation": "celu"},
    "layers.Bilinear": {"units": 2},
    "layers.Dense": {"units": 3},
    "layers.EinsumDense": {"equation": "abc,cde->abde", "output_shape": (None, 2, 2), "bias_axes": "de"},
    "layers.Embedding": {"input_dim": 5, "output_dim": 3},
    "layers.EmbeddingBag": {"input_dim": 5, "output_dim": 3},
    "layers.Maxout": {"units": 3},
    "layers.TernaryDense": {"units": 3},
}

STRAIGHT_THROUGH = {"layers.TernaryDense": {"kernel"}}  # parameters whose gradient is no derivative

INPUTS = {
    "layers.Bilinear": (floats(4, 3), floats(4, 2)),
    "layers.EinsumDense": floats(2, 3, 4),
    "layers.Embedding": RNG.integers(0, 5, size=(4, 6)),
    "layers.EmbeddingBag": RNG.integers(0, 5, size=(4, 6)),
}
