"""Every public name explains itself, and every spec names its fields."""

import dataclasses
import importlib
import importlib.util
import inspect
import re

import pytest

PUBLIC = [
    "liuli",
    "liuli.activations",
    "liuli.callbacks",
    "liuli.constraints",
    "liuli.data",
    "liuli.initializers",
    "liuli.inspect",
    "liuli.report",
    "liuli.layers",
    "liuli.losses",
    "liuli.metrics",
    "liuli.optimizers",
    "liuli.regularizers",
    "liuli.schedules",
]
MODULES = [name for name in PUBLIC if importlib.util.find_spec(name)]


def own_doc(thing: object) -> str:
    """The docstring that someone wrote: neither inherited, nor the signature that a dataclass writes itself."""
    doc = (thing.__doc__ or "").strip()
    generated = dataclasses.is_dataclass(thing) and doc.startswith(f"{thing.__name__}(")
    return "" if generated else doc


def faults(thing: object) -> list[str]:
    """What a public module, class or function leaves unsaid."""
    missing = [] if len(own_doc(thing).split()) >= 3 else ["has no docstring"]
    if dataclasses.is_dataclass(thing):
        ancestors = [each for each in inspect.getmro(thing) if each.__module__.startswith("liuli")]
        doc = "\n".join(map(own_doc, ancestors))
        names = [field.name for field in dataclasses.fields(thing) if not field.name.startswith("_")]
        missing += [f"does not explain {name}" for name in names if not re.search(rf"\b{name}\b", doc)]
    return missing


def explains_itself(thing: object) -> bool:
    """Whether docstrings are asked of it: a module, class or function of this package, not a constant."""
    home = getattr(thing, "__module__", None) or getattr(thing, "__name__", "")
    kind = inspect.ismodule(thing) or inspect.isclass(thing) or inspect.isroutine(thing)
    return kind and home.startswith("liuli")


@pytest.mark.parametrize("module", MODULES)
def test_public_names_are_documented(module):
    space = importlib.import_module(module)
    assert getattr(space, "__all__", None), f"{module} does not say what is public: it has no __all__"
    things = {name: getattr(space, name) for name in space.__all__}
    things = {module: space} | {f"{module}.{name}": thing for name, thing in things.items() if explains_itself(thing)}
    wrong = [f"{name} {fault}" for name, thing in things.items() for fault in faults(thing)]
    assert not wrong, "\n".join(wrong)
