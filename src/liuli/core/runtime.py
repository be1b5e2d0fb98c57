"""What is asked of the runtime: to compute at once on the CPU, and to give back the memory that compiling took."""

from __future__ import annotations

import ctypes
import functools
import os
import sys
from collections.abc import Callable
from typing import Any

import jax

_COMPILED = "/jax/core/compile/backend_compile_duration"
_LONG = 0.1  # seconds of compiling, after which much can be given back


def switch_on() -> None:
    """Let programs run in the thread that calls them, unless the user chose otherwise: what is called here is waited
    for, and to wake another thread takes longer than a small network. Give memory back after long compilations: the C
    library would keep it, and programs run beside it."""
    if "JAX_CPU_ENABLE_ASYNC_DISPATCH" not in os.environ:
        jax.config.update("jax_cpu_enable_async_dispatch", False)
    jax.monitoring.register_event_duration_secs_listener(_after)


def _after(event: str, duration_secs: float, **_: Any) -> None:
    trim = _trim() if event == _COMPILED and duration_secs > _LONG else None
    if trim is not None:
        trim(0)


@functools.cache
def _trim() -> Callable[[int], int] | None:
    """What gives free memory back; None where the C library has no such function."""
    return getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
