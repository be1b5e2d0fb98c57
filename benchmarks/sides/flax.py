"""Flax NNX with Optax: ``nnx.jit`` around a training step."""

from __future__ import annotations

import jax
import numpy as np
import optax
from flax import nnx

from benchmarks.data import Data
from benchmarks.networks import flax as networks
from benchmarks.sides import Turn
from benchmarks.sides.steps import OPTIMIZERS, batches, loss_of
from benchmarks.workloads import Workload


def start(workload: Workload, data: Data, variant: str) -> Turn:
    model = getattr(networks, workload.network)(**workload.sizes)
    return training(workload, data, model) if workload.kind == "train" else predictions(workload, data[0], model)


def training(workload: Workload, data: Data, model: nnx.Module) -> Turn:
    chosen: optax.GradientTransformation = OPTIMIZERS[workload.optimizer](workload.rate)
    optimizer = nnx.Optimizer(model, chosen, wrt=nnx.Param)

    @nnx.jit
    def step(model: nnx.Module, optimizer: nnx.Optimizer, x: jax.Array, y: jax.Array) -> jax.Array:
        loss, gradient = nnx.value_and_grad(lambda m: loss_of(workload.loss, m(x), y))(model)
        optimizer.update(model, gradient)
        return loss

    def turn(limit: float) -> float:
        for x, y in batches(workload, data):
            loss = step(model, optimizer, x, y)
        jax.block_until_ready((loss, nnx.state(model)))
        return workload.steps

    return turn


def predictions(workload: Workload, x: np.ndarray, model: nnx.Module) -> Turn:
    model.eval()
    predict = nnx.jit(lambda model, x: jax.nn.softmax(model(x)))

    def turn(limit: float) -> float:
        for _ in range(workload.steps):
            np.asarray(predict(model, x))
        return workload.steps

    return turn
