"""Convolution and pooling by hand: one window after the other, in NumPy."""

import contextlib
import itertools
import math
from unittest import mock

import jax
import numpy as np

from tests.kernels.sides import sooner

PADDINGS = ["valid", "same"]
BACKENDS = ["cpu", "gpu"]


@contextlib.contextmanager
def backend(name):
    """The lowering that this backend gets, run wherever the test runs, and compiled soonest."""
    with mock.patch.object(jax, "default_backend", lambda: name), sooner():
        yield


def windows(shape, window, strides, padding, dilation=None):
    """For each axis, and each output along it, what the window sees there: (place in the window, index) pairs."""
    axes = []
    for size, k, s, d in zip(shape, window, strides, dilation or (1,) * len(window), strict=True):
        reach = (k - 1) * d + 1
        outputs = (size - reach) // s + 1 if padding == "valid" else math.ceil(size / s)
        before = {"valid": 0, "same": max((outputs - 1) * s + reach - size, 0) // 2, "causal": reach - 1}[padding]
        seen = [[(p, o * s - before + p * d) for p in range(k)] for o in range(outputs)]
        axes.append([[(p, at) for p, at in one if 0 <= at < size] for one in seen])
    return axes


def pairs(axes, at):
    """What the window ``at`` sees: places in the window, and indices."""
    for seen in itertools.product(*(axis[i] for axis, i in zip(axes, at, strict=True))):
        yield tuple(zip(*seen, strict=True))


def conv(x, w, strides, padding, dilation, groups=1):
    """y[n, i, f], one window and one filter after the other."""
    axes = windows(x.shape[1:-1], w.shape[:-2], strides, padding, dilation)
    y = np.zeros((len(x), *map(len, axes), w.shape[-1]))
    inside, outside = x.shape[-1] // groups, w.shape[-1] // groups
    for *at, f in np.ndindex(*y.shape[1:]):
        own = slice(f // outside * inside, (f // outside + 1) * inside)
        for place, index in pairs(axes, at):
            y[:, *at, f] += x[:, *index, own] @ w[*place, :, f]
    return y


def conv_transpose(x, w, strides, dilation):
    """Each x[n, i] put where the window i of a convolution sees; nothing is cut off."""
    reach = [(k - 1) * d + 1 for k, d in zip(w.shape[:-2], dilation, strict=True)]
    space = [(size - 1) * s + r for size, s, r in zip(x.shape[1:-1], strides, reach, strict=True)]
    y = np.zeros((len(x), *space, w.shape[-2]))
    axes = windows(space, w.shape[:-2], strides, "valid", dilation)
    for at in np.ndindex(*x.shape[1:-1]):
        for place, index in pairs(axes, at):
            y[:, *index] += x[:, *at] @ w[*place].T
    return y


def conv_unshared(x, w, strides, padding):
    """y[n, i], each window with a kernel of its own."""
    rank = x.ndim - 2
    axes = windows(x.shape[1:-1], w.shape[rank:-2], strides, padding)
    y = np.zeros((len(x), *map(len, axes), w.shape[-1]))
    for at in np.ndindex(*y.shape[1:-1]):
        for place, index in pairs(axes, at):
            y[:, *at] += x[:, *index] @ w[*at, *place]
    return y


def pool(x, window, strides, padding, reduce, mask=None):
    """``reduce`` of the (elements, channels) of each window, of those that count; 0 where none does."""
    axes = windows(x.shape[1:-1], window, strides, padding)
    y = np.zeros((len(x), *map(len, axes), x.shape[-1]))
    for n, *at in np.ndindex(*y.shape[:-1]):
        seen = [x[n, *place] for _, place in pairs(axes, at) if mask is None or mask[n, *place]]
        y[n, *at] = reduce(np.stack(seen)) if seen else 0
    return y


def max_gradient(x, g, window, strides, padding, mask=None):
    """Each g[n, ..., c], added where the first largest element of its window is, of those that count."""
    axes = windows(x.shape[1:-1], window, strides, padding)
    out = np.zeros_like(x)
    for n, *at, c in np.ndindex(*g.shape):
        seen = [(n, *place, c) for _, place in pairs(axes, at) if mask is None or mask[n, *place]]
        if seen:
            out[max(seen, key=lambda element: x[element])] += g[n, *at, c]
    return out
