"""Where the boxes and arrows of a network stand: layers in ranks, each below what it takes, with few crossings.

Reference: Sugiyama, Tagawa and Toda, *Methods for Visual Understanding of Hierarchical System Structures*, 1981.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

GAP = 28.0  # between neighbours
THREAD = 10.0  # the width of a place where an arrow passes a rank
_SWEEPS = 8


@dataclass(frozen=True)
class Place:
    """A box in the drawing: the rank that it stands in, its centre, and its width."""

    rank: int
    x: float
    width: float


@dataclass(frozen=True)
class Layout:
    """Places by name; each arrow as (from, to, the centres x that it passes, rank by rank); the width of it all."""

    places: dict[str, Place]
    arrows: tuple[tuple[str, str, tuple[float, ...]], ...]
    width: float
    ranks: int


def arrange(takes: Mapping[str, Sequence[str]], widths: Mapping[str, float]) -> Layout:
    """The layout of a graph whose nodes come after what they take.

    takes:   for each node, what it takes, in order.
    widths:  the width of each node's box.

    Example:
        >>> found = arrange({"x": [], "a": ["x"], "b": ["x", "a"]}, {"x": 100.0, "a": 100.0, "b": 100.0})
        >>> [found.places[name].rank for name in ("x", "a", "b")]
        [0, 1, 2]
    """
    ranks = _ranks(takes)
    chains = [(start, end, _chain(start, end, i, ranks)) for end in takes for i, start in enumerate(takes[end])]
    size = dict(widths)
    rows: list[list[str]] = [[] for _ in range(max(ranks.values()) + 1)]
    for name, rank in ranks.items():
        rows[rank].append(name)
    for start, _, chain in chains:
        for step, name in enumerate(chain[1:-1], 1):
            size[name] = THREAD
            rows[ranks[start] + step].append(name)
    joined = [pair for *_, chain in chains for pair in pairwise(chain)]
    x = _centres(_ordered(rows, joined), joined, size)
    left = min(x[name] - size[name] / 2 for name in x)
    places = {name: Place(ranks[name], x[name] - left, widths[name]) for name in takes}
    arrows = tuple((start, end, tuple(x[name] - left for name in chain)) for start, end, chain in chains)
    return Layout(places, arrows, max(x[name] + size[name] / 2 for name in x) - left, len(rows))


def _ranks(takes: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """One more than the lowest of what a node takes; an entrance stands right above the first that takes it."""
    ranks: dict[str, int] = {}
    for name, made_of in takes.items():
        ranks[name] = 1 + max((ranks[n] for n in made_of), default=-1)
    for name in (n for n, made_of in takes.items() if not made_of):
        ranks[name] = max(0, min((ranks[n] for n, made_of in takes.items() if name in made_of), default=1) - 1)
    return ranks


def _chain(start: str, end: str, number: int, ranks: Mapping[str, int]) -> list[str]:
    """The nodes that an arrow meets: its ends, and a place of its own in each rank between them."""
    between = [f"{start}>{end}#{number}:{rank}" for rank in range(ranks[start] + 1, ranks[end])]
    return [start, *between, end]


def _ordered(rows: list[list[str]], joined: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Each rank sorted by the mean place of its neighbours in the rank above, then below, some times."""
    above, below = _neighbours(joined)
    for sweep in range(_SWEEPS):
        near = above if sweep % 2 == 0 else below
        for row in rows if sweep % 2 == 0 else reversed(rows):
            place = {name: i / max(1, len(r) - 1) for r in rows for i, name in enumerate(r)}
            row.sort(key=lambda n: float(np.mean([place[m] for m in near.get(n, [n])])))
    return rows


def _centres(
    rows: Sequence[Sequence[str]], joined: Sequence[tuple[str, str]], size: Mapping[str, float]
) -> dict[str, float]:
    """Each node near the mean of its neighbours, as far as those beside it leave room."""
    above, below = _neighbours(joined)
    x: dict[str, float] = {}
    for row in rows:
        x.update(zip(row, _apart([0.0] * len(row), [size[n] for n in row]), strict=True))
    for sweep in range(2 * _SWEEPS):
        near = (above, below)[sweep % 2]
        for row in rows if sweep % 2 == 0 else reversed(rows):
            wanted = [float(np.mean([x[m] for m in near.get(n, [n])])) for n in row]
            x.update(zip(row, _apart(wanted, [size[n] for n in row]), strict=True))
    return x


def _apart(wanted: Sequence[float], widths: Sequence[float]) -> list[float]:
    """Centres near those wanted, in this order and not overlapping: the mean of pushing right and pushing left."""
    least = [(a + b) / 2 + GAP for a, b in pairwise(widths)]
    right, left = list(wanted), list(wanted)
    for i, gap in enumerate(least, 1):
        right[i] = max(right[i], right[i - 1] + gap)
    for i, gap in reversed(list(enumerate(least))):
        left[i] = min(left[i], left[i + 1] - gap)
    return [(a + b) / 2 for a, b in zip(right, left, strict=True)]


def _neighbours(joined: Sequence[tuple[str, str]]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    above: dict[str, list[str]] = {}
    below: dict[str, list[str]] = {}
    for upper, lower in joined:
        above.setdefault(lower, []).append(upper)
        below.setdefault(upper, []).append(lower)
    return above, below
