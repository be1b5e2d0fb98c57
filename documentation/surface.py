"""The public surface: which names there are, grouped as a reader looks for them."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

MODULES = (
    "liuli", "liuli.layers", "liuli.activations", "liuli.initializers", "liuli.losses", "liuli.metrics",
    "liuli.optimizers", "liuli.schedules", "liuli.regularizers", "liuli.constraints", "liuli.callbacks", "liuli.data",
    "liuli.inspect", "liuli.export", "liuli.report",
)  # fmt: skip
"""The modules that users import from."""


@dataclass(frozen=True)
class Section:
    """Some public names of one module that belong together, because one file or subpackage holds them.

    name:    of that file or subpackage.
    intro:   what it is about.
    things:  the names, and what they mean.
    """

    name: str
    intro: str
    things: tuple[tuple[str, Any], ...]

    @property
    def title(self) -> str:
        """The name as a heading."""
        return self.name.replace("_", " ").capitalize()


def public(module: str) -> dict[str, Any]:
    """Every public class and function of a module that is ours to explain."""
    space = importlib.import_module(module)
    return {name: getattr(space, name) for name in space.__all__ if explains_itself(getattr(space, name))}


def explains_itself(thing: object) -> bool:
    """Whether a docstring is asked of it: a class or function of this package; modules have pages of their own."""
    return (inspect.isclass(thing) or inspect.isroutine(thing)) and _home(thing).startswith("liuli")


def sections(module: str) -> Iterator[Section]:
    """The public names of a module by the file, or subpackage, that they come from."""
    groups: dict[str, list[tuple[str, Any]]] = {}
    for name, thing in sorted(public(module).items()):
        groups.setdefault(_group(module, thing), []).append((name, thing))
    for home, things in sorted(groups.items(), key=lambda group: group[0].rpartition(".")[2]):
        source = importlib.import_module(home)
        yield Section(home.rpartition(".")[2], _intro(source) if home != module else "", tuple(things))


def faults(thing: object) -> list[str]:
    """What a public module, class or function leaves unsaid."""
    missing = [] if len(own_doc(thing).split()) >= 3 else ["has no docstring"]
    if dataclasses.is_dataclass(thing):
        ancestors = [each for each in inspect.getmro(thing) if each.__module__.startswith("liuli")]  # type: ignore[arg-type]
        doc = "\n".join(map(own_doc, ancestors))
        names = [field.name for field in dataclasses.fields(thing) if not field.name.startswith("_")]
        missing += [f"does not explain {name}" for name in names if not re.search(rf"\b{name}\b", doc)]
    return missing


def gaps() -> list[str]:
    """Every public name that is not explained, or explained in part."""
    found = []
    for module in MODULES:
        space = importlib.import_module(module)
        found += [f"{module} {fault}" for fault in faults(space)]
        found += [f"{module}.{name} {fault}" for name, thing in public(module).items() for fault in faults(thing)]
    return found


def own_doc(thing: object) -> str:
    """The docstring that someone wrote: neither inherited, nor the signature that a dataclass writes itself."""
    doc = (thing.__doc__ or "").strip()
    generated = dataclasses.is_dataclass(thing) and doc.startswith(f"{getattr(thing, '__name__', '')}(")
    return "" if generated else doc


def _home(thing: object) -> str:
    return getattr(thing, "__module__", "") or ""


def _group(module: str, thing: Any) -> str:
    """``liuli.layers.convolution.plain`` belongs to ``liuli.layers.convolution``; what comes from elsewhere to where
    it comes from."""
    home = _home(thing)
    below = home.removeprefix(f"{module}.").split(".")[0]
    return f"{module}.{below}" if home.startswith(f"{module}.") and module != "liuli" else home


def _intro(module: ModuleType) -> str:
    return inspect.cleandoc(module.__doc__ or "")
