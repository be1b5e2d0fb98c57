"""Losses and their gradients against PyTorch: both forms, targets of every form, weights, reductions, long tails."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from liuli import losses
from tests.oracles.torch_losses import TOLERANCE, agrees, torch

pytestmark = pytest.mark.oracle
F = torch.nn.functional

RNG = np.random.default_rng(0)
N, CLASSES = 6, 4
LABELS = RNG.integers(0, CLASSES, N)


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    with jax.enable_x64(request.param == "float64"):
        yield request.param


def softmax(z):
    return torch.softmax(z, -1)


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


def test_negative_log_likelihood(dtype):
    log_p = F.log_softmax(torch.tensor(RNG.normal(size=(N, CLASSES)) * 3), 1).numpy()
    each = lambda s: F.nll_loss(s, torch.tensor(LABELS), reduction="none")  # noqa: E731
    agrees(losses.NegativeLogLikelihood(), LABELS, log_p, each, dtype)
    agrees(losses.NegativeLogLikelihood(), np.eye(CLASSES, dtype=dtype)[LABELS], log_p, each, dtype)


@pytest.mark.parametrize("ignored", [2, -1, 255])
def test_a_class_that_is_ignored(dtype, ignored):
    y, z = RNG.integers(0, CLASSES, (N, 5)), RNG.normal(size=(N, 5, CLASSES))
    y[:, 1], y[2], y[y == 2] = ignored, ignored, ignored
    counted = torch.tensor((y != ignored).sum(1).clip(1))
    loss, target = losses.SparseCategoricalCrossentropy(ignored, from_logits=True), torch.tensor(y)

    def each(z):
        return F.cross_entropy(z.transpose(1, 2), target, ignore_index=ignored, reduction="none").sum(1) / counted

    agrees(loss, y, z, each, dtype)
    first = lambda z: F.cross_entropy(z, target[:, 0], ignore_index=ignored, reduction="none")  # noqa: E731
    agrees(loss, y[:, 0], z[:, 0], first, dtype)


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
        right, wrong = jax.jit(loss.per_sample)(y, p)
        assert right.dtype == dtype
        assert abs(right) < 1e-3
        np.testing.assert_allclose(wrong.astype(float), -np.log(1e-7), rtol=0.02)


@pytest.mark.parametrize("shape", [(N,), (N, 2, 3)])
def test_more_regression(dtype, shape):
    y, p = regression(dtype, shape)
    target = torch.tensor(y)
    for beta in (0.0, 0.3, 5.0):
        each = lambda p, b=beta: over_features(F.smooth_l1_loss(p, target, reduction="none", beta=b))  # noqa: E731
        agrees(losses.SmoothL1(beta), y, p, each, dtype)
    agrees(losses.LogCosh(), y, p, lambda p: over_features(torch.log(torch.cosh(p - target))), dtype)
    percent = lambda p: over_features(100 * (p - target).abs() / target.abs())  # noqa: E731
    agrees(losses.MeanAbsolutePercentageError(), y, p, percent, dtype)
    y, p = np.abs(y), np.abs(p)
    target = torch.tensor(y)
    squared = lambda p: over_features((torch.log1p(p) - torch.log1p(target)) ** 2)  # noqa: E731
    agrees(losses.MeanSquaredLogarithmicError(), y, p, squared, dtype)


@pytest.mark.parametrize("q", [0.0, 0.1, 0.5, 0.9])
def test_quantile(dtype, q):
    y, p = regression(dtype)
    above = lambda p: torch.tensor(y) - p  # noqa: E731
    agrees(losses.Quantile(q), y, p, lambda p: torch.maximum(q * above(p), (q - 1) * above(p)).mean(1), dtype)


@jax.jit
@jax.value_and_grad
def log_cosh(p):
    return losses.LogCosh()(jnp.zeros(1), p[None])


@pytest.mark.parametrize("r", [0.0, 1e-5, 1e-2, 0.999, 1.001, 30.0, 1e4])
def test_log_cosh_keeps_its_digits_near_zero_and_far_out(dtype, r):
    value, slope = log_cosh(np.asarray(r, dtype))
    small = np.log1p(2 * np.sinh(min(r, 1.0) / 2) ** 2)
    want = small if r < 1 else r + np.log1p(np.exp(-2 * r)) - np.log(2)
    np.testing.assert_allclose(value, want, rtol=TOLERANCE[dtype])
    np.testing.assert_allclose(slope, np.tanh(r), rtol=TOLERANCE[dtype])


@pytest.mark.parametrize("labels", ["signs", "bits"])
@pytest.mark.parametrize("shape", [(N,), (N, 3)])
def test_hinges(dtype, labels, shape):
    y, z = RNG.integers(0, 2, shape), RNG.normal(size=shape)
    signs = torch.tensor(2.0 * y - 1).to(getattr(torch, dtype))
    y = (y if labels == "bits" else 2 * y - 1).astype(dtype)
    agrees(losses.Hinge(), y, z, lambda z: over_features(torch.relu(1 - signs * z)), dtype)
    agrees(losses.SquaredHinge(), y, z, lambda z: over_features(torch.relu(1 - signs * z) ** 2), dtype)


def test_categorical_hinge(dtype):
    z = np.abs(RNG.normal(size=(N, CLASSES)))  # positive: then the largest wrong score is what PyTorch's margin takes
    right = np.eye(CLASSES)[LABELS]

    def each(z):
        mine, others = z.gather(1, torch.tensor(LABELS)[:, None])[:, 0], z.masked_fill(torch.tensor(right == 1), -9.0)
        return torch.relu(1 - mine + others.max(1).values)

    agrees(losses.CategoricalHinge(), LABELS, z, each, dtype)
    agrees(losses.CategoricalHinge(), right.astype(dtype), z, each, dtype)


@pytest.mark.parametrize("shape", [(N, 3), (N, 2, 3)])
def test_cosine(dtype, shape):
    y, p = regression(dtype, shape)
    target = torch.tensor(y)
    agrees(losses.CosineSimilarity(), y, p, lambda p: over_features(-F.cosine_similarity(p, target, -1)), dtype)
    zero = jax.jit(jax.value_and_grad(losses.CosineSimilarity(), 1))(y, np.zeros(shape, dtype))
    assert float(zero[0]) == 0.0
    assert np.isfinite(zero[1]).all()


def test_poisson(dtype):
    y, rate = RNG.poisson(2.0, (N, 3)).astype(dtype), RNG.random((N, 3)) * 4 + 0.1
    each = F.poisson_nll_loss
    want = lambda r: each(r, torch.tensor(y), log_input=False, eps=1e-7, reduction="none").mean(1)  # noqa: E731
    agrees(losses.Poisson(), y, rate, want, dtype)
    target, linear = torch.tensor(y), np.log(rate)
    for full in (False, True):
        want = lambda s, full=full: each(s, target, log_input=True, full=full, reduction="none").mean(1)  # noqa: E731
        agrees(losses.Poisson(log_input=True, full=full), y, linear, want, dtype)


@pytest.mark.parametrize("labels", ["signs", "bits"])
def test_margins(dtype, labels):
    y, z = RNG.integers(0, 2, (N, 3)), RNG.normal(size=(N, 3)) * 2
    signs = torch.tensor(2.0 * y - 1).to(getattr(torch, dtype))
    bits = (signs + 1) / 2
    y = (y if labels == "bits" else 2 * y - 1).astype(dtype)
    agrees(losses.SoftMargin(), y, z, lambda z: F.soft_margin_loss(z, signs, reduction="none").mean(1), dtype)
    agrees(losses.SoftMargin(), y, z, lambda z: F.multilabel_soft_margin_loss(z, bits, reduction="none"), dtype)
    for margin in (0.5, 2.0):
        each = lambda d, m=margin: F.hinge_embedding_loss(d, signs, m, reduction="none").mean(1)  # noqa: E731
        agrees(losses.HingeEmbedding(margin), y, np.abs(z), each, dtype)
        first = lambda z, m=margin: F.margin_ranking_loss(z[:, 0], z[:, 1], signs[:, 0], m, reduction="none")  # noqa: E731
        agrees(losses.MarginRanking(margin), y[:, 0], z[:, :2], first, dtype)
        agrees(losses.MarginRanking(margin), y[:, :1], z[:, :2], first, dtype)


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("margin", [0.5, 1.0])
def test_multi_margin(dtype, p, margin):
    z, target = RNG.normal(size=(N, CLASSES)), torch.tensor(LABELS)
    each = lambda z: F.multi_margin_loss(z, target, p=p, margin=margin, reduction="none")  # noqa: E731
    agrees(losses.MultiMargin(p, margin), LABELS, z, each, dtype)
    agrees(losses.MultiMargin(p, margin), np.eye(CLASSES, dtype=dtype)[LABELS], z, each, dtype)


def test_divergence(dtype):
    z, y = RNG.normal(size=(N, CLASSES)) * 3, RNG.dirichlet(np.ones(CLASSES), N)
    y[0] = np.eye(CLASSES)[1]
    target = torch.tensor(y.astype(dtype))
    each = lambda log_p: F.kl_div(log_p, target, reduction="none").sum(1)  # noqa: E731
    loss, y = losses.KLDivergence(), y.astype(dtype)
    agrees(loss.replace(from_logits=True), y, z, lambda z: each(F.log_softmax(z, 1)), dtype)
    agrees(loss, y, softmax(torch.tensor(z)).numpy(), lambda p: each(torch.log(p)), dtype)


@pytest.mark.parametrize("shape", [(N, 1), (N, 2, 3)])
def test_likelihoods(dtype, shape):
    y, middle = regression(dtype, shape)
    target, both = torch.tensor(y), np.concatenate([middle, RNG.normal(size=shape)], axis=-1)
    density = {
        losses.GaussianNegativeLogLikelihood: lambda m, w: torch.distributions.Normal(m, w.sqrt()),
        losses.LaplaceNegativeLogLikelihood: torch.distributions.Laplace,
    }
    for loss, of in density.items():
        each = lambda m, w, of=of: over_features(-of(m, w).log_prob(target))  # noqa: E731
        predicted = lambda p, each=each: each(*(f(v) for f, v in zip((torch.clone, torch.exp), p.chunk(2, -1))))  # noqa: E731, B905
        agrees(loss(), y, both, predicted, dtype)
        agrees(loss(0.7), y, middle, lambda m, each=each: each(m, torch.full_like(m, 0.7)), dtype)
    full = lambda m: over_features(F.gaussian_nll_loss(m, target, 0.7, full=True, reduction="none"))  # noqa: E731
    agrees(losses.GaussianNegativeLogLikelihood(0.7), y, middle, full, dtype)


@pytest.mark.parametrize("shape", [(N, 5), (N, 2, 3, 2)])
def test_overlaps(dtype, shape):
    y, p = RNG.integers(0, 2, shape), RNG.random(shape)
    target = torch.tensor(y.astype(dtype)).flatten(1)

    def tversky(p, alpha=0.5, beta=0.5):
        p = p.flatten(1)
        found, false, missed = (target * p).sum(1), ((1 - target) * p).sum(1), (target * (1 - p)).sum(1)
        return 1 - (found + 1e-7) / (found + alpha * false + beta * missed + 1e-7)

    def dice(p):
        p = p.flatten(1)
        return 1 - (2 * (target * p).sum(1) + 1e-7) / (target.sum(1) + p.sum(1) + 1e-7)

    agrees(losses.Dice(), y, p, dice, dtype)
    agrees(losses.Tversky(), y, p, tversky, dtype)
    agrees(losses.Tversky(0.3, 1.7), y, p, lambda p: tversky(p, 0.3, 1.7), dtype)


@pytest.mark.parametrize(("gamma", "smoothing"), [(0.0, 0.0), (0.5, 0.1), (2.0, 0.0)])
def test_focal(dtype, gamma, smoothing):
    """PyTorch's cross entropies, times the factor that the paper writes before them."""
    y, z = RNG.integers(0, 2, (N, 3)), RNG.normal(size=(N, 3)) * 2
    t = torch.tensor(y.astype(dtype)) * (1 - smoothing) + smoothing / 2

    def binary(p, alpha=None):
        missing = t * (1 - p) + (1 - t) * p
        weight = 1.0 if alpha is None else alpha * t + (1 - alpha) * (1 - t)
        return (weight * missing**gamma * F.binary_cross_entropy(p, t, reduction="none")).mean(1)

    loss = losses.BinaryFocalCrossentropy(smoothing, gamma=gamma)
    balanced = loss.replace(apply_class_balancing=True, alpha=0.3)
    agrees(loss.replace(from_logits=True), y, z, lambda z: binary(torch.sigmoid(z)), dtype)
    agrees(loss, y, 1 / (1 + np.exp(-z)), binary, dtype)
    agrees(balanced, y, 1 / (1 + np.exp(-z)), lambda p: binary(p, 0.3), dtype)

    hot, z = np.eye(CLASSES)[LABELS], RNG.normal(size=(N, CLASSES))
    spread = torch.tensor(hot).to(getattr(torch, dtype)) * (1 - smoothing) + smoothing / CLASSES
    each = lambda p: -(0.3 * spread * (1 - p) ** gamma * torch.log(p)).sum(1)  # noqa: E731
    loss = losses.CategoricalFocalCrossentropy(smoothing, alpha=0.3, gamma=gamma)
    agrees(loss.replace(from_logits=True), LABELS, z, lambda z: each(softmax(z)), dtype)
    agrees(loss, hot.astype(dtype), softmax(torch.tensor(z)).numpy(), each, dtype)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_focal_far_out_stays_finite(dtype, gamma):
    z, y = np.array([[200.0], [-200.0], [200.0], [-200.0]], dtype), np.array([[1], [0], [0], [1]])
    loss = losses.BinaryFocalCrossentropy(gamma=gamma, from_logits=True)
    several = losses.CategoricalFocalCrossentropy(alpha=1.0, gamma=gamma, from_logits=True)

    @jax.jit
    def found(y, z):
        pair = jnp.concatenate([jnp.zeros_like(z), z], axis=1)
        slope = jax.grad(lambda z: loss.replace(reduction="sum")(y, z))(z)
        slopes = jax.grad(lambda p: several(y[:, 0], p))(pair)
        return loss.per_sample(y, z), several.per_sample(y[:, 0], pair), slope, slopes

    *both, slope, slopes = found(y, z)
    for each in both:
        np.testing.assert_allclose(each, [0, 0, 200, 200], atol=1e-6)
    np.testing.assert_allclose(slope, [[0], [0], [1], [-1]], atol=1e-3)
    assert np.isfinite(slopes).all()
