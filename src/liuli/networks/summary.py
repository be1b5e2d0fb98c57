"""A network as a table: each layer's output shape, parameters, operations and memory."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax

from liuli.layers.base import Context, shown
from liuli.networks.cost import flops
from liuli.networks.graph import Graph, Node, ready

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Row:
    """One call of a layer, for one sample: shapes without the batch axis, memory in bytes."""

    name: str
    layer: str
    inputs: tuple[str, ...]
    output_shape: str
    parameters: int
    trainable: int
    flops: int
    memory: int


@dataclass(frozen=True)
class Summary:
    """What :func:`summarize` found. Prints as a table.

    ``flops`` are those of the forward pass of one sample; ``memory`` is that of the parameters and of all values
    of one sample, in bytes.
    """

    rows: tuple[Row, ...]
    parameters: int
    trainable: int
    flops: int
    memory: int

    def __str__(self) -> str:
        from rich.console import Console

        console = Console(width=100, color_system=None)
        with console.capture() as capture:
            console.print(self)
        return capture.get().rstrip("\n")

    def __rich__(self) -> Table:
        from rich.table import Table

        table = Table(caption=self._totals(), caption_justify="left")
        for column, justify in zip(_COLUMNS, ("left", "left", "right", "right", "right", "right"), strict=True):
            table.add_column(column, justify=justify)  # type: ignore[arg-type]
        for row in self.rows:
            made_of = f"{row.layer} ({', '.join(row.inputs)})" if len(row.inputs) > 1 else row.layer
            counts = f"{row.parameters:,}", quantity(row.flops), f"{quantity(row.memory, 1024)}B"
            table.add_row(row.name, made_of, row.output_shape, *counts)
        return table

    def _totals(self) -> str:
        frozen = self.parameters - self.trainable
        words = f"{self.parameters:,} parameters" + (f" ({frozen:,} frozen)" if frozen else "")
        return f"{words}, {quantity(self.flops)} FLOPs a sample forward, {quantity(self.memory, 1024)}B"


def summarize(net: Graph, x: Any) -> Summary:
    """The table of ``net`` for inputs like ``x`` (ShapeDtypeStruct with a batch axis)."""
    params, state = jax.eval_shape(lambda: net.init(jax.random.key(0), x))
    rows: list[Row] = []
    seen: set[str] = set()

    def call(value: str, node: Node, xs: Any) -> Any:
        own = params.get(node.name, {}), state.get(node.name, {})

        def run(p: Any, s: Any, v: Any) -> Any:
            return node.layer.apply(p, s, ready(v, node.layer, None), Context(path=value))[0]

        y = jax.eval_shape(run, *own, xs)
        weights = 0 if node.name in seen else _elements(own[0])
        seen.add(node.name)
        cost = flops(run, *own, xs)
        memory = sum(_bytes(v) for v in jax.tree.leaves((y, own[0])))
        rows.append(
            Row(
                value,
                type(node.layer).__name__,
                node.inputs,
                _shapes(y),
                weights,
                weights * node.layer.trainable,
                cost,
                memory,
            )
        )
        return y

    net.walk(jax.tree.map(_single, x), call)
    total = [sum(getattr(row, name) for row in rows) for name in ("parameters", "trainable", "flops", "memory")]
    return Summary(tuple(rows), *total)


def quantity(number: float, base: int = 1000) -> str:
    """A number with a prefix: 1.2k, 3.4M.

    >>> quantity(1234), quantity(2048, 1024)
    ('1.2k', '2.0k')
    """
    for prefix in ("", "k", "M", "G", "T"):
        if number < base or prefix == "T":
            return f"{number:.1f}{prefix}" if prefix else f"{number:.0f}"
        number /= base
    return ""


def _single(x: Any) -> Any:
    return jax.ShapeDtypeStruct((1, *x.shape[1:]), x.dtype)


def _elements(tree: Any) -> int:
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(tree))


def _bytes(x: Any) -> int:
    return math.prod(x.shape) * x.dtype.itemsize


def _shapes(y: Any) -> str:
    return " ".join(shown(leaf) for leaf in jax.tree.leaves(y))


_COLUMNS = ("name", "layer", "output shape", "parameters", "FLOPs", "memory")
