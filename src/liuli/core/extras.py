"""Packages that only some of the library needs: imported where they are used, by one rule, or when they are used."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING, Any

from liuli.core.errors import LiuliError


def require(module: str, extra: str) -> ModuleType:
    """The module of that name; where its package is not installed, an error that says which extra brings it.

    Raises:
        LiuliError: the package is not installed.

    >>> require("json", extra="data").__name__
    'json'
    """
    package = module.partition(".")[0]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != package:
            raise
        raise LiuliError(
            package,
            got="no such package",
            expected="it to be installed for this",
            fix=f"pip install 'liuli[{extra}]'",
        ) from error


class Later:
    """A module that is imported when something of it is first asked for.

    >>> Later("json").dumps([1])
    '[1]'
    """

    def __init__(self, module: str) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self._module), name)


if TYPE_CHECKING:
    import optax
else:
    optax = Later("optax")
