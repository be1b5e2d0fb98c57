"""Convolutions over images by native calls: with bias, relu and 2 x 2 pooling in one pass, and their gradients.

A sequence is an image of height 1. Where every channel is a group of its own, vectors run over channels ("depthwise").
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from liuli.kernels.native import call, like
from liuli.kernels.windows import Sizes


class How(NamedTuple):
    """Everything about a convolution that its arrays do not say; numbers of axes are those of rows and columns.

    before:   how much padding stands before the first element.
    windows:  how many there are.
    pool:     whether only the largest of each 2 x 2 outputs leaves; an odd last row or column is left out.
    """

    strides: Sizes
    dilation: Sizes
    before: Sizes
    windows: Sizes
    groups: int = 1
    relu: bool = False
    pool: bool = False

    def over_images(self) -> How:
        """The same with two axes of space."""
        missing = 2 - len(self.strides)
        one, zero = (1,) * missing, (0,) * missing
        sizes = one + self.strides, one + self.dilation, zero + self.before, one + self.windows
        return self._replace(strides=sizes[0], dilation=sizes[1], before=sizes[2], windows=sizes[3])


def block(how: How, x: jax.Array, w: jax.Array, bias: jax.Array | None) -> jax.Array:
    """x * w + bias, and relu and pooling where asked

    x: (batch, *space, n)   w: (*window, n / groups, filters)   bias: (filters,), or None
    """
    bias = jnp.zeros(w.shape[-1], x.dtype) if bias is None else bias
    y: Any = _block(*_even(how.over_images(), x, w), bias)
    return y if x.ndim == 4 else y[:, 0]


def transposed(how: How, space: Sizes, y: jax.Array, w: jax.Array) -> jax.Array:
    """The gradient of that convolution in its input, of size ``space``            y: (batch, *outputs, filters)"""
    missing = 2 - len(space)
    back: Any = _transposed(how.over_images(), (1,) * missing + space, _image(y), _window(w))
    return back if y.ndim == 4 else back[:, 0]


def _even(how: How, x: jax.Array, w: jax.Array) -> tuple[How, jax.Array, jax.Array]:
    """Outputs that pooling leaves out are not computed; one channel a group with several filters becomes as many."""
    if how.pool:
        how = how._replace(windows=tuple(n // 2 * 2 for n in how.windows))
    x, w = _image(x), _window(w)
    if _depthwise(how, w) and w.shape[-1] > how.groups:
        x, how = jnp.repeat(x, w.shape[-1] // how.groups, axis=-1), how._replace(groups=w.shape[-1])
    return how, x, w


def _depthwise(how: How, w: jax.Array) -> bool:
    return how.groups > 1 and w.shape[-2] == 1


def _image(x: jax.Array) -> jax.Array:
    return x if x.ndim == 4 else x[:, None]


def _window(w: jax.Array) -> jax.Array:
    return w if w.ndim == 4 else w[None]


def _call(kind: str, how: How, w: Any, outputs: list[jax.ShapeDtypeStruct], *arrays: jax.Array) -> Any:
    family = "depthwise" if _depthwise(how, w) else "convolution"
    return call(f"{family}_{kind}", outputs, *arrays, **how._asdict())


def _forward(how: How, keep: bool, x: jax.Array, w: jax.Array, bias: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The outputs and, to ``keep``, the places of the largest ones."""
    rows, columns = (n // 2 for n in how.windows) if how.pool else how.windows
    y = like(x.shape[0], rows, columns, w.shape[-1])
    where = jax.ShapeDtypeStruct(y.shape if how.pool and keep else (1,), jnp.uint8)
    return _call("forward", how, w, [y, where], x, w, bias)


def _gradient_of_input(how: How, x: Any, w: jax.Array, *after: jax.Array) -> jax.Array:
    return _call("input", how, w, [like(*x.shape)], w, *after)[0]


def _gradient_of_kernel(how: How, x: jax.Array, w: Any, *after: jax.Array) -> tuple[jax.Array, jax.Array]:
    return _call("kernel", how, w, [like(*w.shape), like(w.shape[-1])], x, *after)


def _nothing() -> tuple[jax.Array, jax.Array]:
    """What stands for outputs and places where the way back needs none."""
    return jnp.zeros(1, jnp.float32), jnp.zeros(1, jnp.uint8)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _block(how: How, x: jax.Array, w: jax.Array, bias: jax.Array) -> jax.Array:
    return _forward(how, False, x, w, bias)[0]


def _kept(how: How, x: jax.Array, w: jax.Array, bias: jax.Array) -> Any:
    y, where = _forward(how, True, x, w, bias)
    return y, (x, w, y if how.relu and not how.pool else _nothing()[0], where)


def _back(how: How, kept: Any, g: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Two calls, of which XLA leaves out what nobody asks for: the first layer needs no gradient of its input."""
    x, w, y, where = kept
    return _gradient_of_input(how, x, w, g, y, where), *_gradient_of_kernel(how, x, w, g, y, where)


_block.defvjp(_kept, _back)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _transposed(how: How, space: Sizes, y: jax.Array, w: jax.Array) -> jax.Array:
    x = like(y.shape[0], *space, w.shape[-2] * how.groups)
    return _gradient_of_input(how, x, w, y, *_nothing())


def _transposed_kept(how: How, space: Sizes, y: jax.Array, w: jax.Array) -> Any:
    return _transposed(how, space, y, w), (y, w)


def _transposed_back(how: How, space: Sizes, kept: Any, g: jax.Array) -> tuple[jax.Array, jax.Array]:
    y, w = kept
    forth = _forward(how, False, g, w, jnp.zeros(w.shape[-1], g.dtype))[0]
    return forth, _gradient_of_kernel(how, g, w, y, *_nothing())[0]


_transposed.defvjp(_transposed_kept, _transposed_back)
