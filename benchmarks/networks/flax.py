"""The networks in Flax NNX: logits at the end."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import jax
import jax.numpy as jnp
from flax import nnx


def mlp(sizes: Sequence[int], hidden: str, end: str) -> nnx.Module:
    rngs, activation = nnx.Rngs(0), getattr(nnx, hidden)
    return nnx.Sequential(*[p for n, m in pairwise(sizes) for p in (nnx.Linear(n, m, rngs=rngs), activation)][:-1])


def cnn(shape: tuple[int, int, int], filters: Sequence[int], dense: int) -> nnx.Module:
    rngs = nnx.Rngs(0)
    pieces = [
        piece
        for n, m in pairwise((shape[2], *filters))
        for piece in (nnx.Conv(n, m, (3, 3), rngs=rngs), nnx.relu, _halved)
    ]
    flat = (shape[0] >> len(filters)) * (shape[1] >> len(filters)) * filters[-1]
    end = [_flat, nnx.Linear(flat, dense, rngs=rngs), nnx.relu, nnx.Linear(dense, 10, rngs=rngs)]
    return nnx.Sequential(*pieces, *end)


class Normalized(nnx.Module):
    """A convolution and batch normalization."""

    def __init__(self, channels: int, wide: int, rngs: nnx.Rngs, size: int = 3, strides: int = 1) -> None:
        self.conv = nnx.Conv(channels, wide, (size, size), (strides, strides), use_bias=False, rngs=rngs)
        self.norm = nnx.BatchNorm(wide, momentum=0.9, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.norm(self.conv(x))


class Block(nnx.Module):
    """relu(x + conv(relu(conv(x)))), where narrowing halves height and width."""

    def __init__(self, channels: int, wide: int, narrowing: bool, rngs: nnx.Rngs) -> None:
        strides = 2 if narrowing else 1
        self.first = Normalized(channels, wide, rngs, strides=strides)
        self.second = Normalized(wide, wide, rngs)
        self.shortcut = Normalized(channels, wide, rngs, size=1, strides=2) if narrowing else _same

    def __call__(self, x: jax.Array) -> jax.Array:
        return nnx.relu(self.shortcut(x) + self.second(nnx.relu(self.first(x))))


def residual(shape: tuple[int, int, int], widths: Sequence[int], blocks: int) -> nnx.Module:
    rngs, channels = nnx.Rngs(0), widths[0]
    pieces = [Normalized(shape[2], channels, rngs), nnx.relu]
    for stage, wide in enumerate(widths):
        for block in range(blocks):
            pieces.append(Block(channels, wide, stage > 0 and block == 0, rngs))
            channels = wide
    return nnx.Sequential(*pieces, _averaged, nnx.Linear(channels, 10, rngs=rngs))


def recurrent(cell: str, steps: int, features: int, units: int) -> nnx.Module:
    rngs = nnx.Rngs(0)
    kind = {"lstm": nnx.OptimizedLSTMCell, "gru": nnx.GRUCell}[cell]
    return nnx.Sequential(nnx.RNN(kind(features, units, rngs=rngs)), _last, nnx.Linear(units, 10, rngs=rngs))


class Encoder(nnx.Module):
    """A block of a transformer: attention to the steps before, then a small network."""

    def __init__(self, size: int, heads: int, rngs: nnx.Rngs) -> None:
        self.norm, self.norm_2 = nnx.LayerNorm(size, rngs=rngs), nnx.LayerNorm(size, rngs=rngs)
        self.attention = nnx.MultiHeadAttention(heads, size, decode=False, rngs=rngs)
        self.wide, self.narrow = nnx.Linear(size, 4 * size, rngs=rngs), nnx.Linear(4 * size, size, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        h = x + self.attention(self.norm(x), mask=nnx.make_causal_mask(x[..., 0]))
        return h + self.narrow(nnx.relu(self.wide(self.norm_2(h))))


class Embedded(nnx.Module):
    """A vector for each token, and one for its place."""

    def __init__(self, vocabulary: int, length: int, size: int, rngs: nnx.Rngs) -> None:
        self.tokens, self.places = nnx.Embed(vocabulary, size, rngs=rngs), nnx.Embed(length, size, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.tokens(x) + self.places(jnp.arange(x.shape[1]))


def transformer(vocabulary: int, length: int, size: int, heads: int, blocks: int) -> nnx.Module:
    rngs = nnx.Rngs(0)
    inside = [Encoder(size, heads, rngs) for _ in range(blocks)]
    return nnx.Sequential(Embedded(vocabulary, length, size, rngs), *inside, nnx.Linear(size, vocabulary, rngs=rngs))


def _halved(x: jax.Array) -> jax.Array:
    return nnx.max_pool(x, (2, 2), (2, 2))


def _flat(x: jax.Array) -> jax.Array:
    return x.reshape(len(x), -1)


def _averaged(x: jax.Array) -> jax.Array:
    return x.mean((1, 2))


def _last(x: jax.Array) -> jax.Array:
    return x[:, -1]


def _same(x: jax.Array) -> jax.Array:
    return x
