"""Activations and their gradients against PyTorch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from liuli import activations
from liuli.core.specs import members
from tests.numeric import close

torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
pytestmark = pytest.mark.oracle
F = torch.nn.functional

PAIRS = {
    activations.ELU(): F.elu,
    activations.ELU(1.7): lambda z: F.elu(z, 1.7),
    activations.GELU(): F.gelu,
    activations.GELU(approximate=True): lambda z: F.gelu(z, approximate="tanh"),
    activations.Identity(): lambda z: z.clone(),
    activations.LeakyReLU(): F.leaky_relu,
    activations.LeakyReLU(0.3): lambda z: F.leaky_relu(z, 0.3),
    activations.LogSoftmax(): lambda z: F.log_softmax(z, -1),
    activations.ReLU(): F.relu,
    activations.SiLU(): F.silu,
    activations.Sigmoid(): torch.sigmoid,
    activations.Softmax(): lambda z: F.softmax(z, -1),
    activations.Softplus(): F.softplus,
    activations.Tanh(): torch.tanh,
}
FAR = np.array([[-1e4, -100.0, -30.0, -1e-8, 0.0, 1e-8, 30.0, 100.0, 1e4]])  # kinks, tails, and overflow


def test_every_activation_is_compared():
    assert {type(f) for f in PAIRS} == set(members("activations").values())


@pytest.mark.parametrize("f", PAIRS, ids=repr)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("z", [np.random.default_rng(0).normal(size=(5, 4, 7)) * 3, FAR], ids=["near", "far"])
def test_value_and_gradient(f, dtype, z):
    seed = np.random.default_rng(1).normal(size=z.shape).astype(dtype)
    theirs = torch.tensor(z.astype(dtype), requires_grad=True)
    y = PAIRS[f](theirs)
    y.backward(torch.tensor(seed))
    with jax.enable_x64(dtype == "float64"):
        mine, back = jax.vjp(f, jnp.asarray(z, dtype))
        assert mine.dtype == dtype
        tolerance = {"float32": 1e-5, "float64": 1e-11}[dtype]
        np.testing.assert_allclose(mine, y.detach().numpy(), rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(back(jnp.asarray(seed))[0], theirs.grad.numpy(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("f", PAIRS, ids=repr)
def test_bfloat16_is_kept_and_finite(f):
    z = jnp.asarray(FAR, jnp.bfloat16)
    assert f(z).dtype == jnp.bfloat16
    assert jnp.isfinite(jax.grad(lambda z: f(z).astype(jnp.float32).sum())(z)).all()
    near = jnp.linspace(-3.0, 3.0, 8)[None]
    close(f(near.astype(jnp.bfloat16)), f(near), relative=0.02)
