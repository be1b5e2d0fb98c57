"""Augmentations against SciPy, Pillow and colorsys, their draws being fixed; histograms against loops."""

import colorsys

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageOps
from scipy import ndimage

from liuli import layers
from liuli.layers.augmentation.geometry import _projection
from liuli.layers.augmentation.sampling import sample
from tests.layers.augmentation.looking import changed, images, in_use

pytestmark = pytest.mark.oracle
MODES = {"constant": "grid-constant", "nearest": "nearest", "reflect": "reflect", "wrap": "grid-wrap"}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("interpolation", "order"), [("nearest", 0), ("bilinear", 1)])
def test_sampling_is_map_coordinates(mode, interpolation, order):
    image, rng = images(1, 7, 6, 2)[0], np.random.default_rng(1)
    where = rng.uniform(-9, 14, (2, 5, 4)).astype(np.float32)
    got = sample(jnp.asarray(image), tuple(map(jnp.asarray, where)), interpolation, mode, 50.0)
    for channel in range(2):
        wanted = ndimage.map_coordinates(image[..., channel], where, order=order, mode=MODES[mode], cval=50.0)
        np.testing.assert_allclose(got[..., channel], wanted, atol=2e-3)


def affine(x, matrix, shift, mode):
    """Each image of ``x`` looked up at matrix (pixel - centre) + centre + shift."""
    centre = (np.array(x.shape[1:3]) - 1) / 2
    offset = centre - matrix @ centre + shift
    planes = np.moveaxis(x, -1, 1).reshape(-1, *x.shape[1:3])
    moved = [ndimage.affine_transform(p, matrix, offset, order=1, mode=MODES[mode], cval=0.0) for p in planes]
    return np.moveaxis(np.array(moved).reshape(len(x), x.shape[-1], *x.shape[1:3]), 1, -1)


@settings(max_examples=12)
@given(turn=st.floats(-0.5, 0.5), mode=st.sampled_from(sorted(MODES)))
def test_rotation(turn, mode):
    c, s = np.cos(2 * np.pi * turn), np.sin(2 * np.pi * turn)
    wanted = affine(images(), np.array([[c, s], [-s, c]]), 0.0, mode)
    np.testing.assert_allclose(
        changed(layers.RandomRotation((turn, turn), fill_mode=mode), images()), wanted, atol=0.05
    )


def test_rotation_is_counter_clockwise():
    x = images(2, 8, 8)
    np.testing.assert_allclose(changed(layers.RandomRotation((0.25, 0.25)), x), np.rot90(x, 1, (1, 2)), atol=0.02)


@settings(max_examples=10)
@given(down=st.floats(-0.9, 0.9), right=st.floats(-0.9, 0.9), mode=st.sampled_from(sorted(MODES)))
def test_translation(down, right, mode):
    wanted = affine(images(), np.eye(2), -np.array([down * 12, right * 10]), mode)
    layer = layers.RandomTranslation((down, down), (right, right), fill_mode=mode)
    np.testing.assert_allclose(changed(layer, images()), wanted, atol=0.05)


@settings(max_examples=10)
@given(tall=st.floats(-0.8, 1.0), broad=st.none() | st.floats(-0.8, 1.0), mode=st.sampled_from(sorted(MODES)))
def test_zoom(tall, broad, mode):
    wanted = affine(images(), np.diag([1 + tall, 1 + (tall if broad is None else broad)]), 0.0, mode)
    layer = layers.RandomZoom((tall, tall), None if broad is None else (broad, broad), fill_mode=mode)
    np.testing.assert_allclose(changed(layer, images()), wanted, atol=0.05)


@settings(max_examples=10)
@given(across=st.floats(0, 1), down=st.floats(0, 1), mode=st.sampled_from(sorted(MODES)))
def test_shear(across, down, mode):
    wanted = affine(images(), np.array([[1, down * 12 / 10], [across * 10 / 12, 1]]), 0.0, mode)
    layer = layers.RandomShear((across, across), (down, down), fill_mode=mode)
    np.testing.assert_allclose(changed(layer, images()), wanted, atol=0.05)


def test_a_projection_takes_corners_to_corners():
    rng = np.random.default_rng(0)
    at = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]], np.float32) * 5
    to = at + rng.uniform(-2, 2, (4, 2)).astype(np.float32)
    p = np.append(np.asarray(_projection(jnp.asarray(to), jnp.asarray(at))), 1.0).reshape(3, 3)
    found = np.c_[at, np.ones(4)] @ p.T
    np.testing.assert_allclose(found[:, :2] / found[:, 2:], to, atol=1e-4)


