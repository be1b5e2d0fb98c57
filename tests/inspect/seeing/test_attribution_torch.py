"""Saliency, integrated gradients and Grad-CAM beside PyTorch's autograd, on the same weights."""

import numpy as np
import pytest

import liuli as ll
from liuli import layers
from liuli.inspect.seeing import grad_cam, integrated_gradients, saliency

torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
pytestmark = pytest.mark.oracle
F = torch.nn.functional

RNG = np.random.default_rng(0)
IMAGES, LABELS = RNG.normal(size=(4, 7, 6, 2)).astype(np.float32), np.array([0, 2, 1, 2])


@pytest.fixture(scope="module")
def model():
    net = [layers.Conv2D(4, 3, activation="relu"), layers.Conv2D(5, (2, 3), padding="same"), layers.ReLU()]
    net = ll.Sequential([ll.Input((7, 6, 2)), *net, layers.Flatten(), layers.Dense(3, "softmax")])
    return ll.Model(net, loss="categorical_crossentropy")


def theirs(model, x):
    """The maps of the last convolution and the logits, of a tensor (batch, height, width, channels)."""
    w = {name: {k: torch.tensor(np.asarray(v)) for k, v in own.items()} for name, own in model.params.items()}
    first, last, dense = w["conv2d_1"], w["conv2d_2"], w["dense_1"]
    h = F.relu(F.conv2d(x.permute(0, 3, 1, 2), first["kernel"].permute(3, 2, 0, 1), first["bias"]))
    h = F.pad(h, (1, 1, 0, 1))  # what is even is padded more at its end
    maps = F.conv2d(h, last["kernel"].permute(3, 2, 0, 1), last["bias"])
    flat = F.relu(maps).permute(0, 2, 3, 1).reshape(len(x), -1)
    return maps, flat @ dense["kernel"] + dense["bias"]


def near(got, want):
    np.testing.assert_allclose(got, want, rtol=0, atol=2e-5 * np.abs(want).max())


@pytest.mark.parametrize("of", ["score", "output", "loss"])
def test_saliency(model, of):
    x = torch.tensor(IMAGES, requires_grad=True)
    logits = theirs(model, x)[1]
    chosen = logits.argmax(1)
    if of == "loss":
        each = F.cross_entropy(logits, torch.tensor(LABELS), reduction="none")
    else:
        each = (logits if of == "score" else F.softmax(logits, 1))[torch.arange(4), chosen]
    each.sum().backward()
    found = saliency(model, IMAGES, LABELS if of == "loss" else None, of=of)
    near(found.scores, each.detach().numpy())
    near(found.values, x.grad.numpy())


def test_integrated_gradients(model):
    places, weights = np.polynomial.legendre.leggauss(20)
    total = np.zeros_like(IMAGES)
    for place, weight in zip((places + 1) / 2, weights / 2, strict=True):
        x = torch.tensor((0.5 + place * (IMAGES - 0.5)).astype(np.float32), requires_grad=True)
        theirs(model, x)[1][:, 1].sum().backward()
        total += weight * x.grad.numpy()
    found = integrated_gradients(model, IMAGES, target=1, baseline=0.5, steps=20)
    near(found.values, (IMAGES - 0.5) * total)


def test_grad_cam(model):
    maps, logits = theirs(model, torch.tensor(IMAGES))
    maps = maps.detach().requires_grad_(True)
    dense = {k: torch.tensor(np.asarray(v)) for k, v in model.params["dense_1"].items()}
    scores = F.relu(maps).permute(0, 2, 3, 1).reshape(4, -1) @ dense["kernel"] + dense["bias"]
    scores[torch.arange(4), torch.tensor(LABELS)].sum().backward()
    alpha = maps.grad.mean((2, 3))
    heat = F.relu((alpha[:, :, None, None] * maps).sum(1)).detach()
    found = grad_cam(model, IMAGES, target=LABELS)
    assert found.at == "conv2d_2/y"
    near(found.weights, alpha.numpy())
    near(found.maps, heat.numpy())
    near(found.heat, F.interpolate(heat[:, None], (7, 6), mode="bilinear", align_corners=False)[:, 0].numpy())
    near(found.scores, logits[torch.arange(4), torch.tensor(LABELS)].numpy())
