"""Layers called outside a graph, and their taps watched."""

import jax
import jax.numpy as jnp
import numpy as np

from liuli.layers import Context

KEY = jax.random.key(0)


def shape(*sizes, dtype=float):
    return jax.ShapeDtypeStruct(sizes, jnp.dtype(dtype))


def init(layer, x):
    """Parameters and state for inputs like ``x``, one array or several."""
    return layer.init(KEY, jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), x))


def call(layer, x, **ctx):
    """The output for ``x`` with initial parameters."""
    return layer.apply(*init(layer, x), x, Context(**ctx))[0]


class Watching:
    """Keeps the value of every tap; adds to it what ``offsets`` holds for its path."""

    def __init__(self, offsets=None):
        self.offsets, self.values = offsets or {}, {}

    def offset(self, path, like):
        return self.offsets.get(path)

    def record(self, path, value):
        self.values[path] = value


def taps(layer, params, state, x, of, **ctx):
    """The value of every tap, and the gradient of ``of(y)`` at it."""

    def f(offsets):
        seen = Watching(offsets)
        y = layer.apply(params, state, x, Context(watch=seen, **ctx))[0]
        return of(y), seen.values

    shapes = jax.eval_shape(f, {})[1]
    gradients, values = jax.jit(jax.grad(f, has_aux=True))(jax.tree.map(lambda v: np.zeros(v.shape, v.dtype), shapes))
    return values, gradients
