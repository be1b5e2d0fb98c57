"""Normalizations, dropout and noise."""

from liuli import layers
from tests.contract.given import floats

FIELDS = {
    "layers.AlphaDropout": {"rate": 0.3},
    "layers.CosineNormalization": {"units": 3},
    "layers.Dropout": {"rate": 0.3},
    "layers.GaussianDropout": {"rate": 0.3},
    "layers.GaussianNoise": {"stddev": 0.3},
    "layers.GroupNormalization": {"groups": 3},
    "layers.SpatialDropout1D": {"rate": 0.3},
    "layers.SpatialDropout2D": {"rate": 0.3},
    "layers.SpatialDropout3D": {"rate": 0.3},
    # u follows the kernel all the way: the derivative, which takes u as a constant, is then that of the whole
    "layers.SpectralNormalization": {"layer": layers.Dense(3), "power_iterations": 80},
    "layers.WeightNormalization": {"layer": layers.Dense(3)},
}

INPUTS = {
    "layers.InstanceNormalization": floats(2, 4, 3),
    "layers.SpatialDropout1D": floats(2, 3, 4),
    "layers.SpatialDropout2D": floats(2, 2, 2, 3),
    "layers.SpatialDropout3D": floats(2, 2, 1, 2, 3),
}
