"""CTC against PyTorch: random lengths of inputs and targets, masks in place of lengths."""

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

TOLERANCE = {"float32": 1e-5, "float64": 1e-10}


def theirs(y, lengths, z, steps, dtype):
    """PyTorch's loss of each sample, and the gradient of their sum."""
    logits = torch.tensor(z.astype(dtype), requires_grad=True)
    log_p = torch.log_softmax(logits, -1).transpose(0, 1)
    each = torch.nn.functional.ctc_loss(
        log_p, torch.tensor(y), torch.tensor(steps), torch.tensor(lengths), reduction="none", zero_infinity=True
    )
    each.sum().backward()
    return each.detach().numpy(), logits.grad.numpy()


@jax.jit
@functools.partial(jax.value_and_grad, argnums=2, has_aux=True)
def total(filled, mask, z):
    """The sum of the losses that can be read, and the loss of each sample."""
    each = losses.CTC().masked(filled, z, mask)
    return jnp.where(jnp.isfinite(each), each, 0.0).sum(), each


def mine(filled, mask, z, dtype):
    """The loss of each sample, and the gradient of the sum of those that can be read."""
    with jax.enable_x64(dtype == "float64"):
        (_, each), gradient = total(jnp.asarray(filled), jnp.asarray(mask), jnp.asarray(z, dtype))
    assert (each.dtype, gradient.dtype) == (dtype, dtype)
    return np.asarray(each), np.asarray(gradient)


@settings(max_examples=15)
@given(
    seed=st.integers(0, 2**32 - 1),
    padding=st.sampled_from([0, -1]),
    time=st.sampled_from([4, 9]),
    classes=st.sampled_from([2, 5]),
)
def test_ctc(dtype, seed, padding, time, classes):
    rng, batch, length = np.random.default_rng(seed), 3, 4
    lengths, steps = rng.integers(0, length + 1, batch), rng.integers(1, time + 1, batch)
    y, z = rng.integers(1, classes, (batch, length)), rng.normal(size=(batch, time, classes)) * 3
    filled, mask = np.where(np.arange(length) < lengths[:, None], y, padding), np.arange(time) < steps[:, None]
    want, slope = theirs(y, lengths, z, steps, dtype)
    each, gradient = mine(filled, mask, z, dtype)
    repeats = ((filled[:, 1:] == filled[:, :-1]) & (filled[:, 1:] > 0)).sum(1)
    possible = lengths + repeats <= steps
    np.testing.assert_array_equal(np.isfinite(each), possible)
    rounding = 0.1 * TOLERANCE[dtype]  # of log-probabilities, whose sum may be near 0
    np.testing.assert_allclose(each[possible], want[possible], rtol=TOLERANCE[dtype], atol=rounding)
    scale = max(1.0, np.abs(slope).max())
    np.testing.assert_allclose(gradient, slope, rtol=0, atol=TOLERANCE[dtype] * scale)


def test_long_sequences_keep_their_digits(dtype):
    rng = np.random.default_rng(0)
    y, z = rng.integers(1, 20, (2, 30)), rng.normal(size=(2, 200, 20)) * 5
    want, slope = theirs(y, np.array([30, 30]), z, np.array([200, 200]), "float64")
    each, gradient = mine(y, np.ones((2, 200), bool), z, dtype)
    np.testing.assert_allclose(each, want, rtol=TOLERANCE[dtype])
    np.testing.assert_allclose(gradient, slope, rtol=0, atol=10 * TOLERANCE[dtype])
