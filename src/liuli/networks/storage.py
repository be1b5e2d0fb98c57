"""Models on disk: one safetensors file whose header holds the JSON of the specs.

Safetensors is data only and is not compressed, so reading it runs no code and a small file cannot unfold
into a large one; the reader checks every size against the file's before it allocates. What it cannot know
is checked here: that it is ours, of a version that we read, and not absurdly long.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from liuli.core.errors import FileError
from liuli.core.files import replacing, told

VERSION = 1
_LONGEST_HEADER = 64 * 2**20  # bytes of JSON


def write(path: str | Path, kind: str, arrays: Mapping[str, np.ndarray], header: Mapping[str, Any]) -> Path:
    """Write arrays by name and a JSON header to ``path``, whole or not at all.

    ``kind`` says what it is (``"model"``, ``"checkpoint"``); :func:`read` asks for it again.

    Raises:
        FileError: the folder cannot be written or the disk is full; what was there before is untouched.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    path = Path(path)
    metadata = {"liuli": json.dumps({"kind": kind, "version": VERSION, **header})}  # one entry: its order is no chance
    with replacing(path) as temporary:
        try:
            save_file({name: np.asarray(a, order="C") for name, a in arrays.items()}, temporary, metadata=metadata)
        except SafetensorError as error:
            raise OSError(str(error)) from error
    return path


def read(path: str | Path, kind: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays and the header of a file that :func:`write` made.

    Raises:
        FileError: there is no such file, it is damaged, it is something else, or a later version made it.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    with told(path, "read"), path.open("rb") as file:
        head = file.read(8)
    length = int.from_bytes(head, "little")
    if len(head) < 8 or length > min(_LONGEST_HEADER, path.stat().st_size):
        raise _damaged(path, "it does not begin as a safetensors file")
    try:
        with safe_open(path, framework="numpy") as file:
            header = _header(path, file.metadata() or {}, kind)
            return {name: file.get_tensor(name) for name in file.keys()}, header  # noqa: SIM118
    except (SafetensorError, OSError, TypeError, ValueError, KeyError) as error:
        if isinstance(error, FileError):
            raise
        raise _damaged(path, str(error)) from error


def _header(path: Path, metadata: Mapping[str, str], kind: str) -> dict[str, Any]:
    try:
        header = json.loads(metadata.get("liuli", "{}"))
    except RecursionError:
        raise _damaged(path, "its header is nested too deeply") from None
    found = header.get("kind") if isinstance(header, dict) else None
    if found != kind:
        got = f"a liuli {found}" if found else "a safetensors file that liuli did not write"
        raise FileError(str(path), got=got, expected=f"a liuli {kind}", fix=f"name a file made by {_MAKERS[kind]}")
    version = header.get("version")
    if version != VERSION:
        fix = "read it with the liuli that wrote it"
        raise FileError(str(path), got=f"format version {version!r}", expected=f"version {VERSION}", fix=fix)
    return header


def _damaged(path: Path, why: str) -> FileError:
    return FileError(
        str(path), got=f"a damaged file ({why})", expected="a whole liuli file", fix="copy or write it again"
    )


_MAKERS = {
    "model": "model.save", "checkpoint": "model.fit(checkpoint=...)", "records of probes": "history.probes.save",
}  # fmt: skip
