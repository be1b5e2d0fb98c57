"""The page that tells of one training: a single HTML file that needs no network and no script, and the same figures
as pictures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write_report(
    path: str | Path,
    *,
    model: Any,
    history: Any,
    data: Any,
    train: Any,
    test: Any,
    evaluation: Mapping[str, float],
    language: str = "en",
    facts: Mapping[str, Any] | None = None,
) -> Path:
    """Stub; facts: command, model (file name, default "model.liuli"), data (as written on the command line), seconds,
    versions (a dict), and anything else by name."""
    raise NotImplementedError


def write_pictures(
    folder: str | Path,
    *,
    model: Any,
    history: Any,
    data: Any,
    train: Any,
    test: Any,
    evaluation: Mapping[str, float],
    language: str = "en",
    facts: Mapping[str, Any] | None = None,
) -> list[Path]:
    raise NotImplementedError
