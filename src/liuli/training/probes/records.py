"""What probes measured: a column for each fact, a row for each measured step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from liuli.core.errors import LiuliError
from liuli.core.fields import nearest
from liuli.networks import storage

Column = np.ndarray  # (measured steps, ...)


class Records(Mapping[str, Column]):
    """What probes measured while a network was trained, by name: ``records["dense_1/mean"]`` has a number for each
    measured step, ``records.steps`` says which steps these are, counted from 0.

    Of a layer's output: mean, std; zeros, saturated (shares of its elements), dead (share of its units), rank, gradient
    (the norm of what arrives there). Of a parameter: weight, gradient, update (norms). Of the step: loss, batch (rows),
    worst/loss and worst/row (the samples with the greatest loss, and their rows), noise/product (of this gradient and
    that of the step before it).

    Where the last softmax or sigmoid is computed together with the loss, the last layer's output is what it has before.
    Of layers that are computed as one (a convolution and its pooling) what leaves the last of them is measured.

    Example:
        >>> from liuli.training.probes import Records
        >>> seen = Records([0, 16], {"dense_1/kernel/weight": [2.0, 2.0], "dense_1/kernel/update": [1.0, 0.5]})
        >>> seen.parameters, seen.update_ratio("dense_1/kernel").tolist()
        (['dense_1/kernel'], [0.5, 0.25])
    """

    def __init__(self, steps: Any = (), columns: Mapping[str, Any] | None = None) -> None:
        self._parts: list[tuple[np.ndarray, dict[str, Column]]] = []
        self.extend(np.asarray(steps, np.int64), {name: np.asarray(v) for name, v in (columns or {}).items()})

    def extend(self, steps: np.ndarray, columns: Mapping[str, Column]) -> None:
        """Append what was measured in some steps."""
        if len(steps):
            self._parts.append((steps, dict(columns)))

    @property
    def steps(self) -> np.ndarray:
        """The steps that were measured."""
        return self._whole()[0]

    def __getitem__(self, name: str) -> Column:
        found = self._whole()[1]
        if name not in found:
            fix = f"write {nearest(name, found)}"
            raise LiuliError("probes", got=f"the record {name!r}", expected="one that was made", fix=fix)
        return found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._whole()[1])

    def __len__(self) -> int:
        """How many steps were measured."""
        return len(self.steps)

    def __bool__(self) -> bool:
        return len(self.steps) > 0

    def __contains__(self, name: object) -> bool:
        return name in self._whole()[1]

    @property
    def layers(self) -> list[str]:
        """The layers whose outputs were measured, in order."""
        return [name.removesuffix("/mean") for name in self._whole()[1] if name.endswith("/mean")]

    @property
    def parameters(self) -> list[str]:
        """The parameters that were measured, in order."""
        return [name.removesuffix("/weight") for name in self._whole()[1] if name.endswith("/weight")]

    def update_ratio(self, parameter: str) -> Column:
        """|update| / |w| at each measured step; about 0.001 is usual."""
        return self[f"{parameter}/update"] / np.maximum(self[f"{parameter}/weight"], np.finfo(np.float32).tiny)

    @property
    def gradient_ratio(self) -> Column:
        """|dL/dW| of the first kernel over that of the last: far below 1 where gradients vanish, far above where they
        explode."""
        kernels = [name for name in self.parameters if name.endswith("kernel")] or self.parameters
        first, last = (self[f"{kernels[i]}/gradient"] for i in (0, -1))
        return first / np.maximum(last, np.finfo(np.float32).tiny)

    def noise_scale(self, window: int | None = None) -> Column:
        """The gradient noise scale tr(S) / |G|^2 at each measured step, over the last ``window`` pairs of steps (all,
        where it is None): about the batch size above which larger batches are no longer worth their cost.

            |G|^2 = mean of g.g',   tr(S) = batch mean of (|g|^2 + |g'|^2) / 2 - g.g'

        where g and g' are the gradients of two batches, one after the other. NaN before the first pair, and where |G|^2
        is lost in the noise.

        Reference: McCandlish, Kaplan and Amodei, *An Empirical Model of Large-Batch Training*, 2018, appendix A, with a
        batch and its double.
        """
        squares, product, batch = self._squares(), self["noise/product"], self["batch"]
        before = np.concatenate([[np.nan], squares[:-1]])
        pair = np.isfinite(product) & (batch == np.concatenate([[np.nan], batch[:-1]]))
        signal = _running(np.where(pair, product, 0.0), pair, window)
        noise = _running(np.where(pair, batch * ((squares + before) / 2 - product), 0.0), pair, window)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(signal > 0, np.maximum(noise, 0.0) / signal, np.nan)

    def worst(self, count: int = 8) -> list[tuple[int, int]]:
        """The rows that most often had the greatest losses, and in how many measured steps: ``[(row, times), ...]``."""
        found, times = np.unique(self["worst/row"], return_counts=True)
        order = np.argsort(-times, kind="stable")[:count]
        return [(int(found[i]), int(times[i])) for i in order]

    def save(self, path: str | Path) -> Path:
        """Write the records to one file, whole or not at all.

        Raises:
            FileError: the folder cannot be written, or the disk is full.
        """
        steps, columns = self._whole()
        return storage.write(path, _KIND, {"steps": steps, **{f"columns/{n}": v for n, v in columns.items()}}, {})

    @classmethod
    def load(cls, path: str | Path) -> Records:
        """Read what :meth:`save` wrote. No code in the file runs.

        Raises:
            FileError: the file is missing, damaged, or something else.
        """
        arrays, _ = storage.read(path, _KIND)
        names = sorted(name for name in arrays if name.startswith("columns/"))
        return cls(arrays.get("steps", ()), {name.removeprefix("columns/"): arrays[name] for name in names})

    def plot(self, what: str = "update ratio", ax: Any = None, language: str = "en") -> Any:
        """One kind of record against the step, a line for each layer or parameter, on a Matplotlib axis.

        what:  "gradient", "update ratio", "weight", "mean", "std", "zeros", "saturated", "dead", "rank", "noise scale".

        Raises:
            LiuliError: nothing of the kind was measured.
        """
        from liuli.training.probes.panels import panel

        return panel(self, what, ax, language)

    def plot_histogram(self, layer: str, what: str = "values", ax: Any = None, language: str = "en") -> Any:
        """How the outputs of a layer, or the gradients that arrive there, were distributed at each measured step: the
        darker, the more of them. Returns the axis.

        what:  "values" or "gradients".

        Raises:
            LiuliError: no histograms were asked for, or there is no such layer.
        """
        from liuli.training.probes.panels import histograms

        return histograms(self, layer, what, ax, language)

    def __repr__(self) -> str:
        what = f"{len(self.layers)} layers, {len(self.parameters)} parameters"
        return f"Records({len(self)} measured steps: {what})" if self else "Records(empty)"

    # Details -----------------------------------------------------------------------------------------

    def _whole(self) -> tuple[np.ndarray, dict[str, Column]]:
        if not self._parts:
            return np.zeros(0, np.int64), {}
        if len(self._parts) > 1:
            steps = np.concatenate([part for part, _ in self._parts])
            columns = {name: np.concatenate([part[name] for _, part in self._parts]) for name in self._parts[0][1]}
            self._parts = [(steps, columns)]
        return self._parts[0]

    def _squares(self) -> Column:
        """|g|^2 of all parameters together."""
        return np.sum([np.square(self[f"{name}/gradient"], dtype=np.float64) for name in self.parameters], axis=0)


def _running(values: Column, counts: np.ndarray, window: int | None) -> Column:
    """The mean of the last ``window`` values that count, at each place."""
    places = np.flatnonzero(counts)
    found = np.full(len(values), np.nan)
    sums = np.concatenate([[0.0], np.cumsum(values[places])])
    for i in range(len(values)):
        last = int(np.searchsorted(places, i, side="right"))
        first = 0 if window is None else max(0, last - window)
        if last > first:
            found[i] = (sums[last] - sums[first]) / (last - first)
    return found


_KIND = "records of probes"
