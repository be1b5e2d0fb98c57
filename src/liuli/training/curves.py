"""Learning curves: what was logged, epoch by epoch, on a Matplotlib axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from liuli.core.errors import LiuliError
from liuli.core.fields import nearest
from liuli.core.figures import PALETTE, axis

if TYPE_CHECKING:
    from liuli.training.history import History

SHARES = ("accuracy", "acc", "precision", "recall", "f1_score", "auc")
"""Quantities between 0 and 1, by the end of their names."""

_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_MARKED = 12  # markers on a line, at most


def learning_curves(
    history: History, names: Sequence[str] | None = None, ax: Any = None, words: Mapping[str, str] | None = None
) -> Any:
    """Training (solid) and validation (dashed) of each quantity against the epoch; returns the axis.

    history:  what ``fit`` returned.
    names:    quantities such as "loss"; all that were logged, where it is not given.
    ax:       the Matplotlib axis to draw on; a new one where it is not given.
    words:    other words for "epoch", "training", "validation", "value" and the names of quantities.

    Raises:
        LiuliError: a quantity was not logged; the near names are listed.

    Example:
        >>> from liuli.training import History
        >>> ax = learning_curves(History([{"loss": 0.5, "val_loss": 0.6}, {"loss": 0.25, "val_loss": 0.5}]))
        >>> [line.get_ydata().tolist() for line in ax.lines]
        [[0.5, 0.25], [0.6, 0.5]]
    """
    ax, words = axis(ax), words or {}
    chosen = quantities(history, names)
    for i, name in enumerate(chosen):
        for prefix, part in (("", "training"), ("val_", "validation")):
            label = words.get(part, part) if len(chosen) == 1 else f"{_label(name, words)}, {words.get(part, part)}"
            _line(ax, history, prefix + name, label, i)
    ax.set_xlabel(words.get("epoch", "epoch"))
    ax.set_ylabel(_label(chosen[0], words) if len(chosen) == 1 else words.get("value", "value"), parse_math=False)
    ax.xaxis.get_major_locator().set_params(integer=True)
    if ax.lines:
        above = (
            {"loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": 2, "borderaxespad": 0} if len(chosen) == 1 else {}
        )
        ax.legend(frameon=False, **above)
    return ax


def quantities(history: History, names: Sequence[str] | None = None) -> list[str]:
    """What was logged, each quantity once for training and validation: those in ``names``, or all of them."""
    logged = list(dict.fromkeys(name.removeprefix("val_") for name in history.names))
    chosen = logged if names is None else list(dict.fromkeys(name.removeprefix("val_") for name in names))
    for name in chosen:
        if name not in logged:
            raise LiuliError(
                "history", got=f"the quantity {name!r}", expected="one that was logged", fix=nearest(name, logged)
            )
    return chosen


def _line(ax: Any, history: History, name: str, label: str, number: int) -> None:
    """One line: solid and filled for training, dashed and hollow for validation."""
    points = [(epoch, logs[name]) for epoch, logs in enumerate(history, 1) if name in logs]
    if not points:
        return
    colour, held = PALETTE[number % len(PALETTE)], name.startswith("val_")
    ax.plot(
        *zip(*points, strict=True),
        color=colour,
        linestyle="--" if held else "-",
        marker=_MARKERS[number % len(_MARKERS)],
        markerfacecolor="white" if held else colour,
        markersize=4,
        markevery=max(1, -(-len(points) // _MARKED)),
        label=label,
    )


def _label(name: str, words: Mapping[str, str]) -> str:
    unit = " (0 to 1)" if name.endswith(SHARES) else ""
    return words.get(name, name.replace("_", " ") + unit)
