"""The table of a workload, the picture of all, and the JSON file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from benchmarks.results import Measured, Outcome

_LOOKS = [("0.15", ""), ("0.45", ""), ("0.7", ""), ("1.0", "///"), ("1.0", "..."), ("1.0", "xxx"), ("1.0", "---")]
_BAR, _GAP = 0.3, 0.25  # inches


def table(outcome: Outcome) -> Table:
    """A row for each side; a ratio above 1 says how many times the time of ours a side takes."""
    unit, speed = ("s", "") if outcome.kind == "start" else ("ms", "rows/s")
    columns = [
        "",
        "compile s",
        f"{unit} a step",
        "quartiles",
        *([speed] if speed else []),
        "times ours",
        "of peak",
        "MB",
    ]
    made = Table(*columns, title=f"{outcome.name}: {outcome.about}", title_justify="left", title_style="bold")
    for column in made.columns:
        column.justify, column.no_wrap = "right", True
    made.columns[0].justify = "left"
    ratios = outcome.ratios()
    for side in (each for each in outcome.sides if each.there):
        made.add_row(side.label, *_figures(outcome, side, ratios.get(side.label), 1 if unit == "s" else 1000))
    out = [f"{side.label} ({side.left_out[:160]})" for side in outcome.measured if not side.there]
    if out:
        made.caption, made.caption_justify = Text(f"left out: {', '.join(out)}"), "left"
    return made


def _figures(outcome: Outcome, side: Measured, ratio: float | None, scale: int) -> list[str]:
    low, high = side.quartiles
    share = outcome.share(side)
    return [
        "" if outcome.kind == "start" else f"{side.compiling:.1f}",
        number(side.median * scale),
        f"{number(low * scale)} to {number(high * scale)}",
        *([] if scale == 1 else [f"{outcome.batch / side.median:,.0f}"]),
        f"{ratio:.2f}" if ratio else "1" if outcome.ratios() else "",
        f"{share:.1%}" if share else "",
        f"{side.memory / 1e6:,.0f}",
    ]


def number(x: float) -> str:
    """Three figures: 1.23e-04, 0.0123, 1.23, 1,234."""
    return f"{x:.3g}" if 1e-3 <= x < 1000 else f"{x:,.0f}" if x >= 1000 else f"{x:.2e}"


def slower(outcomes: list[Outcome]) -> list[str]:
    """Where ours takes longer than a peer, a line each."""
    return [
        f"{outcome.name}: {label} takes {ratio:.2f} of our time"
        for outcome in outcomes
        for label, ratio in outcome.ratios().items()
        if ratio < 1 and not label.startswith("liuli")
    ]


def write_json(path: Path, conditions: dict[str, Any], outcomes: list[Outcome]) -> None:
    """Everything that was measured, and under which conditions."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = conditions | {"results": [outcome.as_json() for outcome in outcomes]}
    path.write_text(json.dumps(content, indent=1) + "\n", "utf-8")


def draw(path: Path, outcomes: list[Outcome], caption: str) -> None:
    """Bars of time relative to ours, a group for each workload, told apart by shade and hatching."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    groups = {outcome.name: ratios for outcome in outcomes if (ratios := outcome.ratios())}
    labels = list(dict.fromkeys(label for ratios in groups.values() for label in ratios))
    rows = sum(len(ratios) for ratios in groups.values())
    height = max(rows * _BAR + len(groups) * _GAP + 1.2, 2.5)
    figure = Figure((8, height), layout="constrained")
    axes = figure.subplots()
    _bars(axes, groups, dict(zip(labels, _LOOKS * len(labels), strict=False)))
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    axes.set_xlabel("time relative to liuli (right of the line: slower)")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.1, y=0.02)
    figure.suptitle(caption, fontsize=9)
    if labels:
        figure.legend(loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)


def _bars(axes: Any, groups: dict[str, dict[str, float]], looks: dict[str, tuple[str, str]]) -> None:
    """From the top down, each bar with its figure; the scale is logarithmic, so bars start at 1."""
    place, ticks, shown = 0.0, [], set()
    for ratios in groups.values():
        top = place
        for label, ratio in ratios.items():
            colour, hatch = looks[label]
            axes.barh(
                place, ratio - 1, _BAR, left=1, color=colour, hatch=hatch, edgecolor="black", linewidth=0.6,
                label=None if label in shown else label,
            )  # fmt: skip
            end = max(ratio, 1), place
            axes.annotate(f"{ratio:.2f}", end, (4, 0), textcoords="offset points", va="center", fontsize=7)
            shown.add(label)
            place += _BAR
        ticks.append((top + place - _BAR) / 2)
        place += _GAP
    axes.set_yticks(ticks, list(groups))
    axes.invert_yaxis()
