"""Attention, positions and the blocks of transformers."""

from liuli import layers
from tests.contract.given import RNG, floats

ROTARY = {"rotary": layers.RotaryEmbedding()}  # without it the gradient of a key's bias is 0 but for rounding

FIELDS = {
    "layers.AdditiveAttention": {"dropout": 0.3},
    "layers.Attention": {"use_scale": True, "dropout": 0.3},
    "layers.GroupedQueryAttention": {
        "head_dim": 2,
        "num_query_heads": 4,
        "num_key_value_heads": 2,
        "use_causal_mask": True,
        **ROTARY,
    },
    "layers.MultiHeadAttention": {
        "num_heads": 2,
        "key_dim": 2,
        "value_dim": 3,
        "dropout": 0.3,
        "use_gate": True,
        **ROTARY,
    },
    "layers.PositionEmbedding": {"sequence_length": 5},
    "layers.ReversibleEmbedding": {"input_dim": 5, "output_dim": 3},
    "layers.TransformerDecoder": {"intermediate_dim": 3, "num_heads": 2, "normalize_first": True, **ROTARY},
    "layers.TransformerEncoder": {
        "intermediate_dim": 3,
        "num_heads": 2,
        "dropout": 0.3,
        "activation": "tanh",
        **ROTARY,
    },
}

INPUTS = {
    "layers.AdditiveAttention": (floats(2, 3, 4), floats(2, 4, 4)),
    "layers.Attention": (floats(2, 3, 4), floats(2, 4, 2), floats(2, 4, 4)),
    "layers.GroupedQueryAttention": floats(2, 3, 4),
    "layers.MultiHeadAttention": (floats(2, 3, 4), floats(2, 4, 2)),
    "layers.PositionEmbedding": floats(2, 3, 4),
    "layers.ReversibleEmbedding": RNG.integers(0, 5, size=(4, 6)),
    "layers.RotaryEmbedding": floats(2, 3, 2, 4),
    "layers.SinusoidalPositionalEncoding": floats(2, 3, 4),
    "layers.TransformerDecoder": floats(2, 3, 4),
    "layers.TransformerEncoder": floats(2, 3, 4),
}
