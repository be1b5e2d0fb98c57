"""Separable convolution: each channel alone, then a mixture of channels at every place.

Natively both are one pass over the image, and what stands between them is never written to memory.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp

from liuli.kernels.convolution import conv, conv_block
from liuli.kernels.native import call, like, usable
from liuli.kernels.native_convolution import How
from liuli.kernels.windows import CausalPadding, Sizes, fit


def separable_conv(
    x: jax.Array,
    d: jax.Array,
    p: jax.Array,
    bias: jax.Array | None,
    strides: Sizes,
    padding: CausalPadding,
    dilation: Sizes,
    relu: bool = False,
) -> jax.Array:
    """(x * d) p + bias, then max(0, .) where ``relu``

    x: (batch, *space, n)   d: (*window, 1, n m), the m filters of a channel side by side   p: (*ones, n m, filters)
    bias: (filters,), or None
    """
    channels, filters = x.shape[-1], p.shape[-1]
    axes = zip(x.shape[1:-1], d.shape[:-2], strides, dilation, strict=True)
    outputs, around = zip(*(fit(*axis, padding) for axis in axes), strict=True)
    if not (_fits(x, d) and all(outputs) and usable(x, d, p, bias)):
        once = (1,) * len(strides)
        seen = conv(x, d, strides, padding, dilation, channels)
        return conv_block(seen, p, bias, once, "valid", once, relu=relu)
    before, _ = zip(*around, strict=True)
    how = How(strides, dilation, before, outputs, groups=channels, relu=relu).over_images()
    missing = 4 - x.ndim
    image = x.reshape(x.shape[0], *(1,) * missing, *x.shape[1:])
    bias = jnp.zeros(filters, x.dtype) if bias is None else bias
    y: Any = _both(how, image, d.reshape(*(1,) * missing, *d.shape), p.reshape(channels, filters), bias)
    return y.reshape(x.shape[0], *outputs, filters)


def _fits(x: jax.Array, d: jax.Array) -> bool:
    """One filter a channel; several channels, since the way back mixes gradients into whole vectors of them."""
    return x.ndim <= 4 and d.shape[-1] == x.shape[-1] and x.shape[-1] >= 8 and math.prod(d.shape[:-2]) > 1


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _both(how: How, x: jax.Array, d: jax.Array, p: jax.Array, bias: jax.Array) -> jax.Array:
    y = like(x.shape[0], *how.windows, p.shape[1])
    return call("separable_forward", [y], x, d, p, bias, **how._asdict())[0]


def _kept(how: How, x: jax.Array, d: jax.Array, p: jax.Array, bias: jax.Array) -> Any:
    y = _both(how, x, d, p, bias)
    return y, (x, d, p, y if how.relu else jnp.zeros(1, jnp.float32))


def _back(how: How, kept: Any, g: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    x, d, p, y = kept
    outputs = [like(*x.shape), like(*d.shape), like(*p.shape), like(p.shape[1])]
    return tuple(call("separable_backward", outputs, x, d, p, g, y, **how._asdict()))


_both.defvjp(_kept, _back)
