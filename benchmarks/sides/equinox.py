"""Equinox with Optax: ``eqx.filter_jit`` around a training step, ``jax.vmap`` over the batch."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import numpy as np

from benchmarks.data import Data
from benchmarks.networks import equinox as networks
from benchmarks.sides import Turn
from benchmarks.sides.steps import OPTIMIZERS, batches, loss_of
from benchmarks.workloads import Workload


def start(workload: Workload, data: Data, variant: str) -> Turn:
    model, state = eqx.nn.make_with_state(getattr(networks, workload.network))(**workload.sizes)
    data = (np.ascontiguousarray(data[0].transpose(0, 3, 1, 2)), data[1]) if data[0].ndim == 4 else data
    run = training if workload.kind == "train" else predictions
    return run(workload, data, model, state)


def training(workload: Workload, data: Data, model: Any, state: Any) -> Turn:
    optimizer = OPTIMIZERS[workload.optimizer](workload.rate)
    now = [model, state, optimizer.init(eqx.filter(model, eqx.is_inexact_array))]

    def loss(model: Any, state: Any, x: jax.Array, y: jax.Array) -> tuple[jax.Array, Any]:
        z, state = _batched(model, x, state)
        return loss_of(workload.loss, z, y), state

    @eqx.filter_jit(donate="all")
    def step(model: Any, state: Any, slots: Any, x: jax.Array, y: jax.Array) -> list[Any]:
        (_, state), gradient = eqx.filter_value_and_grad(loss, has_aux=True)(model, state, x, y)
        updates, slots = optimizer.update(gradient, slots, eqx.filter(model, eqx.is_inexact_array))
        return [eqx.apply_updates(model, updates), state, slots]

    def turn(limit: float) -> float:
        for x, y in batches(workload, data):
            now[:] = step(*now, x, y)
        jax.block_until_ready(jax.tree.leaves(eqx.filter(now, eqx.is_array)))
        return workload.steps

    return turn


def predictions(workload: Workload, data: Data, model: Any, state: Any) -> Turn:
    model = eqx.nn.inference_mode(model)
    predict = eqx.filter_jit(lambda model, state, x: jax.nn.softmax(_batched(model, x, state)[0]))

    def turn(limit: float) -> float:
        for _ in range(workload.steps):
            np.asarray(predict(model, state, data[0]))
        return workload.steps

    return turn


def _batched(model: Any, x: jax.Array, state: Any) -> Any:
    return jax.vmap(model, in_axes=(0, None), out_axes=(0, None), axis_name=networks.BATCH)(x, state)
