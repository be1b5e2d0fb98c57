"""Which rows a step takes: the order of every epoch, drawn from the seed and the epoch's number alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from liuli.core.errors import DataError

_BLOCK = 4096  # steps of small epochs that are prepared and run together


@dataclass(frozen=True)
class Batching:
    """How ``rows`` are dealt out: ``steps`` full batches, then one of ``rest`` rows (none where it is 0).

    A batch of all rows has no order.
    """

    rows: int
    batch_size: int
    shuffle: bool
    seed: int

    @property
    def whole(self) -> bool:
        """Whether every step takes all rows."""
        return self.batch_size == self.rows

    @property
    def steps(self) -> int:
        return self.rows // self.batch_size

    @property
    def rest(self) -> int:
        return self.rows % self.batch_size

    def block(self) -> int:
        """How many epochs are worth running together."""
        return 1 if self.rest else max(1, _BLOCK // self.steps)

    def orders(self, first: int, epochs: int) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Row numbers for epochs ``first``, ``first`` + 1, ...: (epochs * steps, batch), and (1, rest) or None."""
        if self.whole:
            return None, None
        orders = np.stack([self._order(first + e) for e in range(epochs)])
        cut = self.steps * self.batch_size
        full = orders[:, :cut].reshape(epochs * self.steps, self.batch_size)
        return full, orders[:1, cut:] if self.rest else None

    def _order(self, epoch: int) -> np.ndarray:
        if not self.shuffle:
            return np.arange(self.rows, dtype=np.int32)
        return np.random.Generator(np.random.Philox(key=[self.seed, epoch])).permutation(self.rows).astype(np.int32)


def batching(rows: int, batch_size: int | None, shuffle: bool, seed: int) -> Batching:
    """The plan for ``rows``; a batch is 32 rows, or all of fewer, unless said otherwise.

    Raises:
        DataError: the batch is larger than the data, or not positive.
    """
    size = min(32, rows) if batch_size is None else batch_size
    if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 1:
        raise DataError("batch_size", got=repr(size), expected="a whole number of at least 1", fix="batch_size=32")
    if size > rows:
        raise DataError(
            "batch_size", got=f"{size} for {rows} training rows", expected=f"at most {rows}", fix=f"batch_size={rows}"
        )
    return Batching(rows, int(size), shuffle, seed)


def padded_rows(rows: int, batch_size: int, exact: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """All rows in batches of one size, at most ``batch_size`` or ``exact`` where that is given: row numbers, and 1 for
    rows that count, both (batches, batch)."""
    size = exact or min(batch_size, rows)
    batches = -(-rows // size)
    numbers = np.arange(batches * size, dtype=np.int32)
    counts = (numbers < rows).astype(np.float32)
    return np.where(numbers < rows, numbers, 0).reshape(batches, size), counts.reshape(batches, size)


def unpadded(rows: np.ndarray, counts: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """What :func:`padded_rows` gave without the rows that fill the last batch, which then stands by itself."""
    rest = int(counts[-1].sum())
    if rest == counts.shape[1]:
        return [(rows, counts)]
    last = (rows[-1:, :rest], counts[-1:, :rest])
    return [last] if len(rows) == 1 else [(rows[:-1], counts[:-1]), last]


def padded(array: np.ndarray, size: int) -> np.ndarray:
    """``size`` rows: those of ``array``, then its first again."""
    return array if len(array) == size else np.concatenate([array, np.repeat(array[:1], size - len(array), axis=0)])
