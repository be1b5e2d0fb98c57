"""The native kernels: functions of a compiled library that XLA calls on its own threads.

They compute in float32 on the CPU. Everywhere else, where the library was not built (no compiler), where the processor
is too old for it, and within :func:`plain`, each operation is plain XLA.
"""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

_PLAIN = jax.make_user_context(default_value=False)
_LIBRARY = Path(__file__).with_name("_native.so")


@contextmanager
def plain() -> Iterator[None]:
    """Within it every operation is plain XLA, which can be differentiated any number of times, and exported.

    >>> import jax
    >>> with plain():
    ...     usable(jnp.ones(3))
    False
    """
    with _PLAIN(True):
        yield


def usable(*arrays: jax.Array | None) -> bool:
    """Whether native kernels can take ``arrays``, of which some may be None."""
    given = [a for a in arrays if a is not None]
    return (
        own_forms()
        and all(a.dtype == jnp.float32 for a in given)
        and all(a.size for a in given)
        and _library() is not None
    )


def own_forms() -> bool:
    """Whether operations may take forms of our own: on the CPU, and not within :func:`plain`."""
    return not _PLAIN.value and jax.default_backend() == "cpu"


def call(
    name: str,
    outputs: Sequence[jax.ShapeDtypeStruct],
    *arrays: jax.Array,
    places: dict[int, int] | None = None,
    **attributes: Any,
) -> Any:
    """The outputs of the native kernel ``name``; under ``vmap`` it is called for one after the other.

    ``places`` says which arrays lie where which outputs will.
    """
    _register(name)
    numbers = {key: _attribute(value) for key, value in attributes.items()}
    run = jax.ffi.ffi_call(_target(name), outputs, vmap_method="sequential", input_output_aliases=places)
    return run(*arrays, **numbers)


def like(*shape: int) -> jax.ShapeDtypeStruct:
    """An output of floats."""
    return jax.ShapeDtypeStruct(shape, jnp.float32)


@functools.cache
def _library() -> ctypes.CDLL | None:
    if os.environ.get("LIULI_NATIVE", "1") == "0" or not _LIBRARY.exists():
        return None
    try:
        library = ctypes.CDLL(str(_LIBRARY))
    except OSError:  # built for another system
        return None
    return library if library.liuli_supported() else None


@functools.cache
def _register(name: str) -> None:
    jax.ffi.register_ffi_target(_target(name), jax.ffi.pycapsule(getattr(_library(), _target(name))), platform="cpu")


def _target(name: str) -> str:
    return f"liuli_{name}"


def _attribute(value: Any) -> Any:
    if isinstance(value, Sequence):
        return np.asarray(value, np.int32)
    return np.float32(value) if isinstance(value, float) else np.int32(value)
