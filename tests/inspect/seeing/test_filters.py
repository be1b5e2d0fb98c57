"""Kernels and feature maps: the images are the model's own numbers."""

import numpy as np
import pytest
from matplotlib.figure import Figure

import liuli as ll
from liuli import layers
from liuli.inspect.seeing import feature_maps, filters, plot_feature_maps, plot_filters

RNG = np.random.default_rng(0)


def network(channels=1):
    hidden = [layers.Conv2D(4, 3, activation="relu"), layers.Conv2D(5, (2, 3)), layers.Flatten(), layers.Dense(2)]
    return ll.Model(ll.Sequential([ll.Input((8, 8, channels)), *hidden]), loss="mse")


def test_kernels_are_images():
    model = network()
    found = filters(model)
    kernel = np.asarray(model.params["conv2d_1"]["kernel"])
    assert found.path == "conv2d_1/kernel" and found.titles == ("0", "1", "2", "3")
    for i in range(4):
        np.testing.assert_array_equal(found.images[i], kernel[:, :, 0, i])
    deeper = filters(model, "conv2d_2", most=7)
    kernel = np.asarray(model.params["conv2d_2"]["kernel"])
    assert deeper.all == 20 and deeper.titles[5] == "1 ← 1" and deeper.beside == 4
    np.testing.assert_array_equal(deeper.images[5], kernel[:, :, 1, 1])
    colours = filters(network(3))
    assert colours.images.shape == (4, 3, 3, 3)


def test_weights_of_flat_images():
    model = ll.Model(ll.Sequential([ll.Input((12,)), layers.Dense(3)]), loss="mse")
    found = filters(model, image_shape=(3, 4))
    for unit in range(3):
        np.testing.assert_array_equal(found.images[unit].reshape(-1), model.params["dense_1"]["kernel"][:, unit])
    behind = ll.Model(ll.Sequential([ll.Input((3, 4, 1)), layers.Flatten(), layers.Dense(3)]), loss="mse")
    assert filters(behind).images.shape == (3, 3, 4)
    with pytest.raises(ll.LiuliError, match="image_shape"):
        filters(model)
    with pytest.raises(ll.LiuliError, match="dense_1/kernel"):
        filters(model, "conv2d_1")


def test_maps_are_the_trace():
    model, x = network(), RNG.normal(size=(2, 8, 8, 1))
    found = feature_maps(model, x)
    value = ll.inspect.trace(model, x, np.zeros((2, 2)))["conv2d_1/y"].value
    for channel in range(4):
        np.testing.assert_allclose(found.images[channel], value[0, :, :, channel], rtol=1e-5, atol=1e-6)
    with pytest.raises(ll.LiuliError, match="height, width, channels"):
        feature_maps(model, x, "dense_1/y")


def test_figures_hold_the_images():
    model, x = network(), RNG.normal(size=(1, 8, 8, 1))
    found = filters(model)
    ax = plot_filters(found, ax=Figure().subplots())
    assert len(ax.images) == 4 and ax.images[0].norm.vmin == -ax.images[0].norm.vmax
    np.testing.assert_array_equal(ax.images[2].get_array(), found.images[2])
    assert ax.collections, "negative weights are hatched"
    ax = plot_feature_maps(feature_maps(model, x, "conv2d_2/y", most=3), ax=Figure().subplots(), language="zh")
    assert ax.get_xlabel() == "前 3 个，共 5 个"
    assert plot_filters(filters(network(3))).images[0].get_array().shape == (3, 3, 3)


def test_sequences_are_one_image():
    model = ll.Model(ll.Sequential([layers.Conv1D(6, 3), layers.Flatten(), layers.Dense(1)]), loss="mse")
    maps = feature_maps(model, RNG.normal(size=(1, 9, 2)))
    assert maps.images.shape == (1, 6, 7)
    assert plot_feature_maps(maps).get_xlabel() == "time step"
    assert filters(model).images.shape == (6, 3, 2)
