"""Files written whole or not at all: a temporary file beside the target, fsync, rename."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from liuli.core.errors import FileError


def write_whole(path: str | Path, content: bytes | str) -> Path:
    """Write ``content`` to ``path`` so that readers see the old file or the new one, never a part.

    Raises:
        FileError: the folder cannot be written, or the disk is full; what was at ``path`` is untouched.
    """
    path = Path(path)
    with replacing(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A temporary path to fill; it takes the place of ``path`` when the block ends well, and is removed when it does
    not."""
    path = Path(path)
    with told(path, "write"):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            _publish(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def told(path: str | Path, doing: str) -> Iterator[None]:
    """Operating-system errors around ``path`` as FileError: a missing file, a closed folder, a full disk."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise FileError(
            str(path), got=reason, expected=f"to {doing} this file", fix=_FIXES.get(type(error), _FIX)
        ) from error


def _publish(temporary: Path, path: Path) -> None:
    with open(temporary, "rb") as file:
        os.fsync(file.fileno())
    os.chmod(temporary, 0o666 & ~_umask())
    os.replace(temporary, path)
    with suppress(OSError):  # not every file system can sync a folder
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


_FIX = "free some space or choose another folder"
_FIXES = {
    FileNotFoundError: "check the spelling of the path",
    PermissionError: "choose a folder that you may write to",
    IsADirectoryError: "name a file, not a folder",
    NotADirectoryError: "check the spelling of the path",
}
