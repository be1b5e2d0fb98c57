"""Native kernels on a batch that is spread over two devices."""

import os
import subprocess
import sys

import jax.numpy as jnp
import pytest

from liuli import kernels

SPREAD = """
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import NamedSharding, PartitionSpec
from liuli.kernels import attention, conv_block, layer_normalization, plain, usable
from liuli.layers import LSTM, Context

assert usable(jnp.ones(1)) and jax.device_count() == 2
rows = NamedSharding(jax.make_mesh((2,), ("rows",)), PartitionSpec("rows"))

def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")

def compare(got, want, **allowed):
    for mine, yours in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        np.testing.assert_allclose(mine, yours, **allowed)

def image(x, w, b):
    return jnp.sin(conv_block(x, w, b, (1, 1), "same", (1, 1), 1, True, True)).sum()

def attended(q, k, v):
    return jnp.square(layer_normalization(attention(q, k, v, causal=True))).sum(3).mean() + attention(q, k, v).sum()

x, *weights = normal(4, 9, 8, 3), normal(3, 3, 3, 5), normal(5)
slopes = jax.jit(jax.grad(image, (0, 1, 2)))
with plain():
    want = slopes(x, *weights)
compare(slopes(jax.device_put(x, rows), *weights), want, rtol=1e-4, atol=1e-4)

qkv = [normal(4, 9, 2, 8, seed=i) for i in range(3)]
slopes = jax.jit(jax.grad(attended, (0, 1, 2)))
with plain():
    want = slopes(*qkv)
for mine, yours in zip(slopes(*jax.device_put(qkv, rows)), want, strict=True):
    compare(mine, yours, atol=2e-5 * np.abs(yours).max())

layer, x = LSTM(6), normal(8, 4, 3)
params, _ = jax.jit(layer.init)(jax.random.key(0), x)
slopes = jax.jit(jax.grad(lambda p, x: layer.apply(p, {}, x, Context())[0].sum()))
compare(slopes(params, jax.device_put(x, rows)), slopes(params, x), rtol=1e-5, atol=1e-6)
"""


@pytest.mark.skipif(not kernels.usable(jnp.ones(1)), reason="the native kernels were not built")
def test_a_batch_over_two_devices():
    env = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=2", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run([sys.executable, "-c", SPREAD], env=env, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
