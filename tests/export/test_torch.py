"""Weights from PyTorch: the same predictions afterwards, whatever the layer."""

import numpy as np
import pytest

import liuli as ll
from liuli import layers
from liuli.core.errors import LiuliError, ShapeError
from liuli.export import weights_from_torch

torch = pytest.importorskip("torch")
nn = torch.nn
pytestmark = pytest.mark.oracle


def random(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def moved(module):
    """``module`` in inference, none of its weights and statistics at their start."""
    generator = torch.Generator().manual_seed(1)
    for tensor in [*module.parameters(), *module.buffers()]:
        if tensor.is_floating_point():
            tensor.data.uniform_(0.1, 0.9, generator=generator)
    return module.eval()


def agree(net, module, x, channels_first=False):
    """Both give the same answers for ``x``, channels last on our side."""
    model = ll.Model(ll.Sequential(net), loss="mse").build(x.shape[1:], dtypes=[x.dtype])
    assert weights_from_torch(model, moved(module)) is model
    theirs = module(torch.tensor(np.moveaxis(x, -1, 1).copy() if channels_first else x)).detach().numpy()
    theirs = np.moveaxis(theirs, 1, -1) if channels_first and theirs.ndim == x.ndim else theirs
    np.testing.assert_allclose(model.predict(x), theirs, rtol=2e-5, atol=2e-5)


def test_dense_and_batch_normalization():
    net = [layers.Dense(5, "relu"), layers.BatchNormalization(epsilon=1e-5), layers.Dense(3, use_bias=False)]
    agree(net, nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.BatchNorm1d(5), nn.Linear(5, 3, bias=False)), random(6, 4))


def test_convolution_flatten_dense():
    """Flattened channels first there and channels last here: the kernel behind is reordered."""
    net = [layers.Conv2D(3, (3, 2), activation="relu"), layers.MaxPooling2D(2), layers.Flatten(), layers.Dense(4)]
    other = [nn.Conv2d(2, 3, (3, 2)), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(3 * 3 * 3, 4)]
    agree(net, nn.Sequential(*other), random(5, 8, 7, 2), channels_first=True)


def test_grouped_and_dilated():
    net = [layers.Conv2D(4, 3, dilation_rate=2, groups=2)]
    agree(net, nn.Conv2d(6, 4, 3, dilation=2, groups=2), random(2, 8, 7, 6), channels_first=True)


def test_layer_normalization_and_embedding():
    net = [layers.Embedding(7, 4), layers.LayerNormalization(epsilon=1e-5)]
    x = np.random.default_rng(0).integers(0, 7, (3, 5)).astype(np.int32)
    agree(net, nn.Sequential(nn.Embedding(7, 4), nn.LayerNorm(4)), x)


class Only(nn.Module):
    """The first of the values that a module returns."""

    def __init__(self, module, call):
        super().__init__()
        self.module, self.call = module, call

    def forward(self, x):
        return self.call(self.module, x)[0]


@pytest.mark.parametrize(("kind", "layer"), [(nn.RNN, layers.SimpleRNN), (nn.LSTM, layers.LSTM), (nn.GRU, layers.GRU)])
@pytest.mark.parametrize("both", [False, True])
def test_recurrent(kind, layer, both):
    mine = layer(4, return_sequences=True)
    theirs = Only(kind(3, 4, batch_first=True, bidirectional=both), lambda module, x: module(x))
    agree([layers.Bidirectional(mine) if both else mine], theirs, random(2, 5, 3))


def test_attention():
    theirs = Only(nn.MultiheadAttention(6, 2, batch_first=True), lambda module, x: module(x, x, x))
    agree([layers.MultiHeadAttention(2, 3)], theirs, random(2, 5, 6))


def test_depthwise_and_transposed():
    net = [layers.DepthwiseConv2D(3, depth_multiplier=2), layers.Conv2DTranspose(3, 2, strides=2)]
    theirs = nn.Sequential(nn.Conv2d(4, 8, 3, groups=4), nn.ConvTranspose2d(8, 3, 2, stride=2))
    agree(net, theirs, random(2, 7, 6, 4), channels_first=True)


def test_other_normalizations():
    agree([layers.RMSNormalization(epsilon=1e-6)], nn.RMSNorm(5, eps=1e-6), random(3, 5))
    net, theirs = [layers.GroupNormalization(2, epsilon=1e-5)], nn.GroupNorm(2, 6)
    agree(net, theirs, random(2, 4, 3, 6), channels_first=True)


def test_networks_within_networks():
    x = ll.Input((4,))
    block = ll.Graph(x, layers.Dense(4, "tanh")(x))
    net = [block, layers.Dense(2)]
    agree(net, nn.Sequential(nn.Sequential(nn.Linear(4, 4), nn.Tanh()), nn.Linear(4, 2)), random(3, 4))


def test_another_number_of_layers():
    model = ll.Model(ll.Sequential([layers.Dense(3), layers.Dense(2)]), loss="mse").build((4,))
    with pytest.raises(LiuliError, match=r"got 1 layers with weights.*expected 2: dense_1, dense_2"):
        weights_from_torch(model, nn.Linear(4, 3))


def test_another_shape_changes_nothing():
    model = ll.Model(ll.Sequential([layers.Dense(3), layers.Dense(2)]), loss="mse").build((4,))
    before = np.asarray(model.params["dense_1"]["kernel"])
    with pytest.raises(ShapeError, match=r"dense_2.*got kernel \(3, 5\)"):
        weights_from_torch(model, nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 5)))
    np.testing.assert_array_equal(model.params["dense_1"]["kernel"], before)


def test_a_module_that_is_not_known():
    class Mine(nn.Module):
        def __init__(self):
            super().__init__()
            self.own = nn.Parameter(torch.zeros(2))

    model = ll.Model(ll.Sequential([layers.Dense(3)]), loss="mse").build((4,))
    with pytest.raises(LiuliError, match=r"a torch\.nn\.Mine"):
        weights_from_torch(model, Mine())
