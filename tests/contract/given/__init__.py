"""What specs are tried out with, a file for each family: ``FIELDS``, and for layers ``INPUTS``."""

import numpy as np

RNG = np.random.default_rng(0)


def floats(*shape: int) -> np.ndarray:
    """Random numbers, none so close to zero or to another that a kink lies between."""
    return RNG.normal(size=shape)
