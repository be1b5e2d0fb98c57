"""256 networks of spirals, each with its own learning rate and seed. A step is one step of every network; a turn starts
from new weights.

Where networks are trained one after the other, those that the limit leaves out are taken to be as slow as the others.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.data import Data
from benchmarks.sides import OURS, Turn
from benchmarks.workloads import Workload

NETWORKS = 256
RATES = np.geomspace(1e-3, 1e-1, NETWORKS).tolist()


def start(workload: Workload, data: Data, variant: str) -> Turn:
    sides = {OURS: ours, "torch-tutorial": torch_in_turn, "torch-tuned": torch_at_once, "sklearn": sklearn_in_turn}
    return sides[variant](workload, data)


def ours(workload: Workload, data: Data) -> Turn:
    import liuli as ll
    from benchmarks.sides.ours import model_of

    model, settings = model_of(workload), {"optimizer/learning_rate": RATES}

    def turn(limit: float) -> float:
        ll.fit_many(model, *data, settings=settings, epochs=workload.epochs, batch_size=workload.batch)
        return workload.steps

    return turn


def torch_in_turn(workload: Workload, data: Data) -> Turn:
    from benchmarks.sides import torch as side

    return in_turn(lambda rate, seed: side.start(replace(workload, rate=rate), data, "torch-tutorial"))


def sklearn_in_turn(workload: Workload, data: Data) -> Turn:
    from benchmarks.sides.sklearn import estimator_of, training

    return in_turn(lambda rate, seed: training(workload, estimator_of(workload, rate, seed), data))


def in_turn(one: Callable[[float, int], Turn]) -> Turn:
    """One network after the other, each from its start, until the limit."""

    def turn(limit: float) -> float:
        end, made = time.perf_counter() + limit, 0.0
        for seed, rate in enumerate(RATES):
            made += one(rate, seed)(max(end - time.perf_counter(), 0.0))
            if time.perf_counter() > end:
                break
        return made / NETWORKS

    return turn


def torch_at_once(workload: Workload, data: Data) -> Turn:
    """All networks under ``torch.func.vmap``, with an Adam whose rate differs from network to network."""
    import torch
    from torch.func import functional_call, grad, stack_module_state, vmap

    from benchmarks.networks import torch as networks
    from benchmarks.sides import torch as side

    batches = side.permuted(*side.tensors(data), workload.batch)

    def turn(limit: float) -> float:
        nets: list[Any] = [getattr(networks, workload.network)(**workload.sizes) for _ in RATES]
        params = {name: p.detach() for name, p in stack_module_state(nets)[0].items()}

        def loss(params: dict[str, torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return side.LOSSES[workload.loss](functional_call(nets[0], params, (x,)), y)

        gradient, update = vmap(grad(loss), in_dims=(0, None, None)), adam(params, torch.tensor(RATES))
        return side.training(workload, lambda x, y: update(gradient(params, x, y)), batches)(limit)

    return turn


def adam(params: dict[str, Any], rates: Any) -> Callable[[dict[str, Any]], None]:
    """m <- 0.9 m + 0.1 g,   v <- 0.999 v + 0.001 g^2,   p <- p - rate m' / (sqrt(v') + 1e-8), in place"""
    slots = {name: (p.new_zeros(p.shape), p.new_zeros(p.shape)) for name, p in params.items()}
    count = 0

    def update(gradients: dict[str, Any]) -> None:
        nonlocal count
        count += 1
        for name, g in gradients.items():
            (m, v), p = slots[name], params[name]
            m.lerp_(g, 0.1)
            v.mul_(0.999).addcmul_(g, g, value=0.001)
            root = (v / (1 - 0.999**count)).sqrt_().add_(1e-8)
            p.sub_(rates.reshape(-1, *[1] * (p.ndim - 1)) / (1 - 0.9**count) * m / root)

    return update
