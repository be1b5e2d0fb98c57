"""What all augmentations keep: one draw an image, the same for the same key; in use, the images as they are."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import liuli as ll
from liuli import layers
from liuli.core.errors import DataError, LiuliError, ShapeError, SpecError
from liuli.layers import Context
from tests.layers.augmentation.looking import changed, images, in_use

RANDOM = [
    layers.AugMix(),
    layers.RandAugment(),
    layers.RandomBrightness(0.3),
    layers.RandomColorDegeneration(0.8),
    layers.RandomColorJitter(brightness_factor=0.2, contrast_factor=0.3, saturation_factor=0.8, hue_factor=0.3),
    layers.RandomContrast(0.5),
    layers.RandomCrop(7, 6),
    layers.RandomElasticTransform(),
    layers.RandomErasing(),
    layers.RandomFlip(),
    layers.RandomGaussianBlur(sigma=2.0),
    layers.RandomGrayscale(),
    layers.RandomHue(0.5),
    layers.RandomInvert(0.5),
    layers.RandomPerspective(scale=0.3),
    layers.RandomRotation(0.2),
    layers.RandomSaturation(0.9),
    layers.RandomSharpness(0.9),
    layers.RandomShear(0.3, 0.3),
    layers.RandomTranslation(0.3, 0.3),
    layers.RandomZoom(0.3),
    layers.Solarization(0.3, 0.9),
]
SAME_IN_USE = [layer for layer in RANDOM if not isinstance(layer, layers.RandomCrop)]


def named(made):
    return type(made).__name__


@pytest.mark.parametrize("layer", RANDOM, ids=named)
def test_every_image_has_a_draw_of_its_own(layer):
    x = np.repeat(images(1), 8, axis=0)
    y = changed(layer, x)
    assert any(not np.array_equal(y[0], other) for other in y[1:])


@pytest.mark.parametrize("layer", RANDOM, ids=named)
def test_the_key_decides(layer):
    x = images(8)
    np.testing.assert_array_equal(changed(layer, x, seed=1), changed(layer, x, seed=1))
    assert not np.array_equal(changed(layer, x, seed=1), changed(layer, x, seed=2))


@pytest.mark.parametrize("layer", RANDOM, ids=named)
def test_values_stay_in_their_range(layer):
    y = changed(layer, images(8))
    assert y.min() >= -1e-3
    assert y.max() <= 255.001


@pytest.mark.parametrize("layer", SAME_IN_USE, ids=named)
def test_in_use_images_stay_as_they_are(layer):
    np.testing.assert_array_equal(in_use(layer, images()), images())


@pytest.mark.parametrize("layer", [layers.RandomFlip(), layers.RandAugment()], ids=named)
def test_training_needs_a_key(layer):
    with pytest.raises(LiuliError, match="without a random key"):
        layer.apply({}, {}, jnp.asarray(images()), Context(training=True))


def test_only_images():
    with pytest.raises(ShapeError, match="height, width, channels"):
        layers.RandomFlip().init(jax.random.key(0), jax.ShapeDtypeStruct((2, 5, 3), jnp.float32))
    with pytest.raises(ShapeError, match="images of 3 channels"):
        layers.RandomHue(0.1).init(jax.random.key(0), jax.ShapeDtypeStruct((2, 5, 5, 1), jnp.float32))
    with pytest.raises(ShapeError, match="at least 9 x 9"):
        layers.RandomCrop(9, 9).init(jax.random.key(0), jax.ShapeDtypeStruct((2, 8, 9, 3), jnp.float32))
    with pytest.raises(SpecError, match="at most 1"):
        layers.RandomHue(1.5)


def test_brightness_is_drawn_evenly():
    x = np.full((2000, 2, 2, 1), 127.5, np.float32)
    added = (changed(layers.RandomBrightness(0.2), x)[:, 0, 0, 0] - 127.5) / 255
    assert stats.kstest(added, stats.uniform(-0.2, 0.4).cdf).pvalue > 1e-3


def test_contrast_is_drawn_evenly():
    x = np.tile(np.array([100.0, 150.0], np.float32).reshape(1, 1, 2, 1), (2000, 1, 1, 1))
    spread = np.diff(changed(layers.RandomContrast((0.4, 0.2)), x)[:, 0, :, 0])[:, 0] / 50
    assert stats.kstest(spread, stats.uniform(0.6, 0.6).cdf).pvalue > 1e-3


@pytest.mark.parametrize(("mode", "ways"), [("horizontal", 2), ("vertical", 2), ("horizontal_and_vertical", 4)])
def test_every_mirror_is_equally_likely(mode, ways):
    x = np.tile(np.arange(4.0, dtype=np.float32).reshape(1, 2, 2, 1), (2000, 1, 1, 1))
    counts = np.unique(changed(layers.RandomFlip(mode), x).reshape(2000, 4), axis=0, return_counts=True)[1]
    assert len(counts) == ways
    assert stats.chisquare(counts).pvalue > 1e-3


def test_shares_of_images_that_are_changed():
    x = images(1000, 4, 4)
    for layer, share in ((layers.RandomGrayscale(0.3), 0.3), (layers.RandomInvert(0.7), 0.7)):
        moved = np.abs(changed(layer, x) - x).max((1, 2, 3)) > 0
        assert stats.binomtest(int(moved.sum()), 1000, share).pvalue > 1e-3


def test_crop_shows_a_part_and_the_middle_in_use():
    x = images(64, 6, 5)
    layer = layers.RandomCrop(4, 3)
    parts = [[x[:, i : i + 4, j : j + 3] for j in range(3)] for i in range(3)]
    y, seen = changed(layer, x), set()
    for n in range(64):
        seen |= {(i, j) for i in range(3) for j in range(3) if np.array_equal(y[n], parts[i][j][n])}
    assert len(seen) == 9
    np.testing.assert_array_equal(in_use(layer, x), parts[1][1])


def test_erasing_hides_a_share():
    x = np.zeros((500, 40, 40, 1), np.float32)
    hidden = (changed(layers.RandomErasing(fill_value=255.0, scale=(0.1, 0.2)), x) > 0).mean((1, 2, 3))
    assert 0.08 < hidden.min() < hidden.max() < 0.22
    noise = changed(layers.RandomErasing(scale=(1.0, 1.0)), np.full((20, 30, 30, 1), -1.0, np.float32))
    assert stats.kstest(noise[noise >= 0], stats.uniform(0, 255).cdf).pvalue > 1e-4


def test_no_strength_changes_nothing():
    x = images(8)
    for layer in (
        layers.RandomElasticTransform(scale=0.0),
        layers.RandomPerspective(scale=0.0),
        layers.RandomRotation(0.0),
        layers.RandomZoom(0.0),
        layers.RandomSharpness((0.5, 0.5)),
        layers.RandomSaturation((0.5, 0.5)),
        layers.RandomHue(0.0),
    ):
        np.testing.assert_allclose(changed(layer, x), x, atol=2e-3, err_msg=named(layer))


def test_augmentations_train_in_a_network():
    x, y = images(32, 8, 8), np.arange(32) % 2
    net = ll.Sequential(
        [layers.RandomFlip(), layers.RandomTranslation(0.1, 0.1), layers.Flatten(), layers.Dense(2, "softmax")]
    )
    model = ll.Model(net, loss="categorical_crossentropy", seed=0)
    history = model.fit(x / 255, y, epochs=3, verbose=0)
    assert np.isfinite(history["loss"]).all()


class TestMixing:
    x = images(64, 8, 8)
    y = np.eye(64, dtype=np.float32)

    def test_mixup_is_the_mean_of_two_samples(self):
        x, y = layers.MixUp(1.0).mix(jnp.asarray(self.x), jnp.asarray(self.y), jax.random.key(0))
        np.testing.assert_allclose(y.sum(1), 1.0, rtol=1e-6)
        assert ((np.asarray(y) > 0).sum(1) <= 2).all()
        np.testing.assert_allclose(x, np.tensordot(y, self.x, 1), rtol=1e-4, atol=1e-3)

    def test_mixup_draws_from_beta(self):
        y = jnp.asarray(np.eye(3000, dtype=np.float32))
        _, mixed = layers.MixUp(0.4).mix(y, y, jax.random.key(3))
        share = np.asarray(mixed)[np.arange(3000), np.arange(3000)]
        assert stats.kstest(share[share < 1], stats.beta(0.4, 0.4).cdf).pvalue > 1e-3

    def test_cutmix_weighs_targets_by_area(self):
        x, y = layers.CutMix().mix(jnp.asarray(self.x), jnp.asarray(self.y), jax.random.key(0))
        own = (np.asarray(x) == self.x).all(-1).mean((1, 2))
        kept = np.asarray(y)[np.arange(64), np.arange(64)]
        np.testing.assert_allclose(kept, own, atol=1e-6)
        assert kept.std() > 0.1

    def test_labels_have_no_mean(self):
        with pytest.raises(DataError, match="one-hot"):
            layers.MixUp().mix(jnp.asarray(self.x), jnp.arange(64), jax.random.key(0))
