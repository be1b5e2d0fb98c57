"""Errors that say where, what was got, what was expected, and one thing to try."""

from __future__ import annotations


class LiuliError(ValueError):
    """Something that the caller can mend.

    ``where`` is the path of the thing at fault (``"dense_1/units"``, a file, a column), ``got`` and
    ``expected`` describe the two sides, ``fix`` is one thing to try.

    >>> print(LiuliError("dense_1/units", got="0", expected="an integer of at least 1", fix="write Dense(64)"))
    dense_1/units: got 0; expected an integer of at least 1. Try: write Dense(64).
    """

    def __init__(self, where: str, *, got: str, expected: str, fix: str) -> None:
        self.where, self.got, self.expected, self.fix = where, got, expected, fix
        super().__init__(where, got, expected, fix)

    def __str__(self) -> str:
        where = f"{self.where}: " if self.where else ""
        return f"{where}got {self.got}; expected {self.expected}. Try: {self.fix}."

    def at(self, path: str) -> LiuliError:
        """The same error, seen from one level further out."""
        where = f"{path}/{self.where}" if self.where else path
        return type(self)(where, got=self.got, expected=self.expected, fix=self.fix)


class SpecError(LiuliError):
    """A field of a layer, loss, optimizer or other spec does not fit."""


class ShapeError(LiuliError):
    """Arrays whose shapes or dtypes do not fit each other or the network."""


class DataError(LiuliError):
    """Data that cannot be read, understood or trained on."""


class FileError(LiuliError):
    """A file that cannot be read or written, or is not what it should be."""
