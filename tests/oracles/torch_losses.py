"""PyTorch as the oracle of losses. A test file that imports from here skips where it is not installed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is the oracle")

TOLERANCE = {"float32": 2e-6, "float64": 1e-13}
WEIGHT = np.random.default_rng(7).random(6) * 2


def agrees(loss, y, pred, each, dtype):
    """``loss`` is the mean and the weighted sum of ``each``, PyTorch's loss of a sample, in value and gradient."""
    forms = [("mean", None), ("sum", WEIGHT)]
    all_of_them = jax.jit(lambda p: [_slope(loss.replace(reduction=form), y, p, weight) for form, weight in forms])
    for (form, weight), (value, gradient) in zip(forms, all_of_them(jnp.asarray(pred, dtype)), strict=True):
        want, slope = _theirs(each, pred.astype(dtype), form, weight)
        assert (value.shape, value.dtype, gradient.dtype) == ((), dtype, dtype)
        np.testing.assert_allclose(value, want, rtol=TOLERANCE[dtype])
        np.testing.assert_allclose(gradient, slope, rtol=0, atol=TOLERANCE[dtype] * float(np.abs(slope).max()))


def _slope(loss, y, pred, weight):
    """The loss and its gradient."""
    w = None if weight is None else jnp.asarray(weight, pred.dtype)
    return jax.value_and_grad(lambda p: loss(jnp.asarray(y), p, w))(pred)


def _theirs(each, pred, reduction, weight):
    """What PyTorch finds."""
    pred = torch.tensor(pred, requires_grad=True)
    want = each(pred) if weight is None else each(pred) * torch.tensor(weight).to(pred.dtype)
    want = want.mean() if reduction == "mean" else want.sum()
    want.backward()
    return want.item(), pred.grad.numpy()
