"""Augmentations: images of tones between 20 and 230, away from both ends of the range."""

from tests.contract.given import RNG

IMAGES = RNG.uniform(20.0, 230.0, size=(2, 5, 4, 3))
TALL = RNG.uniform(20.0, 230.0, size=(2, 4, 4, 3))

FIELDS = {
    "layers.ContrastLimitedAdaptiveHistogramEqualization": {"tile_grid_size": (2, 2)},
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
