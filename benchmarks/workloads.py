"""What is measured: each workload's data, network, batch, optimizer and loss, the same for every side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

from benchmarks import counts, data

TORCH = ("torch-tutorial", "torch-tuned", "torch-compiled")
JAX = ("keras", "flax", "equinox")


@dataclass(frozen=True)
class Workload:
    """Training of a network, or its predictions, over and over.

    data:       makes x and y of so many rows.
    network:    the function of that name in benchmarks/networks; ``sizes`` are its arguments.
    epochs:     passes over the rows in one turn, or calls of predict.
    loss:       ``classes``: cross entropy of labels; ``chance``: of a yes or no; ``squared``: the mean squared error.
    peers:      who takes part besides ours.
    module:     a file of its own, for what is no plain training.
    """

    name: str
    about: str
    data: Callable[[int], data.Data]
    rows: int
    batch: int
    network: str = ""
    sizes: dict[str, Any] = field(default_factory=dict)
    epochs: int = 1
    loss: Literal["classes", "chance", "squared"] = "classes"
    optimizer: Literal["adam", "sgd"] = "adam"
    rate: float = 1e-3
    peers: tuple[str, ...] = TORCH
    kind: Literal["train", "predict", "start"] = "train"
    precision: Literal["float32", "bfloat16"] = "float32"
    gpu: bool = False
    module: str = ""

    @property
    def steps(self) -> int:
        """Steps, or calls, of one turn."""
        return self.rows // self.batch * self.epochs

    @property
    def operations(self) -> int | None:
        """Floating-point operations of a step: two to a multiply-add, three times the way forward in training."""
        forward = None if self.module else counts.forward(self.network, self.sizes)
        return forward and forward * self.batch * (6 if self.kind == "train" else 2)

    def quick(self) -> Workload:
        """Half of the rows, a quarter of the passes."""
        rows = max(self.rows // 2 // self.batch, 1) * self.batch
        return replace(self, rows=rows, epochs=max(self.epochs // 4, 1))


def _mlp(*sizes: int, hidden: str = "relu", end: str = "classes") -> dict[str, Any]:
    return {"network": "mlp", "sizes": {"sizes": sizes, "hidden": hidden, "end": end}}


def _cnn(shape: tuple[int, int, int], filters: tuple[int, ...], dense: int) -> dict[str, Any]:
    sizes = {"shape": shape, "filters": filters, "dense": dense}
    return {"network": "cnn", "sizes": sizes, "data": partial(data.images, shape=shape)}


def _residual(widths: tuple[int, ...], blocks: int) -> dict[str, Any]:
    shape = (32, 32, 3)
    sizes = {"shape": shape, "widths": widths, "blocks": blocks}
    return {"network": "residual", "sizes": sizes, "data": partial(data.images, shape=shape)}


def _recurrent(cell: str) -> dict[str, Any]:
    sizes = {"cell": cell, "steps": 64, "features": 64, "units": 128}
    return {"network": "recurrent", "sizes": sizes, "data": partial(data.sequences, steps=64, features=64)}


def _transformer(length: int, size: int, heads: int, blocks: int, vocabulary: int = 64) -> dict[str, Any]:
    sizes = {"vocabulary": vocabulary, "length": length, "size": size, "heads": heads, "blocks": blocks}
    return {
        "network": "transformer", "sizes": sizes, "data": partial(data.characters, length=length, vocabulary=vocabulary)
    }  # fmt: skip


_SPIRALS: dict[str, Any] = {
    "data": data.spirals, "loss": "chance", "rate": 0.01, **_mlp(2, 8, 8, 1, hidden="tanh", end="chance")
}  # fmt: skip
_DIGIT_IMAGES: dict[str, Any] = {**_cnn((8, 8, 1), (16, 32), 64), "data": data.digit_images}
_SHAPES: dict[str, dict[str, Any]] = {
    "mlp": {"data": partial(data.vectors, size=784), **_mlp(784, 256, 128, 10)},
    "cnn": _cnn((28, 28, 1), (32, 64), 128),
    "lstm": _recurrent("lstm"),
    "transformer": _transformer(128, 128, 4, 2),
}

_TRAINING = [
    Workload(
        "xor", "3-4-1 sigmoid, squared error, SGD, all four rows a step", data.xor, 4, 4, epochs=60_000, loss="squared",
        optimizer="sgd", rate=0.5, **_mlp(3, 4, 1, hidden="sigmoid", end="sigmoid"),
    ),
    Workload("spirals", "2-8-8-1 tanh, batch 10", rows=200, batch=10, epochs=1000, **_SPIRALS),
    Workload(
        "logistic", "logistic regression on breast cancer, batch 32", data.cancer, 544, 32, epochs=1000, loss="chance",
        peers=(*TORCH, "sklearn"), **_mlp(30, 1, end="chance"),
    ),
    Workload(
        "digits", "64-64-10 on handwritten digits, batch 32", data.digits, 1792, 32, epochs=100,
        peers=(*TORCH, "sklearn"), **_mlp(64, 64, 10),
    ),
    Workload(
        "digits-cnn", "two convolutions on handwritten digits, batch 32", rows=1792, batch=32, epochs=5,
        **_DIGIT_IMAGES,
    ),
    Workload("mlp", "784-256-128-10, batch 128", rows=51_200, batch=128, peers=(*TORCH, *JAX, "sklearn"),
             **_SHAPES["mlp"]),
    Workload("cnn", "conv 32, pool, conv 64, pool, 128, 10 on 28x28x1, batch 128", rows=1024, batch=128, epochs=4,
             peers=(*TORCH, *JAX), **_SHAPES["cnn"]),
    Workload("residual", "16-32-64, a block each, batch norm, on 32x32x3, batch 64", rows=1024, batch=64, epochs=2,
             peers=(*TORCH, *JAX), **_residual((16, 32, 64), 1)),
    Workload(
        "separable", "depthwise-separable 64-128-128 on 32x32x3, batch 64",
        partial(data.images, shape=(32, 32, 3)), 1024, 64, "separable",
        {"shape": (32, 32, 3), "stem": 32, "stages": ((64, 1), (128, 2), (128, 1))},
    ),
    Workload("lstm", "128 units, 64 steps of 64, batch 64", rows=1024, batch=64, epochs=2, peers=(*TORCH, *JAX),
             **_SHAPES["lstm"]),
    Workload("gru", "128 units, 64 steps of 64, batch 64", rows=1024, batch=64, epochs=2, **_recurrent("gru")),
    Workload("transformer", "2 blocks, d 128, 4 heads, 128 characters, batch 32", rows=512, batch=32,
             peers=(*TORCH, *JAX), **_SHAPES["transformer"]),
    Workload(
        "autoencoder", "784-256-64-256-784, batch 128", partial(data.copies, size=784), 25_600, 128, loss="squared",
        peers=(*TORCH, "sklearn"), **_mlp(784, 256, 64, 256, 784, end="linear"),
    ),
    Workload(
        "words", "mean of 64 of 50,000 words, d 64, batch 64",
        partial(data.words, length=64, vocabulary=50_000), 3200, 64, "words", {"vocabulary": 50_000, "size": 64},
    ),
    Workload(
        "many", "256 networks of spirals, each with its own learning rate and seed; a step is one of all", rows=200,
        batch=10, epochs=100, peers=("torch-tutorial", "torch-tuned", "sklearn"), module="benchmarks.many", **_SPIRALS,
    ),
]  # fmt: skip

_PROBING = [
    Workload(f"{name}-probes", f"{name}, measured inside", rows=rows, batch=128, epochs=epochs,
             peers=("liuli-probes-16", "liuli-probes-1"), **_SHAPES[name])
    for name, rows, epochs in (("mlp", 51_200, 1), ("cnn", 1024, 4))
]  # fmt: skip

_PREDICTING = [
    Workload(
        f"{name}-predict-{rows}", f"predictions of {name} for NumPy arrays of {rows:,} rows", rows=rows, batch=rows,
        epochs=200 if rows == 1 else 20 if name == "mlp" else 2, kind="predict", peers=peers, **_SHAPES[name],
    )
    for name, peers in {
        "mlp": ("torch-tuned", "torch-compiled", *JAX, "sklearn"),
        "cnn": ("torch-tuned", "torch-compiled", *JAX),
        "lstm": ("torch-tuned", "torch-compiled", *JAX),
        "transformer": ("torch-tuned", "torch-compiled", *JAX),
    }.items()
    for rows in (1, 1024)
]  # fmt: skip

_START = [
    Workload(
        "start", "a new process: imports, five epochs of digits, predictions; the cache of compiled programs empty",
        data.digits, 32, 32, kind="start", module="benchmarks.start", peers=("liuli-warm", "torch-tutorial"),
    )
]  # fmt: skip

_ON_GPU: list[tuple[str, str, int, int, dict[str, Any]]] = [
    ("mlp-gpu", "4096 wide, four layers, batch 1024", 1024, 32,
     {"data": partial(data.vectors, size=4096), **_mlp(4096, 4096, 4096, 4096, 10)}),
    ("cnn-gpu", "conv 64, pool, conv 128, pool, 256, 10 on 32x32x3, batch 1024", 1024, 16,
     _cnn((32, 32, 3), (64, 128), 256)),
    ("residual-gpu", "64-128-256, two blocks each, on 32x32x3, batch 512", 512, 16, _residual((64, 128, 256), 2)),
    ("transformer-gpu", "6 blocks, d 512, 8 heads, 512 characters, batch 32", 32, 16, _transformer(512, 512, 8, 6)),
]  # fmt: skip
_GPU = [
    Workload(
        name if precision == "float32" else f"{name}-{precision}", f"{about}, {precision}", rows=batch * steps,
        batch=batch, precision=precision, gpu=True, **sizes,
    )
    for name, about, batch, steps, sizes in _ON_GPU
    for precision in ("float32", "bfloat16")
]  # fmt: skip

WORKLOADS = {workload.name: workload for workload in (*_TRAINING, *_PROBING, *_PREDICTING, *_START, *_GPU)}