@pytest.mark.parametrize(("size", "sigma"), [(3, 1.0), (5, 0.6), (7, 2.5)])
def test_gaussian_blur(size, sigma):
    wanted = ndimage.gaussian_filter(images(), sigma, mode="mirror", radius=(0, size // 2, size // 2, 0), axes=None)
    layer = layers.RandomGaussianBlur(kernel_size=size, sigma=(sigma, sigma))
    np.testing.assert_allclose(changed(layer, images()), wanted, atol=0.01)


def eight_bits():
    return np.random.default_rng(0).integers(0, 256, (2, 12, 10, 3)).astype(np.uint8)


def by_pillow(change):
    return np.stack([np.asarray(change(Image.fromarray(x))) for x in eight_bits()]).astype(np.float32)


@pytest.mark.parametrize(
    ("layer", "change"),
    [
        (layers.RandomGrayscale(1.0), lambda x: x.convert("L").convert("RGB")),
        (layers.RandomColorDegeneration((0.7, 0.7)), lambda x: ImageEnhance.Color(x).enhance(0.3)),
        (layers.RandomSharpness((0.8, 0.8)), lambda x: ImageEnhance.Sharpness(x).enhance(1.6)),
        (layers.RandomSharpness((0.1, 0.1)), lambda x: ImageEnhance.Sharpness(x).enhance(0.2)),
        (layers.RandomInvert(), ImageOps.invert),
        (layers.Solarization(threshold_factor=(0.5, 0.5)), lambda x: ImageOps.solarize(x, 128)),
        (layers.RandomPosterization(3), lambda x: ImageOps.posterize(x, 3)),
        (layers.AutoContrast(), ImageOps.autocontrast),
    ],
)
def test_tones_as_in_pillow(layer, change):
    """Pillow rounds what it blends with to whole tones, and cuts the sum off to whole tones."""
    np.testing.assert_allclose(changed(layer, eight_bits().astype(np.float32)), by_pillow(change), atol=1.5)


def test_posterization_in_another_range():
    x = eight_bits().astype(np.float32) / 255
    got = changed(layers.RandomPosterization(3, value_range=(0.0, 1.0)), x) * 255
    np.testing.assert_allclose(got, by_pillow(lambda x: ImageOps.posterize(x, 3)), atol=1e-3)


def per_pixel(change):
    x = images() / 255
    return np.array([change(*colorsys.rgb_to_hsv(*p)) for p in x.reshape(-1, 3)]).reshape(x.shape) * 255


def test_hue_turns():
    up, down = (per_pixel(lambda h, s, v, t=turn: colorsys.hsv_to_rgb((h + t) % 1, s, v)) for turn in (0.15, -0.15))
    y = changed(layers.RandomHue((0.3, 0.3)), images())
    for got, *ways in zip(y, up, down, strict=True):
        assert min(np.abs(got - way).max() for way in ways) < 0.05


@pytest.mark.parametrize("factor", [0.0, 0.2, 0.7])
def test_saturation(factor):
    wanted = per_pixel(lambda h, s, v: colorsys.hsv_to_rgb(h, min(1.0, s * factor / (1 - factor)), v))
    np.testing.assert_allclose(changed(layers.RandomSaturation((factor, factor)), images()), wanted, atol=0.05)


def test_equalization():
    x = eight_bits()
    wanted = np.empty(x.shape)
    for n, c in np.ndindex(2, 3):
        channel = x[n, :, :, c]
        below = np.array([(channel <= tone).sum() for tone in range(256)])
        first = below[channel.min()]
        wanted[n, :, :, c] = 255 * (below[channel] - first) / (channel.size - first)
    np.testing.assert_allclose(in_use(layers.Equalization(), x.astype(np.float32)), wanted, atol=0.01)


def tables(tile, limit):
    counts = np.bincount(tile.reshape(-1), minlength=256).astype(float)
    kept = np.minimum(counts, max(1.0, limit * tile.size / 256))
    return np.cumsum(kept + (counts - kept).sum() / 256) / tile.size


def test_clahe():
    x = eight_bits()[:, :12, :8, :1]
    layer = layers.ContrastLimitedAdaptiveHistogramEqualization(clip_limit=9.0, tile_grid_size=(3, 2))
    got = in_use(layer, x.astype(np.float32))
    for n in range(2):
        maps = [[tables(x[n, 4 * i : 4 * i + 4, 4 * j : 4 * j + 4, 0], 9.0) for j in range(2)] for i in range(3)]
        for r, c in np.ndindex(12, 8):
            row, column, total = (r + 0.5) / 4 - 0.5, (c + 0.5) / 4 - 0.5, 0.0
            for i in (int(np.floor(row)), int(np.floor(row)) + 1):
                for j in (int(np.floor(column)), int(np.floor(column)) + 1):
                    weight = (1 - abs(row - i)) * (1 - abs(column - j))
                    total += weight * maps[min(max(i, 0), 2)][min(max(j, 0), 1)][x[n, r, c, 0]]
            np.testing.assert_allclose(got[n, r, c, 0], 255 * total, atol=0.05)
