"""Losses of pairs against PyTorch: its distances and cross entropy over pairs that a loop picks out."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liuli import losses
from tests.oracles.torch_losses import torch

pytestmark = [pytest.mark.oracle, pytest.mark.parametrize("dtype", ["float32", "float64"])]
F = torch.nn.functional

TOLERANCE = {"float32": 1e-5, "float64": 1e-10}


def batches(seed, labels, rows=7):
    rng = np.random.default_rng(seed)
    return rng.integers(0, labels, rows), rng.normal(size=(rows, 3))


drawn = given(seed=st.integers(0, 2**32 - 1), labels=st.integers(1, 7))
few = settings(max_examples=10)


@functools.cache
def compiled(loss):
    return jax.jit(jax.value_and_grad(lambda x, y, weight: loss(y, x, weight)))


def check(loss, y, x, of_anchor, dtype):
    """``loss`` is the weighted mean over anchors of what ``of_anchor(x, i, alike, unlike)`` gives."""
    theirs, weight = torch.tensor(x.astype(dtype), requires_grad=True), np.linspace(0.1, 2, len(y)).astype(dtype)
    want = 0 * theirs.sum()
    for i in range(len(y)):
        alike = [j for j in range(len(y)) if j != i and y[j] == y[i]]
        unlike = [j for j in range(len(y)) if y[j] != y[i]]
        want = want + weight[i].item() * of_anchor(theirs, i, alike, unlike) / len(y)
    want.backward()
    with jax.enable_x64(dtype == "float64"):
        value, gradient = compiled(loss)(jnp.asarray(x, dtype), jnp.asarray(y), jnp.asarray(weight))
    assert (value.dtype, gradient.dtype) == (dtype, dtype)
    np.testing.assert_allclose(value, want.item(), rtol=TOLERANCE[dtype], atol=0.1 * TOLERANCE[dtype])
    scale = float(theirs.grad.abs().max())
    np.testing.assert_allclose(gradient, theirs.grad, rtol=0, atol=TOLERANCE[dtype] * max(scale, 1e-6))


def distance(x, i, j):
    return torch.linalg.vector_norm(x[i] - x[j])


def mean_of(terms):
    return torch.stack(terms).mean() if terms else torch.tensor(0.0)


@few
@drawn
def test_contrastive(dtype, seed, labels):
    def of_anchor(x, i, alike, unlike):
        near = [distance(x, i, j) ** 2 for j in alike]
        return 0.5 * mean_of(near + [torch.relu(1.5 - distance(x, i, k)) ** 2 for k in unlike])

    check(losses.Contrastive(1.5), *batches(seed, labels), of_anchor, dtype)


@few
@drawn
def test_all_triplets(dtype, seed, labels):
    def of_anchor(x, i, alike, unlike):
        triplets = [(x[i], x[j], x[k]) for j in alike for k in unlike]
        return mean_of([F.triplet_margin_loss(*t, margin=0.7, eps=0.0) for t in triplets])

    check(losses.TripletMargin(0.7, mining="all"), *batches(seed, labels), of_anchor, dtype)


@few
@drawn
def test_hard_triplets(dtype, seed, labels):
    def of_anchor(x, i, alike, unlike):
        if not alike or not unlike:
            return torch.tensor(0.0)
        far, near = max(distance(x, i, j) for j in alike), min(distance(x, i, k) for k in unlike)
        return torch.relu(far - near + 0.7)

    check(losses.TripletMargin(0.7, mining="hard"), *batches(seed, labels), of_anchor, dtype)


@few
@drawn
def test_semi_hard_triplets(dtype, seed, labels):
    def of_anchor(x, i, alike, unlike):
        terms = []
        for d in [distance(x, i, j) ** 2 for j in alike] if unlike else []:
            others = [distance(x, i, k) ** 2 for k in unlike]
            beyond = [other for other in others if other > d]
            terms.append(torch.relu(d - (min(beyond) if beyond else max(others)) + 0.7))
        return mean_of(terms)

    check(losses.TripletMargin(0.7, squared=True), *batches(seed, labels), of_anchor, dtype)


@few
@drawn
def test_info_nce(dtype, seed, labels):
    def of_anchor(x, i, alike, unlike):
        others = [j for j in range(len(x)) if j != i]
        scores = F.cosine_similarity(x[i][None], x[others]) / 0.3
        return mean_of([F.cross_entropy(scores, torch.tensor(others.index(j))) for j in alike])

    check(losses.InfoNCE(0.3), *batches(seed, labels), of_anchor, dtype)
