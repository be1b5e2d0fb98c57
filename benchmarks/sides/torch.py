"""PyTorch in three ways: as its tutorials write it (DataLoader, default optimizer); tuned (tensors indexed by a
permutation, fused optimizer, channels last, no DataLoader); and tuned with network and loss through torch.compile.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.data import Data
from benchmarks.networks import torch as networks
from benchmarks.sides import Turn
from benchmarks.workloads import Workload

Batches = Callable[[], Iterator[tuple[torch.Tensor, torch.Tensor]]]


def start(workload: Workload, data: Data, variant: str) -> Turn:
    tuned, compiled = variant != "torch-tutorial", variant == "torch-compiled"
    device = torch.device("cuda" if workload.gpu else "cpu")
    torch.manual_seed(0)
    if workload.gpu and tuned:
        torch.set_float32_matmul_precision("high")
    net = getattr(networks, workload.network)(**workload.sizes).to(device)
    x, y = tensors(data)
    if tuned and x.ndim == 4:
        net, x = net.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
    if workload.kind == "predict":
        return predictions(workload, torch.compile(net.eval()) if compiled else net.eval(), data[0])
    step = stepping(workload, net, tuned, compiled)
    x, y = (x.to(device), y.to(device)) if tuned else (x, y)
    batches = permuted(x, y, workload.batch) if tuned else loaded(x, y, workload.batch, device)
    return training(workload, step, batches)


def training(workload: Workload, step: Callable[..., None], batches: Batches) -> Turn:
    def turn(limit: float) -> float:
        end, steps = time.perf_counter() + limit, 0
        for _ in range(workload.epochs):
            for x, y in batches():
                step(x, y)
                steps += 1
                if steps % 8 == 0 and time.perf_counter() > end:
                    return finished(steps)
        return finished(steps)

    return turn


def finished(steps: int) -> int:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return steps


def stepping(workload: Workload, net: Any, tuned: bool, compiled: bool) -> Callable[..., None]:
    """A step of training; what is compiled is network and loss, and with them their gradient."""
    kind = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[workload.optimizer]
    optimizer = kind(net.parameters(), lr=workload.rate, fused=tuned or None)
    loss_of = LOSSES[workload.loss]

    def loss(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        with casting(workload):
            return loss_of(net(x), y)

    measured = torch.compile(loss) if compiled else loss

    def step(x: torch.Tensor, y: torch.Tensor) -> None:
        optimizer.zero_grad(set_to_none=True)
        measured(x, y).backward()
        optimizer.step()

    return step


def casting(workload: Workload) -> AbstractContextManager[Any]:
    half = workload.precision == "bfloat16"
    return torch.autocast("cuda" if workload.gpu else "cpu", dtype=torch.bfloat16) if half else nullcontext()


def predictions(workload: Workload, net: Any, rows: np.ndarray) -> Turn:
    """Probabilities as NumPy arrays, from NumPy arrays."""

    def turn(limit: float) -> float:
        end = time.perf_counter() + limit
        for call in range(1, workload.steps + 1):
            with torch.inference_mode():
                net(inputs(rows)).softmax(-1).numpy()
            if time.perf_counter() > end:
                return call
        return workload.steps

    return turn


def loaded(x: torch.Tensor, y: torch.Tensor, batch: int, device: torch.device) -> Batches:
    loader = DataLoader(TensorDataset(x, y), batch_size=batch, shuffle=True)
    return lambda: ((a.to(device), b.to(device)) for a, b in loader)


def permuted(x: torch.Tensor, y: torch.Tensor, batch: int) -> Batches:
    def batches() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        if len(x) == batch:
            yield x, y
            return
        for rows in torch.randperm(len(x), device=x.device).split(batch):
            yield x[rows], y[rows]

    return batches


def tensors(data: Data) -> tuple[torch.Tensor, torch.Tensor]:
    """Images channels first, labels as int64."""
    y = torch.from_numpy(data[1])
    return inputs(data[0]).contiguous(), y if y.is_floating_point() else y.long()


def inputs(x: np.ndarray) -> torch.Tensor:
    """Images channels first; of channels-last memory, which is what NumPy's are."""
    return torch.from_numpy(x).permute(0, 3, 1, 2) if x.ndim == 4 else torch.from_numpy(x)


def _of_labels(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return functional.cross_entropy(z.flatten(0, -2), y.flatten())


LOSSES = {
    "classes": _of_labels,
    "chance": functional.binary_cross_entropy_with_logits,
    "squared": functional.mse_loss,
}
