"""What a spec needs to be tried out: a value for each field without a default, and an input where floats (4, 6) fail.

A new spec needs a line in ``given/`` only if it has such fields; a new layer only if it takes other inputs.
"""

import dataclasses
import importlib
import pkgutil
from typing import Any

import liuli
import liuli.networks
from liuli.core.specs import _BUILT_IN, Spec, parts, type_name
from tests.contract import given
from tests.contract.given import floats

_MODULES = [importlib.import_module(f"{given.__name__}.{found.name}") for found in pkgutil.iter_modules(given.__path__)]


def _gathered(what: str) -> dict[str, Any]:
    return {name: value for module in _MODULES for name, value in getattr(module, what, {}).items()}


FIELDS: dict[str, dict[str, Any]] = _gathered("FIELDS")
INPUTS: dict[str, Any] = _gathered("INPUTS")
STRAIGHT_THROUGH: dict[str, set[str]] = _gathered("STRAIGHT_THROUGH")
_DEFAULT = floats(4, 6)

SPECS = sorted(_BUILT_IN)
LAYERS = [name for name in SPECS if name.startswith("layers.")]


def example(name: str) -> Spec:
    """The spec called ``name``, as small as it comes."""
    return _BUILT_IN[name](**FIELDS.get(name, {}))


def inputs(name: str) -> Any:
    """What goes into the layer called ``name``: an array, or several as a tuple, batch first, float64 or integers."""
    return INPUTS.get(name, _DEFAULT)


def moved(spec: Spec) -> dict[str, float]:
    """Another value for every dial of ``spec``, within its bounds."""
    own = {f.name: f.metadata for f in dataclasses.fields(spec) if _is_number(spec, f)}
    found = {
        name: _another(getattr(spec, name), bounds.get("least"), bounds.get("most")) for name, bounds in own.items()
    }
    for path, part in parts(spec):
        found |= {f"{path}/{name}".lstrip("/"): value for name, value in moved(part).items()}
    return found


def namespace(family: str) -> dict[str, Any]:
    """The names in which a spec of ``family`` prints itself: every spec, those of its own family first."""
    everything = {cls.__name__: cls for cls in _BUILT_IN.values()} | vars(liuli.networks)
    return everything | {cls.__name__: cls for cls in _BUILT_IN.values() if type_name(cls).startswith(f"{family}.")}


def _is_number(spec: Spec, field: dataclasses.Field) -> bool:
    return field.metadata.get("dial", False) and isinstance(getattr(spec, field.name), float)


def _another(value: float, least: float | None, most: float | None) -> float:
    for other in (0.9 * value, 1.1 * value, 0.1, -0.1):
        if other != value and (least is None or other >= least) and (most is None or other <= most):
            return other
    raise ValueError(f"no other value between {least} and {most} near {value}")
