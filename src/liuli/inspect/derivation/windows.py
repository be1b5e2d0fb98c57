"""Windows that slide over one, two or three axes of space, as NumPy arrays: what they see, and back."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from liuli.kernels.windows import Sizes, fit, reach

Array = np.ndarray
Seen = tuple[slice, ...]


@dataclass(frozen=True, eq=False)
class Windows:
    """The windows over arrays of one shape, (batch, *space, channels): window i sees s i + d p - o at its place p.

    outputs:  how many windows there are along each axis.
    before:   o, how many elements of the border come first.
    """

    shape: tuple[int, ...]
    window: Sizes
    strides: Sizes
    dilation: Sizes
    outputs: Sizes
    before: Sizes

    @property
    def space(self) -> Sizes:
        return self.shape[1:-1]

    def padded(self, x: Array, fill: float = 0.0) -> Array:
        """``x`` with its border."""
        whole = np.full((len(x), *self._sizes, x.shape[-1]), fill)
        whole[self._middle] = x
        return whole

    def places(self) -> Iterator[Seen]:
        """For every place in the window, row by row, the elements of padded arrays that all windows see there."""
        for place in itertools.product(*map(range, self.window)):
            axes = zip(place, self.dilation, self.outputs, self.strides, strict=True)
            yield (slice(None), *(slice(p * d, p * d + (n - 1) * s + 1, s) for p, d, n, s in axes))

    def views(self, x: Array, fill: float = 0.0) -> list[Array]:
        """What the windows see, for each place: (batch, *outputs, channels)."""
        whole = self.padded(x, fill)
        return [whole[seen] for seen in self.places()]

    def spread(self, at: Callable[[int], Array]) -> Array:
        """The sum over all places of what each window gives to the element that it sees there."""
        whole = np.zeros((self.shape[0], *self._sizes, self.shape[-1]))
        for k, seen in enumerate(self.places()):
            whole[seen] += at(k)
        return whole[self._middle]

    def index(self) -> tuple[str, str]:
        """What window i sees at its place p, as a formula, and what the letters in it are."""
        s, of_s = _number(self.strides, "s", 1)
        d, of_d = _number(self.dilation, "d", 1)
        o, of_o = _number(self.before, "o", 0)
        more = f" - {o}" if o else ""
        text = f"{_times(s)}i + {_times(d)}p{more}"
        return text, r", \quad ".join(part for part in (of_s, of_d, of_o) if part)

    @property
    def _sizes(self) -> Sizes:
        axes = zip(self.space, self.before, self.outputs, self.strides, self.window, self.dilation, strict=True)
        return tuple(max(o + n, (m - 1) * s + reach(k, d)) for n, o, m, s, k, d in axes)

    @property
    def _middle(self) -> Seen:
        inner = zip(self.before, self.space, strict=True)
        return (slice(None), *(slice(o, o + n) for o, n in inner))


def windows(shape: tuple[int, ...], window: Sizes, strides: Sizes, dilation: Sizes, padding: Any) -> Windows:
    """The windows that a layer slides over arrays of ``shape``."""
    fits = [fit(*axis, padding) for axis in zip(shape[1:-1], window, strides, dilation, strict=True)]
    return Windows(
        shape, window, strides, dilation, tuple(m for m, _ in fits), tuple(before for _, (before, _) in fits)
    )


def _number(sizes: Sizes, letter: str, none: int) -> tuple[str, str]:
    """One number where all axes have the same, else a letter and what it is; nothing where it is ``none``."""
    if len(set(sizes)) > 1:
        return letter, rf"{letter} = ({', '.join(map(str, sizes))})"
    return ("" if sizes[0] == none else str(sizes[0])), ""


def _times(factor: str) -> str:
    return f"{factor} \\, " if factor else ""
