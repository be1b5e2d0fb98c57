"""Dials: the numbers of a spec that may change without recompiling.

They are lifted out as ``{"dropout_1/rate": 0.5}`` and passed to compiled functions as an argument, so
that a slider, a schedule and a ``vmap`` over a thousand settings are the same mechanism.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

from liuli.core.errors import SpecError
from liuli.core.fields import check_bounds, is_dial, nearest, real
from liuli.core.specs import Spec, map_parts, parts, with_fields

S = TypeVar("S", bound=Spec)


def dials(spec: Spec, path: str = "") -> dict[str, float]:
    """Every dial of a spec and of the specs within it, by path.

    >>> from liuli import optimizers
    >>> dials(optimizers.SGD(0.1, momentum=0.9))
    {'learning_rate': 0.1, 'momentum': 0.9}
    """
    found = {join(path, f.name): getattr(spec, f.name) for f in _own(spec)}
    for name, part in parts(spec):
        found.update(dials(part, join(path, name)))
    return found


def with_dials(spec: S, values: Mapping[str, Any], path: str = "") -> S:
    """The spec with its dials set from ``values`` (numbers or traced arrays); dials that are not named stay."""
    own = {f.name: values[join(path, f.name)] for f in _own(spec) if join(path, f.name) in values}
    return with_fields(map_parts(spec, lambda name, part: with_dials(part, values, join(path, name))), own)


def structure(spec: S) -> S:
    """The spec with every dial at zero: equal for specs that share one compiled program."""
    return with_dials(spec, dict.fromkeys(dials(spec), 0.0))


class Dials(dict[str, float]):
    """The dials of a spec as they stand: a dict whose names are fixed and whose values stay within their bounds.

    >>> from liuli import optimizers
    >>> turned = Dials(optimizers.SGD(0.1)); turned["learning_rate"] = 0.2
    """

    def __init__(self, spec: Spec) -> None:
        super().__init__(dials(spec))
        self.spec = spec

    def __setitem__(self, name: str, value: float) -> None:
        super().__setitem__(name, check_dial(self.spec, name, value))


def check_dial(spec: Spec, name: str, value: float) -> float:
    """``value`` as a float; SpecError where ``name`` is no dial of ``spec`` or ``value`` is outside its bounds."""
    known = _fields(spec)
    if name not in known:
        raise SpecError(
            name, got="an unknown dial", expected="a dial of this network", fix=f"write {nearest(name, known)}"
        )
    value = real(value, name)
    check_bounds(value, known[name], name)
    return value


def join(path: str, name: str) -> str:
    """``path/name``, where either may be empty."""
    return f"{path}/{name}" if path and name else path or name


def _own(spec: Spec) -> list[dataclasses.Field[Any]]:
    return [f for f in dataclasses.fields(spec) if is_dial(f, getattr(spec, f.name))]  # type: ignore[arg-type]


def _fields(spec: Spec, path: str = "") -> dict[str, dataclasses.Field[Any]]:
    found = {join(path, f.name): f for f in _own(spec)}
    for name, part in parts(spec):
        found.update(_fields(part, join(path, name)))
    return found
