"""The networks in Equinox: of one sample, channels first, logits at the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from equinox import nn

BATCH = "batch"  # the axis that batch normalization takes its means over


def mlp(sizes: Sequence[int], hidden: str, end: str) -> nn.Sequential:
    keys, activation = _keys(), nn.Lambda(getattr(jax.nn, hidden, jnp.tanh))
    return nn.Sequential([p for n, m in pairwise(sizes) for p in (nn.Linear(n, m, key=next(keys)), activation)][:-1])


def cnn(shape: tuple[int, int, int], filters: Sequence[int], dense: int) -> nn.Sequential:
    keys, relu = _keys(), nn.Lambda(jax.nn.relu)
    pieces = [
        piece
        for n, m in pairwise((shape[2], *filters))
        for piece in (nn.Conv2d(n, m, 3, padding="SAME", key=next(keys)), relu, nn.MaxPool2d(2, 2))
    ]
    flat = (shape[0] >> len(filters)) * (shape[1] >> len(filters)) * filters[-1]
    end = [nn.Lambda(jnp.ravel), nn.Linear(flat, dense, key=next(keys)), relu, nn.Linear(dense, 10, key=next(keys))]
    return nn.Sequential([*pieces, *end])


class Block(nn.StatefulLayer):
    """relu(x + conv(relu(conv(x)))), where narrowing halves height and width."""

    first: nn.Sequential
    second: nn.Sequential
    shortcut: nn.Sequential

    def __init__(self, channels: int, wide: int, narrowing: bool, keys: Iterator[Any]) -> None:
        strides = 2 if narrowing else 1
        self.first = nn.Sequential([*_normalized(channels, wide, keys, 3, strides), nn.Lambda(jax.nn.relu)])
        self.second = nn.Sequential(_normalized(wide, wide, keys))
        self.shortcut = nn.Sequential(_normalized(channels, wide, keys, 1, 2) if narrowing else [])

    def __call__(self, x: jax.Array, state: nn.State, *, key: Any = None) -> tuple[jax.Array, nn.State]:
        h, state = self.first(x, state)
        h, state = self.second(h, state)
        x, state = self.shortcut(x, state)
        return jax.nn.relu(x + h), state


def residual(shape: tuple[int, int, int], widths: Sequence[int], blocks: int) -> nn.Sequential:
    keys, channels = _keys(), widths[0]
    pieces: list[Any] = [*_normalized(shape[2], channels, keys), nn.Lambda(jax.nn.relu)]
    for stage, wide in enumerate(widths):
        for block in range(blocks):
            pieces.append(Block(channels, wide, stage > 0 and block == 0, keys))
            channels = wide
    return nn.Sequential([*pieces, nn.Lambda(_averaged), nn.Linear(channels, 10, key=next(keys))])


class Recurrent(eqx.Module):
    """The last output of a cell that is scanned over the steps."""

    cell: Any

    def __call__(self, x: jax.Array, *, key: Any = None) -> jax.Array:
        h = jnp.zeros(self.cell.hidden_size)
        start = (h, h) if isinstance(self.cell, nn.LSTMCell) else h
        last, _ = jax.lax.scan(lambda state, x_t: (self.cell(x_t, state), None), start, x)
        return last[0] if isinstance(last, tuple) else last


def recurrent(cell: str, steps: int, features: int, units: int) -> nn.Sequential:
    keys, kind = _keys(), {"lstm": nn.LSTMCell, "gru": nn.GRUCell}[cell]
    return nn.Sequential([Recurrent(kind(features, units, key=next(keys))), nn.Linear(units, 10, key=next(keys))])


class Encoder(eqx.Module):
    """A block of a transformer: attention to the steps before, then a small network."""

    norm: nn.LayerNorm
    norm_2: nn.LayerNorm
    attention: nn.MultiheadAttention
    wide: nn.Linear
    narrow: nn.Linear

    def __init__(self, size: int, heads: int, keys: Iterator[Any]) -> None:
        biases = {f"use_{name}_bias": True for name in ("query", "key", "value", "output")}
        self.norm, self.norm_2 = nn.LayerNorm(size), nn.LayerNorm(size)
        self.attention = nn.MultiheadAttention(heads, size, **biases, key=next(keys))
        self.wide, self.narrow = nn.Linear(size, 4 * size, key=next(keys)), nn.Linear(4 * size, size, key=next(keys))

    def __call__(self, x: jax.Array, *, key: Any = None) -> jax.Array:
        a = jax.vmap(self.norm)(x)
        h = x + self.attention(a, a, a, mask=jnp.tril(jnp.ones((len(x), len(x)), bool)))
        return h + jax.vmap(lambda t: self.narrow(jax.nn.relu(self.wide(self.norm_2(t)))))(h)


class Embedded(eqx.Module):
    """A vector for each token, and one for its place."""

    tokens: nn.Embedding
    places: nn.Embedding

    def __call__(self, x: jax.Array, *, key: Any = None) -> jax.Array:
        return jax.vmap(self.tokens)(x) + self.places.weight


class EachStep(eqx.Module):
    """A dense layer, at every step."""

    dense: nn.Linear

    def __call__(self, x: jax.Array, *, key: Any = None) -> jax.Array:
        return jax.vmap(self.dense)(x)


def transformer(vocabulary: int, length: int, size: int, heads: int, blocks: int) -> nn.Sequential:
    keys = _keys()
    start = Embedded(nn.Embedding(vocabulary, size, key=next(keys)), nn.Embedding(length, size, key=next(keys)))
    inside = [Encoder(size, heads, keys) for _ in range(blocks)]
    return nn.Sequential([start, *inside, EachStep(nn.Linear(size, vocabulary, key=next(keys)))])


def _normalized(channels: int, wide: int, keys: Iterator[Any], size: int = 3, strides: int = 1) -> list[Any]:
    conv = nn.Conv2d(channels, wide, size, strides, padding=size // 2, use_bias=False, key=next(keys))
    return [conv, nn.BatchNorm(wide, BATCH, momentum=0.9, mode="ema")]


def _averaged(x: jax.Array) -> jax.Array:
    return x.mean((1, 2))


def _keys() -> Iterator[Any]:
    return iter(jax.random.split(jax.random.key(0), 100))
