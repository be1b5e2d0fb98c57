"""The persistent compilation cache: programs compiled once are loaded the next time.

On by default in the user's cache folder; the environment variable ``LIULI_CACHE`` names another folder, or turns it
off.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import jax


def folder() -> Path | None:
    """Where compiled programs are kept; None where the cache is off (``LIULI_CACHE=off``)."""
    chosen = os.environ.get("LIULI_CACHE", "")
    if chosen.lower() in ("off", "0", "none", "no"):
        return None
    return (Path(chosen) if chosen else _user_cache() / "liuli" / "compiled") / f"{_cores()}-cores"


def switch_on() -> None:
    """Let JAX keep what it compiles, unless the cache is off, the user chose a folder of JAX's own, or ours cannot
    be written."""
    place = folder()
    if place is None or getattr(jax.config, "jax_compilation_cache_dir", None) or not _writable(place):
        return
    jax.config.update("jax_compilation_cache_dir", str(place))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.05)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def _cores() -> int:
    """The processors that this process may use: XLA compiles for their number, and JAX's keys do not tell."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _user_cache() -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    if os.name == "nt" and os.environ.get("LOCALAPPDATA"):
        return Path(os.environ["LOCALAPPDATA"])
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def _writable(place: Path) -> bool:
    try:
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=place):
            return True
    except OSError:
        return False
