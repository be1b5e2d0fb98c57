"""Convolution (strictly, correlation) over sequences, images and volumes, channels last; and its transpose.

y[n, i, f] = sum over a, c of x[n, i s + a d, c] w[a, c, f], where i and a count along every axis of space.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from liuli.kernels import native_convolution
from liuli.kernels.native import usable
from liuli.kernels.pooling import max_pool
from liuli.kernels.windows import CausalPadding, Padding, Pair, Sizes, fit, fitted, reach, views


def conv(
    x: jax.Array, w: jax.Array, strides: Sizes, padding: CausalPadding, dilation: Sizes, groups: int = 1
) -> jax.Array:
    """x * w            x: (batch, *space, n)   w: (*window, n / groups, filters)

    Each group of filters sees its own n / groups channels.
    """
    return conv_block(x, w, None, strides, padding, dilation, groups)


def conv_block(
    x: jax.Array,
    w: jax.Array,
    bias: jax.Array | None,
    strides: Sizes,
    padding: CausalPadding,
    dilation: Sizes,
    groups: int = 1,
    relu: bool = False,
    pool: bool = False,
) -> jax.Array:
    """x * w + bias, then max(0, .) where ``relu``, then the largest of each 2 x 2 where ``pool``

    x, w: as in :func:`conv`   bias: (filters,), or None
    """
    axes = zip(x.shape[1:-1], w.shape[:-2], strides, dilation, strict=True)
    outputs, around = zip(*(fit(*axis, padding) for axis in axes), strict=True)
    native = _native_pays(x, w, bias, strides, groups) and all(outputs)
    if pool and not (native and groups == 1 and x.ndim == 4 and min(outputs) > 1):
        two = (2,) * len(strides)
        return max_pool(conv_block(x, w, bias, strides, padding, dilation, groups, relu), two, two)
    if native:
        before, _ = zip(*around, strict=True)
        how = native_convolution.How(strides, dilation, before, outputs, groups, relu, pool)
        return native_convolution.block(how, x, w, bias)
    z = _correlated(x, w, strides, around, dilation, groups)
    z = z if bias is None else z + bias.reshape((1,) * (z.ndim - 1) + bias.shape)
    return jax.nn.relu(z) if relu else z


def conv_transpose(
    x: jax.Array,
    w: jax.Array,
    strides: Sizes,
    padding: Padding,
    dilation: Sizes,
    output_padding: Sizes | None = None,
) -> jax.Array:
    """The gradient of a convolution in its input            x: (batch, *space, n)   w: (*window, filters, n)

    Each x[n, i] puts w x[n, i] at the places that window i of that convolution saw.
    Along one axis of n elements, with windows of reach r: ``"valid"`` gives (n - 1) s + r elements, ``"same"``
    (n - 1) s + (1 where r is odd), and ``output_padding`` more; where that is None, as many more as windows leave out:
    (n - 1) s + max(r, s) and n s.
    """
    more = output_padding or (None,) * len(strides)
    axes = zip(x.shape[1:-1], w.shape[:-2], strides, dilation, more, strict=True)
    space, around = zip(*(_spread(*axis, padding) for axis in axes), strict=True)
    if _native_pays(x, w, None, strides, 1) and all(space):
        before, _ = zip(*around, strict=True)
        how = native_convolution.How(strides, dilation, before, x.shape[1:-1])
        return native_convolution.transposed(how, space, x, w)
    like = jax.ShapeDtypeStruct((x.shape[0], *space, w.shape[-2]), x.dtype)
    return jax.linear_transpose(lambda y: _correlated(y, w, strides, around, dilation, 1), like)(x)[0]


def conv_unshared(x: jax.Array, w: jax.Array, strides: Sizes, padding: Padding) -> jax.Array:
    """Each window has a kernel of its own            x: (batch, *space, n)   w: (*outputs, *window, n, filters)"""
    rank = x.ndim - 2
    window, none = w.shape[rank:-2], (1,) * rank
    seen = views(fitted(x, window, strides, none, padding, 0.0), window, strides, none)
    places, size, filters = math.prod(w.shape[:rank]), len(seen) * x.shape[-1], w.shape[-1]
    columns = jnp.concatenate(seen, axis=-1).reshape(x.shape[0], places, size)
    y = jnp.einsum("bpk,pkf->bpf", columns, w.reshape(places, size, filters))
    return y.reshape(x.shape[0], *w.shape[:rank], filters)


def _native_pays(x: jax.Array, w: jax.Array, bias: jax.Array | None, strides: Sizes, groups: int) -> bool:
    """Whether native kernels can take the arrays, and are no slower: few elements of x may be one matrix product."""
    product = groups == 1 and math.prod(w.shape[:-2]) == 1 and math.prod(strides) > 1
    return x.ndim <= 4 and not product and usable(x, w, bias)


def _spread(size: int, window: int, stride: int, dilation: int, more: int | None, padding: Padding) -> tuple[int, Pair]:
    """The elements that ``size`` windows along one axis give back, and the padding around them that is cut off."""
    span = reach(window, dilation)
    if more is None:
        last = max(span, stride) if padding == "valid" else stride
    else:
        last = more + (span if padding == "valid" else span % 2)
    before = max(span - last, 0) // 2 if padding == "same" else 0
    return (size - 1) * stride + last, (before, span - last - before)


def _correlated(
    x: jax.Array, w: jax.Array, strides: Sizes, around: Sequence[Pair], dilation: Sizes, groups: int
) -> jax.Array:
    """The convolution of ``x``, padded ``around`` (cut where negative)."""
    lowering = _by_views if jax.default_backend() == "cpu" else _by_xla
    return lowering(x, w, strides, around, dilation, groups)


def _by_xla(
    x: jax.Array, w: jax.Array, strides: Sizes, around: Sequence[Pair], dilation: Sizes, groups: int
) -> jax.Array:
    space = "DHW"[3 - len(strides) :]
    return jax.lax.conv_general_dilated(
        x,
        w,
        strides,
        [(before, max(after, 0)) for before, after in around],  # it leaves out by itself what no window sees
        rhs_dilation=dilation,
        dimension_numbers=(f"N{space}C", f"{space}IO", f"N{space}C"),
        feature_group_count=groups,
    )


def _by_views(
    x: jax.Array, w: jax.Array, strides: Sizes, around: Sequence[Pair], dilation: Sizes, groups: int
) -> jax.Array:
    """One matrix product of everything that each window sees (im2col): XLA's own gradients collapse in CPU loops."""
    x = jax.lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *((*side, 0) for side in around), (0, 0, 0)])
    seen = views(x, w.shape[:-2], strides, dilation)
    *places, channels = seen[0].shape
    rows, filters = math.prod(places), w.shape[-1]
    if groups == 1:
        y = jnp.concatenate(seen, axis=-1).reshape(rows, len(seen) * channels) @ w.reshape(-1, filters)
    elif groups == channels:
        y = _by_channel(seen, w.reshape(len(seen), channels, filters // channels))
    else:
        columns = jnp.stack(seen, axis=-2).reshape(rows, len(seen), groups, channels // groups)
        kernels = w.reshape(len(seen), channels // groups, groups, filters // groups)
        y = jnp.einsum("rkgc,kcgf->rgf", columns, kernels)
    return y.reshape(*places, filters)


def _by_channel(seen: list[jax.Array], w: jax.Array) -> jax.Array:
    """One channel a group: sums of products, since its matrix products would be small            w: (places, n, m)"""
    shape = (1,) * (seen[0].ndim - 1) + (w.shape[1],)
    products = [[v * k[:, f].reshape(shape) for v, k in zip(seen, w, strict=True)] for f in range(w.shape[2])]
    return jnp.stack([functools.reduce(operator.add, each) for each in products], axis=-1)  # (..., n, m)
