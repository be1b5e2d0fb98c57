"""What is asked of the runtime: to compute at once on the CPU, to compile what is small in little memory, and to give
back the memory that compiling took."""

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
_IN_ORDER = {"xla_cpu_scheduler_type": "CPU_SCHEDULER_TYPE_MEMORY_OPTIMIZED"}
_SIMPLE = {"xla_cpu_use_fusion_emitters": False}


def switch_on() -> None:
    """Let programs run in the thread that calls them, unless the user chose otherwise: what is called here is waited
    for, and to wake another thread takes longer than a small network. Give memory back after long compilations: the C
    library would keep it, and programs run beside it."""
    if "JAX_CPU_ENABLE_ASYNC_DISPATCH" not in os.environ:
        jax.config.update("jax_cpu_enable_async_dispatch", False)
    jax.monitoring.register_event_duration_secs_listener(_after)


def frugal(small: bool) -> dict[str, Any] | None:
    """XLA's options for a program on the CPU whose operations need not run side by side: in an order that takes the
    least memory. A ``small`` one, with little to compute, is compiled by the simpler of XLA's two generators: sooner,
    and without the memory of the other. None on other devices, and where this XLA does not know them."""
    if jax.default_backend() != "cpu" or not _known():
        return None
    return _IN_ORDER | _SIMPLE if small else _IN_ORDER


@functools.cache
def _known() -> bool:
    try:
        jax.jit(lambda: 0, compiler_options=_IN_ORDER | _SIMPLE)()
    except jax.errors.JaxRuntimeError:
        return False
    return True


def _after(event: str, duration_secs: float, **_: Any) -> None:
    trim = _trim() if event == _COMPILED and duration_secs > _LONG else None
    if trim is not None:
        trim(0)


@functools.cache
def _trim() -> Callable[[int], int] | None:
    """What gives free memory back; None where the C library has no such function."""
    return getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
