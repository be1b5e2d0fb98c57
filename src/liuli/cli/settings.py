"""What was asked of ``liuli train``: checked before anything is read, and written down to be asked again."""

from __future__ import annotations

import dataclasses
import math
import shlex
from dataclasses import dataclass
from typing import Any, cast, get_args

from liuli.core.errors import DataError, SpecError
from liuli.core.fields import nearest
from liuli.data.cells import Kind

DEFAULT_VALIDATION, FEW_ROWS = 0.1, 50  # no validation part is taken by itself from fewer rows to train on


@dataclass(frozen=True)
class Settings:
    """The options of ``liuli train`` as they were typed; None where the default is left to the data and the network."""

    data: str
    target: str | None = None
    kind: tuple[str, ...] = ()
    network: str | None = None
    epochs: int | None = None
    batch_size: int | None = None
    optimizer: str = "adam"
    learning_rate: float | None = None
    validation: float | None = None
    test: float = 0.2
    patience: int | None = None
    seed: int = 0
    probes: bool = False

    def __post_init__(self) -> None:
        for name, least in {"epochs": 1, "batch_size": 1, "patience": 0, "seed": 0}.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise SpecError(
                    option(name), got=str(value), expected=f"a whole number of at least {least}", fix=_such(name)
                )
        for name in ("validation", "test"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < 1:
                raise SpecError(option(name), got=str(value), expected="a share from 0 to less than 1", fix=_such(name))
        rate = self.learning_rate
        if rate is not None and not (rate > 0 and math.isfinite(rate)):
            raise SpecError(
                "--learning-rate", got=str(rate), expected="a number greater than 0", fix="--learning-rate 0.001"
            )

    @property
    def kinds(self) -> dict[str, Kind]:
        """The kinds of columns that were declared."""
        return dict(map(_kind, self.kind))

    def arguments(self) -> dict[str, Any]:
        """The settings by name, as run.json keeps them."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in dataclasses.asdict(self).items()}

    def command(self, *more: str) -> str:
        """The command that means these settings, to be typed in a shell."""
        words = ["liuli", "train", self.data]
        for field in dataclasses.fields(self)[1:]:
            value = getattr(self, field.name)
            for each in value if isinstance(value, tuple) else [value]:
                said = [] if isinstance(each, bool) else [str(each)]
                words += [option(field.name), *said] if each != field.default else []
        return shlex.join([*words, *more])


def option(name: str) -> str:
    """The name of a field as an option: ``batch_size`` is ``--batch-size``."""
    return f"--{name.replace('_', '-')}"


def _kind(text: str) -> tuple[str, Kind]:
    column, sign, kind = text.rpartition("=")
    if not sign or kind not in get_args(Kind):
        known = get_args(Kind)
        fix = f"--kind {column or text}={known[1]}" if not sign else f"write {nearest(kind, known)}"
        raise DataError("--kind", got=repr(text), expected="COLUMN=KIND", fix=fix)
    return column, cast(Kind, kind)


def _such(name: str) -> str:
    good = {"epochs": 20, "batch_size": 32, "patience": 10, "seed": 0, "validation": 0.1, "test": 0.2}
    return f"{option(name)} {good[name]}"
