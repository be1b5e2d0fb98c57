"""From nothing to a trained network: a process that imports the library, trains on digits for five epochs, predicts.

Ours takes part twice: with an empty cache of compiled programs, and with what an earlier process left in one.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.data import Data
from benchmarks.sides import Turn
from benchmarks.workloads import Workload

EPOCHS, BATCH = 5, 32


def start(workload: Workload, data: Data, variant: str) -> Turn:
    """A step is a whole process."""
    function = "torch_process" if variant.startswith("torch") else "our_process"
    kept = tempfile.TemporaryDirectory() if variant == "liuli-warm" else None

    def turn(limit: float) -> float:
        with folder(kept) as cache:
            environment = os.environ | {"LIULI_CACHE": str(cache), "PYTHONPATH": str(Path(__file__).parents[1])}
            command = [sys.executable, "-c", f"from benchmarks.start import {function}; {function}()"]
            subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
        return 1

    return turn


@contextmanager
def folder(kept: tempfile.TemporaryDirectory[str] | None) -> Iterator[Path]:
    """The folder that is kept, or one for this time only."""
    if kept:
        yield Path(kept.name)
        return
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def our_process() -> None:
    import liuli as ll
    from liuli import layers

    data = ll.data.load("digits")
    net = ll.Sequential([layers.Dense(64, "relu"), layers.Dense(10, "softmax")])
    model = ll.Model(net, "categorical_crossentropy", "adam")
    model.fit(data.x, data.y, epochs=EPOCHS, batch_size=BATCH, verbose=0)
    model.predict(data.x)


def torch_process() -> None:
    import torch
    from sklearn.datasets import load_digits
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    x, y = (torch.from_numpy(a) for a in load_digits(return_X_y=True))
    x = x.float()
    net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer, loss_of = torch.optim.Adam(net.parameters()), nn.CrossEntropyLoss()
    for _ in range(EPOCHS):
        for inputs, labels in DataLoader(TensorDataset(x, y), batch_size=BATCH, shuffle=True):
            optimizer.zero_grad()
            loss_of(net(inputs), labels).backward()
            optimizer.step()
    with torch.inference_mode():
        net(x).softmax(-1).numpy()
