"""Activations and their gradients against PyTorch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from liuli import activations
from liuli.core.errors import ShapeError
from liuli.core.specs import members
from tests.numeric import close

torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
pytestmark = pytest.mark.oracle
F = torch.nn.functional


def sparsemax(z):
    """The projection on the simplex: tau between max(z) - 1 and max(z) by bisection, then over what lies above it."""
    wide = z.double()
    high = wide.detach().amax(-1, keepdim=True)
    low = high - 1
    for _ in range(80):
        middle = (low + high) / 2
        too_low = (wide.detach() - middle).clamp(min=0).sum(-1, keepdim=True) > 1
        low, high = torch.where(too_low, middle, low), torch.where(too_low, high, middle)
    above = (wide > high).double()
    tau = ((wide * above).sum(-1, keepdim=True) - 1) / above.sum(-1, keepdim=True)
    return ((wide - tau) * above).to(z.dtype)


def squareplus(z, b):
    wide = z.double()  # its sum cancels in float32
    return ((wide + torch.sqrt(wide * wide + b)) / 2).to(z.dtype)


def sparse_plus(z):
    return torch.where(z >= 1, z, torch.where(z <= -1, torch.zeros_like(z), (z + 1) ** 2 / 4))


PAIRS = {
    activations.CELU(): F.celu,
    activations.CELU(0.5): lambda z: F.celu(z, 0.5),  # PyTorch rounds 1 / alpha to float32
    activations.ELU(): F.elu,
    activations.ELU(1.7): lambda z: F.elu(z, 1.7),
    activations.Exponential(): torch.exp,
    activations.GELU(): F.gelu,
    activations.GELU(approximate=True): lambda z: F.gelu(z, approximate="tanh"),
    activations.GLU(): F.glu,
    activations.HardShrink(): F.hardshrink,
    activations.HardShrink(1.2): lambda z: F.hardshrink(z, 1.2),
    activations.HardSiLU(): F.hardswish,
    activations.HardSigmoid(): lambda z: F.relu6(z + 3) / 6,  # F.hardsigmoid has 1 / 6 in float32
    activations.HardTanh(): F.hardtanh,
    activations.Identity(): lambda z: z.clone(),
    activations.LeakyReLU(): F.leaky_relu,
    activations.LeakyReLU(0.3): lambda z: F.leaky_relu(z, 0.3),
    activations.LogSigmoid(): F.logsigmoid,
    activations.LogSoftmax(): lambda z: F.log_softmax(z, -1),
    activations.Mish(): F.mish,
    activations.ReLU(): F.relu,
    activations.ReLU6(): F.relu6,
    activations.SELU(): F.selu,
    activations.SiLU(): F.silu,
    activations.Sigmoid(): torch.sigmoid,
    activations.SoftShrink(): F.softshrink,
    activations.SoftShrink(1.2): lambda z: F.softshrink(z, 1.2),
    activations.Softmax(): lambda z: F.softmax(z, -1),
    activations.Softplus(): F.softplus,
    activations.Softsign(): F.softsign,
    activations.SparsePlus(): sparse_plus,
    activations.SparseSigmoid(): lambda z: torch.clamp((z + 1) / 2, 0, 1),
    activations.Sparsemax(): sparsemax,
    activations.Squareplus(): lambda z: squareplus(z, 4.0),
    activations.Squareplus(0.7): lambda z: squareplus(z, 0.7),
    activations.Tanh(): torch.tanh,
    activations.TanhShrink(): F.tanhshrink,
    activations.Threshold(): lambda z: F.threshold(z, 0.0, 0.0),
    activations.Threshold(0.7, -1.3): lambda z: F.threshold(z, 0.7, -1.3),
}
NEAR = np.random.default_rng(0).normal(size=(5, 4, 8)) * 3
FAR = np.array([[-1e4, -100.0, -30.0, -1e-8, 0.0, 1e-8, 1.6, 30.0, 100.0, 1e4]])  # kinks, tails, and overflow


def test_every_activation_is_compared():
    assert {type(f) for f in PAIRS} == set(members("activations").values())


@pytest.mark.optimized  # as users get them: tanh rounds otherwise in programs that are not
@pytest.mark.parametrize("f", PAIRS, ids=repr)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_value_and_gradient(f, dtype):
    places, tolerance = [z.astype(dtype) for z in (NEAR, FAR)], {"float32": 1e-5, "float64": 1e-11}[dtype]
    wanted = [of_torch(PAIRS[f], z) for z in places]
    with jax.enable_x64(dtype == "float64"):
        found = jax.jit(lambda given: [pulled(f, *each) for each in given])(
            [(z, seed) for z, (seed, *_) in zip(places, wanted, strict=True)]
        )
    for mine, (_, *theirs) in zip(found, wanted, strict=True):
        for a, b in zip(mine, theirs, strict=True):
            assert a.dtype == dtype
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def of_torch(f, z):
    """An upstream gradient, and the value and the gradient with it."""
    z = torch.tensor(z, requires_grad=True)
    y = f(z)
    seed = torch.tensor(np.random.default_rng(1).normal(size=tuple(y.shape))).to(y.dtype)
    y.backward(seed)
    return seed.numpy(), y.detach().numpy(), z.grad.numpy()


def pulled(f, z, seed):
    y, back = jax.vjp(f, z)
    return y, back(seed)[0]


@pytest.mark.parametrize("f", PAIRS, ids=repr)
def test_bfloat16_is_kept_and_finite(f):
    far = np.minimum(FAR, 80) if isinstance(f, activations.Exponential) else FAR
    near = np.linspace(-3.0, 3.0, 8, dtype=np.float32)[None]

    @jax.jit
    def found(far, near):
        slope = jax.grad(lambda z: f(z).astype(jnp.float32).sum())(far)
        return slope, f(near.astype(jnp.bfloat16)), f(near)

    slope, half, single = found(jnp.asarray(far, jnp.bfloat16), near)
    assert np.isfinite(np.asarray(slope, np.float32)).all()
    assert half.dtype == jnp.bfloat16
    close(half, single, relative=0.02)


@pytest.mark.parametrize("shape", [(3,), (2, 5, 7)])
def test_glu_wants_an_even_number_of_features(shape):
    with pytest.raises(ShapeError, match=f"got {shape[-1]} features; expected an even number"):
        activations.GLU()(jnp.ones(shape))
