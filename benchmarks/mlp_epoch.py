"""One epoch of an MLP 784-256-128-10 on 60,000 random samples, batch 128, Adam: liuli against PyTorch.

PyTorch trains twice: as its tutorial writes it (DataLoader, default Adam), and tuned (tensors indexed by a permutation,
fused Adam, no DataLoader). The sides take turns in one process, with equal threads; the first round warms up and is not
counted.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from itertools import pairwise

import numpy as np

ROWS, SIZES, BATCH = 60_000, (784, 256, 128, 10), 128
EPOCHS, ROUNDS = 1, 7  # epochs of one turn, turns that count


def main() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((ROWS, SIZES[0]), dtype=np.float32)
    y = rng.integers(0, SIZES[-1], ROWS)
    sides = {
        "liuli": liuli_side(x, y),
        "PyTorch, tutorial loop": torch_side(x, y),
        "PyTorch, tuned": torch_side(x, y, tuned=True),
    }
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(ROUNDS + 1):
        for name, train in sides.items():
            began = time.perf_counter()
            train()
            times[name].append((time.perf_counter() - began) / EPOCHS)
    ours = times["liuli"][1:]
    print(f"{os.cpu_count()} threads each, {ROUNDS} rounds of {EPOCHS} epochs after a warm-up")
    for name, all_seconds in times.items():
        seconds = all_seconds[1:]
        ratios = [s / o for s, o in zip(seconds, ours, strict=True)]
        middle, ratio = statistics.median(seconds), statistics.median(ratios)
        print(
            f"{name:24} {middle:.3f} s an epoch ({min(seconds):.3f} to {max(seconds):.3f}), {ratio:.2f} times liuli's"
        )


def liuli_side(x: np.ndarray, y: np.ndarray) -> Callable[[], object]:
    """As a user writes it."""
    import liuli as ll
    from liuli import layers

    net = ll.Sequential([*(layers.Dense(n, "relu") for n in SIZES[1:-1]), layers.Dense(SIZES[-1], "softmax")])
    model = ll.Model(net, "categorical_crossentropy", "adam")
    return lambda: model.fit(x, y, epochs=EPOCHS, batch_size=BATCH, verbose=0)


def torch_side(x: np.ndarray, y: np.ndarray, tuned: bool = False) -> Callable[[], None]:
    """The loop of PyTorch's tutorial, or the best that is usual."""
    import torch
    from torch import nn

    torch.set_num_threads(os.cpu_count() or 1)
    pairs = pairwise(SIZES)
    pieces = [piece for n, m in pairs for piece in (nn.Linear(n, m), nn.ReLU())][:-1]
    net, loss_of = nn.Sequential(*pieces), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(net.parameters(), fused=tuned or None)
    data = torch.from_numpy(x), torch.from_numpy(y)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*data), batch_size=BATCH, shuffle=True)

    def batches():
        if not tuned:
            yield from loader
            return
        for rows in torch.randperm(len(x)).split(BATCH):
            yield data[0][rows], data[1][rows]

    def train() -> None:
        for _ in range(EPOCHS):
            for inputs, labels in batches():
                optimizer.zero_grad()
                loss_of(net(inputs), labels).backward()
                optimizer.step()

    return train


if __name__ == "__main__":
    main()
