"""Layers that make one value of several."""

from tests.contract.given import floats

FIELDS = {"layers.Dot": {"axes": -1, "normalize": True}}

ALIKE = ("Add", "Average", "Dot", "Maximum", "Minimum", "Multiply", "Subtract")
INPUTS = {
    **{f"layers.{name}": (floats(4, 6), floats(4, 6)) for name in ALIKE},
    "layers.Concatenate": (floats(4, 6), floats(4, 2)),
}
