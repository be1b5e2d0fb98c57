"""Convolution (strictly, correlation) over images, channels last.

y[n, i, j, f] = sum over a, b, c of x[n, i s + a d, j s + b d, c] w[a, b, c, f]
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from liuli.kernels.windows import Padding, Pair, fitted, views


def conv2d(
    x: jax.Array,
    w: jax.Array,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> jax.Array:
    """x * w            x: (batch, height, width, n)   w: (rows, columns, n / groups, filters)

    Each group of filters sees its own n / groups channels.
    """
    lowering = _by_views if jax.default_backend() == "cpu" else _by_xla
    return lowering(x, w, strides, padding, dilation, groups)


def _by_xla(x: jax.Array, w: jax.Array, strides: Pair, padding: Padding, dilation: Pair, groups: int) -> jax.Array:
    return jax.lax.conv_general_dilated(
        x,
        w,
        strides,
        padding.upper(),
        rhs_dilation=dilation,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=groups,
    )


def _by_views(x: jax.Array, w: jax.Array, strides: Pair, padding: Padding, dilation: Pair, groups: int) -> jax.Array:
    """One matrix product of everything that each window sees (im2col): XLA's own gradients collapse in CPU loops."""
    window = (w.shape[0], w.shape[1])
    seen = views(fitted(x, window, strides, dilation, padding, 0.0), window, strides, dilation)
    batch, height, width, channels = seen[0].shape
    rows, filters = batch * height * width, w.shape[-1]
    if groups == 1:
        y = jnp.concatenate(seen, axis=-1).reshape(rows, len(seen) * channels) @ w.reshape(-1, filters)
    else:
        columns = jnp.stack(seen, axis=3).reshape(rows, len(seen), groups, channels // groups)
        kernels = w.reshape(len(seen), channels // groups, groups, filters // groups)
        y = jnp.einsum("rkgc,kcgf->rgf", columns, kernels)
    return y.reshape(batch, height, width, filters)
