"""Layers of space with their options, side by side in one network: every line is equal to the trace."""

import numpy as np
import pytest

import liuli as ll
from liuli import layers as L
from tests.inspect.derivation.checking import checked

RNG = np.random.default_rng(0)
SEQUENCES, IMAGES, VOLUMES = RNG.normal(size=(3, 7, 4)), RNG.normal(size=(2, 7, 6, 4)), RNG.normal(size=(2, 5, 4, 3, 2))
COLOURS = RNG.uniform(0, 255, size=(3, 6, 8, 3))
COLOURS[0, 0, 0], COLOURS[1, :2], COLOURS[2, :, :, 1] = 0, 255, 7  # both ends of the range, a channel of one value

OF_SEQUENCES = [
    [L.Conv1D(4, 3, 2, "causal", groups=2, activation="relu"), L.MaxPooling1D(2, 3, "same")],
    [L.Conv1D(4, 3, dilation_rate=2, padding="causal"), L.AveragePooling1D(3, 2, "same"), L.UpSampling1D(3),
     L.Cropping1D((2, 1)), L.ZeroPadding1D((1, 0))],
    [L.Conv1DTranspose(3, 2, 3, dilation_rate=2), L.Conv1DTranspose(2, 3, 2, "same", output_padding=1),
     L.AdaptiveAveragePooling1D(4)],
    [L.DepthwiseConv1D(3, padding="causal", dilation_rate=2), L.SeparableConv1D(3, 2, strides=2)],
    [L.LocallyConnected1D(3, 2, 2), L.GlobalMaxPooling1D(), L.RepeatVector(3)],
]  # fmt: skip
OF_IMAGES = [
    [L.Conv2DTranspose(3, (3, 2), (2, 3), "same", activation="tanh"), L.AveragePooling2D((2, 3), (1, 2), "same"),
     L.AdaptiveMaxPooling2D((3, 4))],
    [L.Conv2DTranspose(3, (3, 2), (2, 1), output_padding=(1, 0)), L.AdaptiveAveragePooling2D((5, 3)),
     L.GlobalMaxPooling2D()],
    [L.DepthwiseConv2D((2, 3), 2, "same", depth_multiplier=2, activation="gelu"),
     L.SeparableConv2D(3, 2, depth_multiplier=2, dilation_rate=2, padding="same")],
    [L.LocallyConnected2D(3, (2, 3), (1, 2), "same", activation="relu"), L.GlobalAveragePooling2D(keepdims=True)],
    [L.Permute((3, 1, 2)), L.Permute((2, 3, 1)), L.PixelShuffle(2), L.PixelUnshuffle(2), L.UpSampling2D((2, 1))],
    [L.ZeroPadding2D(((1, 2), (0, 1))), L.Cropping2D(((0, 2), (1, 0)))],
]  # fmt: skip
OF_SIZES = [
    *([L.UpSampling2D((2, 3), kind), L.Resizing(5, 4, kind, antialias=True), L.Resizing(3, 7, kind)]
      for kind in ("bilinear", "bicubic", "lanczos5")),
    [L.Resizing(3, 5, "nearest"), L.Resizing(4, 3, crop_to_aspect_ratio=True),
     L.Resizing(5, 9, pad_to_aspect_ratio=True, fill_value=2.0), L.CenterCrop(4, 4), L.CenterCrop(6, 3)],
]  # fmt: skip
OF_VOLUMES = [
    [L.Conv3D(3, (2, 1, 2), (1, 2, 1), "same", use_bias=False), L.MaxPooling3D((2, 1, 1), padding="same"),
     L.UpSampling3D((1, 2, 1)), L.GlobalMaxPooling3D(keepdims=True)],
    [L.Conv3DTranspose(2, 2, (1, 2, 1), "same"), L.AdaptiveMaxPooling3D(2)],
]  # fmt: skip
MOVED = [
    L.RandomFlip(), L.RandomCrop(4, 3), L.RandomRotation(0.1), L.RandomTranslation(0.3, 0.2, fill_mode="wrap"),
    L.RandomRotation(0.1, fill_mode="constant", fill_value=3.0, interpolation="nearest"),
    L.RandomZoom(0.3, 0.4, fill_mode="nearest"), L.RandomShear(0.3, 0.2), L.RandomErasing(0.8),
    L.RandomErasing(fill_value=2.0),
]  # fmt: skip
TONED = [
    L.RandomBrightness(0.4), L.RandomContrast(0.5), L.RandomGrayscale(), L.RandomColorDegeneration(0.7),
    L.RandomInvert(0.5), L.Solarization(0.3, (0.3, 0.6)), L.Solarization(), L.RandomPosterization(3), L.AutoContrast(),
    L.Equalization(bins=16), L.RandomSharpness(0.9), L.RandomGaussianBlur(0.7, (3, 5), 1.5), L.RandomHue(0.2),
]  # fmt: skip
SPECTRA = [
    *([L.STFTSpectrogram(mode, frame_length=6)] for mode in ("log", "real", "angle")),
    [L.STFTSpectrogram("magnitude", frame_length=6, padding="same")],
    [L.STFTSpectrogram("psd", frame_length=6, expand_dims=True)],
    [L.STFTSpectrogram("imag", frame_length=6, window=None, frame_step=2)],
    [L.STFTSpectrogram("stft", frame_length=6, fft_length=10, padding="same", scaling="spectrum")],
]  # fmt: skip


