"""Augmentations: images of odd whole tones, no two alike: half precision holds them, and no step is near."""

import numpy as np

RNG = np.random.default_rng(1)


def tones(height: int, width: int) -> np.ndarray:
    """Two images of three channels."""
    odd = np.arange(21, 231, 2)
    drawn = [RNG.choice(odd, height * width * 3, replace=False) for _ in range(2)]
    return np.array(drawn, float).reshape(2, height, width, 3)


IMAGES, TALL = tones(5, 4), tones(4, 4)

FIELDS = {
    "layers.AugMix": {"num_chains": 1, "chain_depth": 1, "all_ops": False},  # RandAugment has them all
    "layers.ContrastLimitedAdaptiveHistogramEqualization": {"tile_grid_size": (2, 2)},
    "layers.RandAugment": {"num_ops": 1},
    "layers.RandomBrightness": {"factor": 0.05},
    "layers.RandomColorDegeneration": {"factor": 0.5},
    "layers.RandomColorJitter": {"brightness_factor": 0.05, "hue_factor": 0.2},
    "layers.RandomContrast": {"factor": 0.1},
    "layers.RandomCrop": {"height": 3, "width": 2},
    "layers.RandomHue": {"factor": 0.4},
    "layers.RandomPosterization": {"factor": 4},
    "layers.RandomRotation": {"factor": 0.1},
    "layers.RandomSaturation": {"factor": 0.45},
    "layers.RandomSharpness": {"factor": 0.4},
    "layers.RandomShear": {"x_factor": 0.3, "y_factor": 0.2},
    "layers.RandomTranslation": {"height_factor": 0.3, "width_factor": 0.2},
    "layers.RandomZoom": {"height_factor": 0.3},
}

INPUTS = {
    "layers.AugMix": IMAGES,
    "layers.AutoContrast": IMAGES,
    "layers.ContrastLimitedAdaptiveHistogramEqualization": TALL,
    "layers.Equalization": IMAGES,
    "layers.RandAugment": IMAGES,
    "layers.RandomBrightness": IMAGES,
    "layers.RandomColorDegeneration": IMAGES,
    "layers.RandomColorJitter": IMAGES,
    "layers.RandomContrast": IMAGES,
    "layers.RandomCrop": IMAGES,
    "layers.RandomElasticTransform": IMAGES,
    "layers.RandomErasing": IMAGES,
    "layers.RandomFlip": IMAGES,
    "layers.RandomGaussianBlur": IMAGES,
    "layers.RandomGrayscale": IMAGES,
    "layers.RandomHue": IMAGES,
    "layers.RandomInvert": IMAGES,
    "layers.RandomPerspective": IMAGES,
    "layers.RandomPosterization": IMAGES,
    "layers.RandomRotation": IMAGES,
    "layers.RandomSaturation": IMAGES,
    "layers.RandomSharpness": IMAGES,
    "layers.RandomShear": IMAGES,
    "layers.RandomTranslation": IMAGES,
    "layers.RandomZoom": IMAGES,
    "layers.Solarization": IMAGES,
}
