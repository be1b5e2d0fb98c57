"""Three weights in use, others behind them: against PyTorch, gradients straight through."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from liuli import layers
from liuli.layers import Context

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.oracle


@pytest.mark.parametrize("threshold", [None, 0.0, 0.3, 100.0])
@pytest.mark.parametrize(("precision", "error"), [("float32", 1e-5), ("float64", 1e-12)])
def test_values_and_gradients(threshold, precision, error):
    with jax.enable_x64(precision == "float64"):
        rng = np.random.default_rng(0)
        x, params = rng.normal(size=(5, 4)), {"kernel": rng.normal(size=(4, 3)), "bias": rng.normal(size=3)}
        mine = {name: jnp.asarray(p, precision) for name, p in params.items()}
        layer = layers.TernaryDense(3, threshold=threshold)

        def total(params):
            y, _ = layer.apply(params, {}, jnp.asarray(x, precision), Context())
            return jnp.square(y).sum()

        got, slopes = jax.value_and_grad(total)(mine)
        w, b = (torch.tensor(params[name], dtype=getattr(torch, precision), requires_grad=True) for name in params)
        mean = w.abs().mean()
        ternary = torch.sign(w) * (w.abs() > (0.5 * mean if threshold is None else threshold))
        z = torch.tensor(x, dtype=w.dtype) @ (w + (ternary - w).detach())
        want = ((mean * z if threshold is None else z) + b).square().sum()
        want.backward()
        np.testing.assert_allclose(got, want.item(), rtol=error)
        np.testing.assert_allclose(slopes["kernel"], w.grad, rtol=error, atol=error)
        np.testing.assert_allclose(slopes["bias"], b.grad, rtol=error, atol=error)


def test_only_three_weights_are_used():
    layer = layers.TernaryDense(6, use_bias=False, threshold=0.2)
    params, _ = layer.init(jax.random.key(0), jax.ShapeDtypeStruct((1, 8), jnp.float32))
    used, _ = layer.apply(params, {}, jnp.eye(8), Context())
    assert set(np.unique(used)) == {-1.0, 0.0, 1.0}
