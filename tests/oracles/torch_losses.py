"""PyTorch as the oracle of losses. A test file that imports from here skips where it is not installed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is the oracle")

TOLERANCE = {"float32": 2e-6, "float64": 1e-13}
WEIGHT = np.random.default_rng(7).random(6) * 2


def agrees(loss, y, pred, each, dtype):
    """``loss`` is the weighted mean or sum of ``each``, PyTorch's loss of a sample, in value and gradient."""
    tolerance = TOLERANCE[dtype]
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
            np.testing.assert_allclose(value, want.item(), rtol=tolerance)
            scale = float(np.abs(theirs.grad.numpy()).max())
            np.testing.assert_allclose(gradient, theirs.grad.numpy(), rtol=0, atol=tolerance * scale)
