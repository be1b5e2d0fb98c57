"""The networks in PyTorch: channels first, logits at the end."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn

_ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}


def mlp(sizes: Sequence[int], hidden: str, end: str) -> nn.Module:
    pieces = [piece for n, m in pairwise(sizes) for piece in (nn.Linear(n, m), _ACTIVATIONS[hidden]())][:-1]
    return nn.Sequential(*pieces, *([nn.Sigmoid()] if end == "sigmoid" else []))


def cnn(shape: tuple[int, int, int], filters: Sequence[int], dense: int) -> nn.Module:
    channels = (shape[2], *filters)
    pieces = [
        piece
        for n, m in pairwise(channels)
        for piece in (nn.Conv2d(n, m, 3, padding="same"), nn.ReLU(), nn.MaxPool2d(2))
    ]
    flat = (shape[0] >> len(filters)) * (shape[1] >> len(filters)) * filters[-1]
    return nn.Sequential(*pieces, nn.Flatten(), nn.Linear(flat, dense), nn.ReLU(), nn.Linear(dense, 10))


class Block(nn.Module):
    """relu(x + conv(relu(conv(x)))), where narrowing halves height and width."""

    def __init__(self, channels: int, wide: int, narrowing: bool) -> None:
        super().__init__()
        strides = 2 if narrowing else 1
        self.path = nn.Sequential(
            _conv(channels, wide, 3, strides), nn.BatchNorm2d(wide), nn.ReLU(), _conv(wide, wide), nn.BatchNorm2d(wide)
        )
        shortcut = nn.Sequential(_conv(channels, wide, 1, strides), nn.BatchNorm2d(wide))
        self.shortcut = shortcut if narrowing else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.relu(self.shortcut(x) + self.path(x))


def residual(shape: tuple[int, int, int], widths: Sequence[int], blocks: int) -> nn.Module:
    pieces: list[nn.Module] = [_conv(shape[2], widths[0]), nn.BatchNorm2d(widths[0]), nn.ReLU()]
    channels = widths[0]
    for stage, wide in enumerate(widths):
        for block in range(blocks):
            pieces.append(Block(channels, wide, stage > 0 and block == 0))
            channels = wide
    return nn.Sequential(*pieces, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


def separable(shape: tuple[int, int, int], stem: int, stages: Sequence[tuple[int, int]]) -> nn.Module:
    pieces: list[nn.Module] = [nn.Conv2d(shape[2], stem, 3, padding=1), nn.ReLU()]
    channels = stem
    for wide, strides in stages:
        pieces.append(nn.Conv2d(channels, channels, 3, strides, padding=1, groups=channels, bias=False))
        pieces += [nn.Conv2d(channels, wide, 1), nn.ReLU()]
        channels = wide
    return nn.Sequential(*pieces, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


class Recurrent(nn.Module):
    """A dense layer after the last step."""

    def __init__(self, cell: str, steps: int, features: int, units: int) -> None:
        super().__init__()
        self.cell = {"lstm": nn.LSTM, "gru": nn.GRU}[cell](features, units, batch_first=True)
        self.dense = nn.Linear(units, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.dense(self.cell(x)[0][:, -1])


recurrent = Recurrent


class Transformer(nn.Module):
    """Blocks of PyTorch's own, each step attending to those before it."""

    def __init__(self, vocabulary: int, length: int, size: int, heads: int, blocks: int) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(vocabulary, size), nn.Embedding(length, size)
        block = nn.TransformerEncoderLayer(size, heads, 4 * size, dropout=0.0, batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(block, blocks, enable_nested_tensor=False)
        self.dense = nn.Linear(size, vocabulary)
        self.register_buffer("future", nn.Transformer.generate_square_subsequent_mask(length))
        self.register_buffer("steps", torch.arange(length))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.tokens(x) + self.places(self.steps)
        return self.dense(self.blocks(h, mask=self.future, is_causal=True))


transformer = Transformer


def words(vocabulary: int, size: int) -> nn.Module:
    return nn.Sequential(nn.EmbeddingBag(vocabulary, size, mode="mean"), nn.Linear(size, 10))


def _conv(channels: int, wide: int, size: int = 3, strides: int = 1) -> nn.Module:
    return nn.Conv2d(channels, wide, size, strides, padding=size // 2, bias=False)
