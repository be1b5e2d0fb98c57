"""The run folder: when a training may write into it, and what lies in it.

The rule: a folder that is not there, or empty, is taken. One in which the same command ran is overwritten, or with
``--resume`` gone on with. Anything else is refused.
"""

from __future__ import annotations

import json
import re
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from liuli.cli.settings import Settings, option
from liuli.cli.terminal import finite
from liuli.core.errors import FileError
from liuli.core.files import told, write_whole

Start = Literal["new", "again", "anew", "on", "first", "done"]


class RunFolder:
    """The files of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.model, self.checkpoint = path / "model.liuli", path / "checkpoint.liuli"
        self.history, self.report, self.pictures = path / "history.jsonl", path / "report.html", path / "pictures"
        self.facts, self.probes = path / "run.json", path / "probes.liuli"

    def read(self) -> dict[str, Any] | None:
        """What run.json says; None where there is none."""
        if not self.facts.exists():
            return None
        with told(self.facts, "read"):
            text = self.facts.read_bytes()
        try:
            found = json.loads(text)
            if isinstance(found, dict) and isinstance(found.get("arguments"), dict):
                return found
        except (ValueError, RecursionError):
            pass
        raise FileError(
            str(self.facts), got="a damaged file", expected="what liuli train wrote", fix="choose another --out"
        )

    def write(self, facts: dict[str, Any]) -> None:
        """Write run.json."""
        write_whole(self.facts, json.dumps(finite(facts), indent=2, ensure_ascii=False) + "\n")

    def begin(self, facts: dict[str, Any], keep_checkpoint: bool) -> None:
        """Say that a run is going on here, and take away what a run before it left."""
        for old in (self.model, self.history, self.report, self.probes, *self.pictures.glob("*.png")):
            old.unlink(missing_ok=True)
        if not keep_checkpoint:
            self.checkpoint.unlink(missing_ok=True)
        self.write(facts)

    def files(self) -> list[Path]:
        """The files that are there, without the checkpoint."""
        some = (self.model, self.report, self.history, self.probes, self.facts)
        return [*(path for path in some if path.exists()), *sorted(self.pictures.glob("*.png"))]


def claim(out: Path | None, settings: Settings, resume: bool) -> tuple[RunFolder, Start]:
    """The folder to write into, and how the run begins there. Nothing is written yet.

    Raises:
        FileError: the folder cannot be written, or holds something else.
    """
    if out is None:
        if resume:
            raise FileError("--resume", got="no folder", expected="the run to go on with", fix="add --out FOLDER")
        out = _numbered(settings.data)
    folder = RunFolder(out)
    check_writable(out)
    found = folder.read()
    if found is None:
        others = sorted(p.name for p in out.iterdir() if not p.name.startswith(".")) if out.exists() else []
        if others:
            raise FileError(
                str(out), got=f"a folder with {others[0]}", expected="an empty folder or a run", fix="another --out"
            )
        return folder, "first" if resume else "new"
    _check_same(folder, found["arguments"], settings.arguments())
    finished = found.get("status") == "finished" and folder.model.exists()
    if finished:
        return folder, "done" if resume else "again"
    if resume:
        return folder, "on" if folder.checkpoint.exists() else "first"
    return folder, "anew"


def tidy(folder: RunFolder) -> None:
    """Where a run failed before anything was learnt, leave nothing of it."""
    if folder.model.exists() or folder.checkpoint.exists():
        return
    with suppress(OSError):
        for path in (folder.facts, folder.history):
            path.unlink(missing_ok=True)
        folder.path.rmdir()


def _numbered(data: str) -> Path:
    """runs/digits-1, runs/digits-2, ...: the first that is free."""
    name = re.sub(r"[^\w.-]+", "-", Path(data).stem or Path(data).resolve().name).strip("-.") or "run"
    number = 1
    while (path := Path("runs") / f"{name}-{number}").exists():
        number += 1
    return path


def check_writable(out: Path) -> None:
    """Raise FileError unless files can be made in the folder, or where it will be made."""
    place = out
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir():
        raise FileError(str(place), got="a file", expected="a folder to write into", fix="choose another --out")
    with told(out, "write"), tempfile.TemporaryFile(dir=place):
        pass


def _check_same(folder: RunFolder, before: dict[str, Any], now: dict[str, Any]) -> None:
    for name, value in now.items():
        if before.get(name) != value:
            raise FileError(
                str(folder.path),
                got=f"a run with {_shown(name, before.get(name))}, and not {_shown(name, value)}",
                expected="a run of the same command",
                fix="choose another --out, or remove the folder",
            )


def _shown(name: str, value: Any) -> str:
    if name == "data":
        return f"the data {value}"
    return f"{option(name)} {value}" if value not in (None, []) else f"no {option(name)}"
