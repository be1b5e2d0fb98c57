"""Images to change, and layers called on them."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from liuli.layers import Context


def images(batch=3, height=12, width=10, channels=3, seed=0):
    """Tones between 0 and 255, smooth enough to be looked at between pixels."""
    rng = np.random.default_rng(seed)
    return rng.uniform(0.0, 255.0, size=(batch, height, width, channels)).astype(np.float32)


def changed(layer, x, seed=0):
    """What the layer makes of ``x`` while training."""
    layer.init(jax.random.key(0), x)
    return np.asarray(_changed(layer, x, jax.random.key(seed)))


@partial(jax.jit, static_argnums=0)
def _changed(layer, x, key):
    return layer.apply({}, {}, x, Context(training=True, key=key))[0]


def in_use(layer, x):
    """What the layer makes of ``x`` when nothing is learned."""
    return np.asarray(layer.apply({}, {}, jnp.asarray(x), Context())[0])
