"""The records of probes as figures: one kind of record a panel, a line for each layer or parameter."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from liuli.core.errors import LiuliError
from liuli.core.extras import require
from liuli.core.fields import nearest
from liuli.core.figures import PALETTE, axis, logarithmic
from liuli.training.curves import learning_curves
from liuli.training.probes.records import Column, Records

if TYPE_CHECKING:
    from liuli.training.history import History

_CHINESE = {
    "epoch": "轮次",
    "training": "训练",
    "validation": "验证",
    "value": "数值",
    "loss": "损失",
    "accuracy": "准确率",
    "noise scale": "噪声尺度",
    "batch": "批大小",
    "values": "输出",
    "gradients": "梯度",
}
_STYLES = ("-", "--", "-.", ":")
_LINES = 8  # in a panel, at most: the first and the last layers are the ones that tell
_POINTS = 400  # of a line, at most: each is the mean of the measured steps around it


class _Kind(NamedTuple):
    label: str
    chinese: str
    lines: Callable[[Records], dict[str, Column]]
    logarithmic: bool = False
    guide: float | None = None

    def called(self, language: str) -> str:
        """What is measured, in words."""
        return self.chinese if language == "zh" else self.label


def panel(records: Records, what: str, ax: Any = None, language: str = "en") -> Any:
    """One kind of record against the step; returns the axis."""
    if what not in KINDS:
        fix = f"write {nearest(what, KINDS)}"
        raise LiuliError("probes", got=f"the kind {what!r}", expected="a kind of record", fix=fix)
    kind = KINDS[what]
    lines = kind.lines(records)
    if not lines:
        raise LiuliError("probes", got=f"no record of {what}", expected="what was measured", fix="fit with probes=...")
    ax, steps = axis(ax), records.steps
    for i, (name, values) in enumerate(_few(lines).items()):
        look = {"color": PALETTE[i % len(PALETTE)], "linestyle": _STYLES[i % len(_STYLES)], "linewidth": 1.3}
        ax.plot(*_thinned(steps, values), label=line_name(name, language), **look)
    if kind.guide is not None:
        ax.axhline(kind.guide, color="0.55", linewidth=0.9, zorder=0)
    if kind.logarithmic and any(np.nanmax(values, initial=0.0) > 0 for values in lines.values()):
        logarithmic(ax)
    elif not kind.logarithmic and kind.label.startswith("share"):
        ax.set_ylim(-0.02, 1.02)
    ax.set_xlabel("步" if language == "zh" else "step")
    ax.set_ylabel(kind.called(language))
    above = {"loc": "lower left", "bbox_to_anchor": (0, 1), "borderaxespad": 0}
    ax.legend(frameon=False, fontsize="small", ncols=2, columnspacing=1.0, **above)
    return ax


def histograms(records: Records, layer: str, what: str, ax: Any = None, language: str = "en") -> Any:
    """The share of a layer's elements in each of equal stretches, step by step; returns the axis."""
    counts, ends = records[f"{layer}/{what}/counts"], records[f"{layer}/{what}/edges"]
    ax, bins = axis(ax), counts.shape[1]
    edges = np.linspace(ends.min(), max(ends.max(), np.nextafter(ends.min(), np.inf)), 2 * bins + 1)
    shares = np.stack([_spread(c, e, edges) for c, e in zip(counts, ends, strict=True)])
    drawn = ax.pcolormesh(_borders(records.steps), edges, shares.T, cmap="Greys", vmin=0.0, rasterized=True)
    chinese = language == "zh"
    ax.figure.colorbar(drawn, ax=ax, label="比例" if chinese else "share of the elements")
    ax.set_xlabel("步" if chinese else "step")
    ax.set_ylabel(f"{layer}: {_CHINESE[what] if chinese else what}", parse_math=False)
    return ax