def side_by_side(x, stacks, training=False, before=()):
    """The derivation of a network with a branch for each stack."""
    start = value = ll.Input(x.shape[1:], "int32") if x.dtype.kind == "i" else ll.Input(x.shape[1:])
    for layer in before:
        value = layer(value)
    rows = []
    for stack in stacks:
        branch = value
        for layer in stack:
            branch = layer(branch)
        rows.append(L.Flatten()(branch))
    net = ll.Graph(start, L.Dense(2)(L.Concatenate()(rows) if len(rows) > 1 else rows[0]))
    return checked(net, "mse", x, np.ones((len(x), 2)), training, precision="float64")


@pytest.mark.parametrize(
    ("x", "stacks"),
    [(SEQUENCES, OF_SEQUENCES), (IMAGES, OF_IMAGES), (IMAGES, OF_SIZES), (VOLUMES, OF_VOLUMES),
     (RNG.normal(size=(2, 19, 2)), SPECTRA)],
    ids=["sequences", "images", "sizes", "volumes", "spectra"],
)  # fmt: skip
def test_options(x, stacks):
    side_by_side(x, stacks)


def test_masked_steps():
    x = SEQUENCES.copy()
    x[0, 4:] = x[1, :2] = x[2] = 0
    stacks = [
        [L.MaxPooling1D(2, 1), L.GlobalMaxPooling1D()],
        [L.AveragePooling1D(3, 2, "same"), L.GlobalAveragePooling1D()],
    ]
    text = str(side_by_side(x, stacks, before=[L.Masking()]))
    assert "a₂ = max_(p: m = 1) a₁[i + p]" in text


@pytest.mark.parametrize("kinds", [MOVED, TONED], ids=["moved", "toned"])
def test_augmentation_as_drawn(kinds):
    text = str(side_by_side(COLOURS, [[layer] for layer in kinds], training=True))
    assert "drawn" in text


def test_mel_spectrograms():
    kinds = [L.MelSpectrogram(8, 3, num_mel_bins=3, top_db=6.0), L.MelSpectrogram(8, 3, num_mel_bins=3, mag_exp=1.0),
             L.MelSpectrogram(8, 3, num_mel_bins=3, power_to_db=False, sequence_length=6)]  # fmt: skip
    side_by_side(RNG.normal(size=(2, 30)), [[layer] for layer in kinds])


def test_categories():
    kinds = [L.CategoryEncoding(5, mode) for mode in ("multi_hot", "count", "one_hot")]
    kinds += [
        L.IntegerLookup(vocabulary=(4, 1, 0)),
        L.IntegerLookup(vocabulary=(4, 1, 0), output_mode="tf_idf", idf_weights=(0.5, 0.25, 2.0)),
    ]
    stacks = [[kind, L.Flatten(), L.Rescaling(1.0)] for kind in kinds]
    text = str(side_by_side(RNG.integers(0, 6, size=(3, 4)), stacks))
    assert "Σⱼ [x = k]ⱼ" in text and "∂L/∂x" not in text
    bins = [
        [L.Discretization((-0.5, 0.25, 1.0), output_mode=m), L.Flatten(), L.Rescaling(1.0)] for m in ("int", "count")
    ]
    assert "∂L/∂x = 0 " in str(side_by_side(RNG.normal(size=(3, 4)), bins))


def test_hashes():
    ids = RNG.integers(0, 6, size=(3, 4))
    assert "murmur(x) mod 7" in str(side_by_side(ids, [[L.Hashing(7, output_mode="multi_hot")]]))


def test_weighted_categories():
    ids, weights = ll.Input((4,), "int32"), ll.Input((4,))
    net = ll.Graph([ids, weights], L.Dense(2)(L.CategoryEncoding(5, "count")([ids, weights])))
    x = RNG.integers(0, 5, size=(3, 4)), RNG.normal(size=(3, 4))
    text = str(checked(net, "mse", x, np.ones((3, 2)), precision="float64"))
    assert "a₁ = Σⱼ x₂[j] [x₁[j] = k]" in text and "∂L/∂x₂ = ∂L/∂a₁[x₁[j]]" in text


def test_text_becomes_numbers_before_the_network():
    net = ll.Sequential([L.TextVectorization(vocabulary=("red", "green"), output_mode="count"), L.Dense(1)])
    found = checked(net, "mse", np.array([["red red"], ["green"]]), np.ones((2, 1)))
    assert "a₁ = x" in str(found) and "where: x = TextVectorization(text)" in str(found)


def test_formulas_of_convolutions():
    net = ll.Sequential([L.Conv2D(2, 2, (2, 1), "same", dilation_rate=1), L.Flatten(), L.Dense(1)])
    text = str(checked(net, "mse", IMAGES, np.ones((2, 1))))
    for line in (
        "z₁ = Σₚ x[s i + p] W₁[p] + b₁", "where: s = (2, 1)", "∂L/∂W₁ = Σᵢ x[s i + p]ᵀ ∂L/∂z₁[i]",
        "∂L/∂x = Σ_(i, p: s i + p = j) ∂L/∂z₁[i] W₁[p]ᵀ", "∂L/∂b₁ = Σ ∂L/∂z₁",
    ):  # fmt: skip
        assert line in text
