"""Convolution and pooling by hand: one window after the other, in NumPy."""

import math
from unittest import mock

import jax
import numpy as np

PADDINGS = ["valid", "same"]
BACKENDS = ["cpu", "gpu"]


def backend(name):
    """The lowering that this backend gets, run wherever the test runs."""
    return mock.patch.object(jax, "default_backend", lambda: name)


def windows(shape, window, strides, padding, dilation=(1, 1)):
    """For each output row, and each column, what its window sees of the image: (place in the window, index) pairs."""
    axes = []
    for size, k, s, d in zip(shape, window, strides, dilation, strict=True):
        reach = (k - 1) * d + 1
        outputs = math.ceil(size / s) if padding == "same" else (size - reach) // s + 1
        before = max((outputs - 1) * s + reach - size, 0) // 2 if padding == "same" else 0
        seen = [[(p, o * s - before + p * d) for p in range(k)] for o in range(outputs)]
        axes.append([[(p, at) for p, at in one if 0 <= at < size] for one in seen])
    return axes


def conv2d(x, w, strides, padding, dilation, groups):
    """y[n, i, j, f], as four sums."""
    rows, columns = windows(x.shape[1:3], w.shape[:2], strides, padding, dilation)
    y = np.zeros((len(x), len(rows), len(columns), w.shape[-1]))
    inside, outside = x.shape[-1] // groups, w.shape[-1] // groups
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            for p, h in row:
                for q, v in column:
                    for f in range(w.shape[-1]):
                        own = slice(f // outside * inside, (f // outside + 1) * inside)
                        y[:, i, j, f] += x[:, h, v, own] @ w[p, q, :, f]
    return y


def pool2d(x, window, strides, padding, reduce):
    """``reduce`` of the (batch, elements, channels) of each window."""
    rows, columns = windows(x.shape[1:3], window, strides, padding)
    seen = [[reduce(np.stack([x[:, h, v] for _, h in r for _, v in c], 1)) for c in columns] for r in rows]
    return np.moveaxis(np.array(seen), 2, 0)


def max_gradient(x, g, window, strides, padding):
    """Each g[n, i, j, c], added where the first largest element of its window is."""
    rows, columns = windows(x.shape[1:3], window, strides, padding)
    out = np.zeros_like(x)
    for n, i, j, c in np.ndindex(*g.shape):
        _, h, v = max((x[n, h, v, c], -h, -v) for _, h in rows[i] for _, v in columns[j])
        out[n, -h, -v, c] += g[n, i, j, c]
    return out
