"""Losses and their gradients against PyTorch: both forms, targets of every form, weights, reductions, long tails."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from liuli import losses

torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
pytestmark = pytest.mark.oracle
F = torch.nn.functional

TOLERANCE = {"float32": 2e-6, "float64": 1e-13}
RNG = np.random.default_rng(0)
N, CLASSES = 6, 4
LABELS = RNG.integers(0, CLASSES, N)
WEIGHT = RNG.random(N) * 2


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    with jax.enable_x64(request.param == "float64"):
        yield request.param


def softmax(z):
    return torch.softmax(z, -1)


def agrees(loss, y, pred, each, dtype):
    """``loss`` is the weighted mean or sum of ``each``, PyTorch's loss of a sample, in value and gradient."""
    for reduction in ("mean", "sum"):
        for weight in (None, WEIGHT):
            theirs = torch.tensor(pred.astype(dtype), requires_grad=True)
            want = each(theirs) if weight is None else each(theirs) * torch.tensor(weight.astype(dtype))
            want = want.mean() if reduction == "mean" else want.sum()
            want.backward()
            mine = loss.replace(reduction=reduction)
            w = None if weight is None else jnp.asarray(weight, dtype)
            f = jax.jit(jax.value_and_grad(lambda p, mine=mine, w=w: mine(jnp.asarray(y), p, w)))
            value, gradient = f(jnp.asarray(pred, dtype))
            assert (value.shape, value.dtype, gradient.dtype) == ((), dtype, dtype)
            tolerance = TOLERANCE[dtype]
            np.testing.assert_allclose(value, want.item(), rtol=tolerance)
            scale = float(np.abs(theirs.grad.numpy()).max())
            np.testing.assert_allclose(gradient, theirs.grad.numpy(), rtol=0, atol=tolerance * scale)


def regression(dtype, shape=(N, 3)):
    y = RNG.normal(size=shape).astype(dtype)
    return y, y + RNG.normal(size=shape) * 2


def over_features(each):
    return each.flatten(1).mean(1) if each.ndim > 1 else each


@pytest.mark.parametrize("shape", [(N,), (N, 1), (N, 3), (N, 2, 3)])
def test_regression(dtype, shape):
    y, p = regression(dtype, shape)
    target = torch.tensor(y)
    squared = losses.MeanSquaredError()
    agrees(squared, y, p, lambda p: over_features(F.mse_loss(p, target, reduction="none")), dtype)
    agrees(squared.replace(factor=0.5), y, p, lambda p: over_features((p - target) ** 2) / 2, dtype)
    agrees(losses.MeanAbsoluteError(), y, p, lambda p: over_features(F.l1_loss(p, target, reduction="none")), dtype)
    for delta in (0.3, 1.0, 5.0):
        each = lambda p, d=delta: over_features(F.huber_loss(p, target, reduction="none", delta=d))  # noqa: E731
        agrees(losses.Huber(delta), y, p, each, dtype)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("form", ["labels", "one-hot", "soft"])
def test_categorical(dtype, smoothing, form):
    z = RNG.normal(size=(N, CLASSES)) * 3
    soft = RNG.dirichlet(np.ones(CLASSES), N)
    y = {"labels": LABELS, "one-hot": np.eye(CLASSES)[LABELS], "soft": soft}[form]
    y = y if form == "labels" else y.astype(dtype)
    target = torch.tensor(y)

    def each(z):
        return F.cross_entropy(z, target, reduction="none", label_smoothing=smoothing)

    loss = losses.CategoricalCrossentropy(label_smoothing=smoothing)
    agrees(loss.replace(from_logits=True), y, z, each, dtype)
    p = softmax(torch.tensor(z)).numpy()
    spread = torch.tensor(np.eye(CLASSES)[LABELS] if form == "labels" else y).to(getattr(torch, dtype))
    spread = (1 - smoothing) * spread + smoothing / CLASSES
    agrees(loss, y, p, lambda p: -(spread * torch.log(p)).sum(1), dtype)


def test_sparse(dtype):
    z = RNG.normal(size=(N, CLASSES)) * 3
    target = torch.tensor(LABELS)
    loss = losses.SparseCategoricalCrossentropy()
    agrees(loss.replace(from_logits=True), LABELS, z, lambda z: F.cross_entropy(z, target, reduction="none"), dtype)
    p = softmax(torch.tensor(z)).numpy()
    agrees(loss, LABELS, p, lambda p: F.nll_loss(torch.log(p), target, reduction="none"), dtype)


def test_sequences(dtype):
    y, z = RNG.integers(0, CLASSES, (N, 5)), RNG.normal(size=(N, 5, CLASSES))
    target = torch.tensor(y)

    def each(z):
        return F.cross_entropy(z.transpose(1, 2), target, reduction="none").mean(1)

    agrees(losses.SparseCategoricalCrossentropy(from_logits=True), y, z, each, dtype)
    agrees(losses.CategoricalCrossentropy(from_logits=True), y, z, each, dtype)
    agrees(losses.CategoricalCrossentropy(from_logits=True), np.eye(CLASSES, dtype=dtype)[y], z, each, dtype)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("shape", [(N,), (N, 1), (N, 3)])
def test_binary(dtype, smoothing, shape):
    y, z = RNG.integers(0, 2, shape), RNG.normal(size=shape) * 3
    target = torch.tensor(y.astype(dtype)) * (1 - smoothing) + smoothing / 2
    loss = losses.BinaryCrossentropy(label_smoothing=smoothing)
    logits, p = F.binary_cross_entropy_with_logits, 1 / (1 + np.exp(-z))
    agrees(loss.replace(from_logits=True), y, z, lambda z: over_features(logits(z, target, reduction="none")), dtype)
    each = F.binary_cross_entropy
    agrees(loss, y.astype(dtype), p, lambda p: over_features(each(p, target, reduction="none")), dtype)


@pytest.mark.parametrize("size", [30.0, 200.0, 1e4])
def test_logits_far_out(dtype, size):
    """Where the probability is 0 or 1 in the floats, the loss from logits and its gradient are still right."""
    z = np.array([size, -size, size, -size, 0.0, 1.0])
    y = np.array([0, 1, 1, 0, 1, 0])
    target = torch.tensor(y.astype(dtype))
    binary = losses.BinaryCrossentropy(from_logits=True)
    agrees(binary, y, z, lambda z: F.binary_cross_entropy_with_logits(z, target, reduction="none"), dtype)
    pair = np.stack([np.zeros(6), z], axis=1)
    categorical = losses.CategoricalCrossentropy(from_logits=True)
    agrees(categorical, y, pair, lambda z: F.cross_entropy(z, torch.tensor(y), reduction="none"), dtype)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_certain_probabilities_stay_finite(dtype):
    p = jnp.asarray([[0.0, 1.0], [1.0, 0.0]], dtype)
    for loss, y in [
        (losses.BinaryCrossentropy(), jnp.asarray([[0, 1], [0, 1]])),
        (losses.CategoricalCrossentropy(), jnp.asarray([1, 1])),
        (losses.SparseCategoricalCrossentropy(), jnp.asarray([1, 1])),
    ]:
        right, wrong = loss.per_sample(y, p)
        assert right.dtype == dtype
        assert abs(right) < 1e-3
        np.testing.assert_allclose(wrong.astype(float), -np.log(1e-7), rtol=0.02)