def _spread(counts: np.ndarray, ends: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The share of what lies between each two ``edges``, where it lies evenly within bins between ``ends``."""
    own = np.linspace(ends[0], max(ends[1], np.nextafter(ends[0], np.inf)), len(counts) + 1)
    below = np.interp(edges, own, np.concatenate([[0.0], np.cumsum(counts)]) / counts.sum())
    return np.diff(below)


def _borders(steps: np.ndarray) -> np.ndarray:
    """Where the column of each step begins, and where the last ends."""
    return np.append(steps, 2 * steps[-1] - steps[-2] if len(steps) > 1 else steps[-1] + 1)


def line_name(name: str, language: str) -> str:
    """What a line is called: a layer or parameter as it is, else a word."""
    return _CHINESE.get(name, name) if language == "zh" else name


def overview(history: History, language: str = "en") -> Any:
    """Learning curves, and a panel for each kind of record that there is; returns the array of axes."""
    records = history.probes
    kinds = [name for name, kind in KINDS.items() if records and kind.lines(records)]
    plots, columns = len(kinds) + 1, 3
    rows = -(-plots // columns)
    _, axes = require("matplotlib.pyplot", extra="plot").subplots(
        rows, columns, figsize=(5 * columns, 3.4 * rows), layout="constrained", squeeze=False
    )
    learning_curves(history, ax=axes.flat[0], words=_CHINESE if language == "zh" else None)
    for ax, kind in zip(axes.flat[1:], kinds, strict=False):
        panel(records, kind, ax, language)  # type: ignore[arg-type]
    for ax in axes.flat[plots:]:
        ax.remove()
    return axes.ravel()[:plots]


def _of_layers(fact: str) -> Callable[[Records], dict[str, Column]]:
    return lambda records: {name: records[f"{name}/{fact}"] for name in records.layers if f"{name}/{fact}" in records}


def _share(fact: str) -> Callable[[Records], dict[str, Column]]:
    """Of the layers in which it is ever other than 0."""
    every = _of_layers(fact)
    return lambda records: {name: values for name, values in every(records).items() if values.any()}


def _of_kernels(fact: Callable[[Records, str], Column]) -> Callable[[Records], dict[str, Column]]:
    """Of the parameters that have more than one axis, by their names: kernels and embeddings, or all if there are
    none."""
    return lambda records: {name: fact(records, name) for name in _kernels(records)}


def _kernels(records: Records) -> list[str]:
    small = ("bias", "beta", "gamma", "alpha")
    return [name for name in records.parameters if not name.endswith(small)] or records.parameters


def _noise(records: Records) -> dict[str, Column]:
    if "noise/product" not in records:
        return {}
    found = records.noise_scale(window=max(8, len(records) // 10))
    batch = np.full(len(records), np.median(records["batch"]))
    return {"noise scale": found, "batch": batch} if np.isfinite(found).any() else {}


def _few(lines: dict[str, Column]) -> dict[str, Column]:
    names = list(lines)
    if len(names) > _LINES:
        names = [names[round(i * (len(names) - 1) / (_LINES - 1))] for i in range(_LINES)]
    return {name: lines[name] for name in names}


def _thinned(steps: np.ndarray, values: Column) -> tuple[np.ndarray, Column]:
    each = -(-len(steps) // _POINTS)
    if each == 1:
        return steps, values
    groups = np.array_split(np.arange(len(steps)), -(-len(steps) // each))
    return np.array([steps[g].mean() for g in groups]), np.array([values[g].mean() for g in groups])


KINDS: dict[str, _Kind] = {
    "gradient": _Kind("|dL/dW|", "梯度范数 |dL/dW|", _of_kernels(lambda r, name: r[f"{name}/gradient"]), True),
    "update ratio": _Kind("|update| / |W|", "更新与权重之比 |ΔW| / |W|", _of_kernels(Records.update_ratio), True, 1e-3),
    "weight": _Kind("|W|", "权重范数 |W|", _of_kernels(lambda r, name: r[f"{name}/weight"])),
    "mean": _Kind("mean of outputs", "输出均值", _of_layers("mean"), guide=0.0),
    "std": _Kind("spread of outputs (standard deviation)", "输出的标准差", _of_layers("std"), True),
    "zeros": _Kind("share of outputs that are 0", "输出为 0 的比例", _share("zeros")),
    "saturated": _Kind("share of saturated outputs", "饱和输出的比例", _share("saturated")),
    "dead": _Kind("share of dead units", "失活单元的比例", _share("dead")),
    "rank": _Kind("effective rank of outputs", "输出的有效秩", _of_layers("rank")),
    "noise scale": _Kind("gradient noise scale (samples)", "梯度噪声尺度（样本数）", _noise, True),
}
