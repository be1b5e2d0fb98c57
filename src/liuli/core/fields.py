"""The fields of a spec: dials, bounds, and the coercion of what a caller writes to what a field holds.

A field is *structure* unless it is a *dial*: a number that may change without recompiling.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import numbers
import types
import typing
from collections.abc import Callable, Iterable
from typing import Any, Literal, Union, get_args, get_origin

from liuli.core.errors import SpecError


def dial(
    *, default: Any = dataclasses.MISSING, least: float | None = None, most: float | None = None, kw_only: bool = False
) -> Any:
    """A numeric field that may change without recompiling, between ``least`` and ``most`` (both allowed).

    >>> from liuli import layers
    >>> layers.Dropout(0.5).rate
    0.5
    """
    metadata = {"dial": True, "least": least, "most": most}
    return dataclasses.field(default=default, metadata=metadata, kw_only=kw_only)


def setting(
    *, default: Any = dataclasses.MISSING, least: float | None = None, most: float | None = None, kw_only: bool = False
) -> Any:
    """A structural field with bounds: changing it makes another network."""
    return dataclasses.field(default=default, metadata={"least": least, "most": most}, kw_only=kw_only)


def is_dial(field: dataclasses.Field[Any], value: Any) -> bool:
    """Whether ``field`` holds a dial now (a dial that is None or a schedule is structure)."""
    return (
        field.metadata.get("dial", False)
        and not isinstance(value, bool)
        and not hasattr(value, "family")
        and value is not None
    )


def nearest(name: str, known: Iterable[str]) -> str:
    """The known names that look most like ``name``, as words for an error message."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return " or ".join(repr(n) for n in near) if near else "one of " + ", ".join(known)


def coerce(value: Any, hint: Any, where: str, resolve: Callable[[Any, type, str], Any]) -> Any:
    """``value`` as the type that ``hint`` names; ``resolve`` turns names into specs.

    Raises:
        SpecError: ``value`` does not fit.
    """
    origin = get_origin(hint)
    if hint is Any:
        return value
    if origin in (Union, types.UnionType):
        return _coerce_union(value, get_args(hint), where, resolve)
    if origin is Literal:
        return _coerce_choice(value, get_args(hint), where)
    if origin is tuple:
        return _coerce_tuple(value, get_args(hint), where, resolve)
    if hint in _SCALARS:
        return _SCALARS[hint](value, where)
    return resolve(value, hint, where)


def check_bounds(value: Any, field: dataclasses.Field[Any], where: str) -> None:
    """Raise SpecError where a number, or any number of a tuple, is outside the field's bounds."""
    least, most = field.metadata.get("least"), field.metadata.get("most")
    for number in value if isinstance(value, tuple) else (value,):
        if not isinstance(number, numbers.Real):
            continue
        if (least is not None and number < least) or (most is not None and number > most):
            bounds = [f"at least {least}"] * (least is not None) + [f"at most {most}"] * (most is not None)
            nearest_bound = least if least is not None and number < least else most
            raise SpecError(
                where, got=f"{number}", expected=f"a number of {' and '.join(bounds)}", fix=f"set it to {nearest_bound}"
            )


def _coerce_union(value: Any, arms: tuple[Any, ...], where: str, resolve: Callable[..., Any]) -> Any:
    if value is None and types.NoneType in arms:
        return None
    failure: SpecError | None = None
    for arm in (a for a in arms if a is not types.NoneType):
        try:
            return coerce(value, arm, where, resolve)
        except SpecError as error:
            failure = failure or error
    raise failure or SpecError(where, got=repr(value), expected="None", fix="leave it out")


def _coerce_choice(value: Any, choices: tuple[Any, ...], where: str) -> Any:
    if value not in choices:
        words = ", ".join(repr(c) for c in choices)
        near = nearest(value, [c for c in choices if isinstance(c, str)]) if isinstance(value, str) else words
        raise SpecError(where, got=repr(value), expected=f"one of {words}", fix=f"write {near}")
    return value


def _coerce_tuple(value: Any, items: tuple[Any, ...], where: str, resolve: Callable[..., Any]) -> tuple[Any, ...]:
    any_length = len(items) == 2 and items[1] is Ellipsis
    if isinstance(value, str) or not isinstance(value, Iterable):
        value = (value,) if any_length else (value,) * len(items)
    value = tuple(value)
    if any_length:
        items = (items[0],) * len(value)
    if len(value) != len(items):
        raise SpecError(where, got=repr(value), expected=f"{len(items)} values", fix=f"give {len(items)} of them")
    return tuple(
        coerce(v, hint, f"{where}[{i}]", resolve) for i, (v, hint) in enumerate(zip(value, items, strict=True))
    )


def _integer(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise SpecError(where, got=_shown(value), expected="an integer", fix="write a whole number such as 64")
    if not -(2**63) <= int(value) < 2**63:
        raise SpecError(where, got=_shown(value), expected="an integer of 64 bits", fix="write a smaller one")
    return int(value)


def real(value: Any, where: str) -> float:
    """``value`` as a float; raises SpecError unless it is a finite number."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not _finite(value):
        raise SpecError(where, got=_shown(value), expected="a finite number", fix="write a number such as 0.5")
    return float(value)


def _finite(value: Any) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer or a fraction beyond every float
        return False


def _boolean(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise SpecError(where, got=_shown(value), expected="True or False", fix="write True or False")
    return value


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise SpecError(where, got=_shown(value), expected="text", fix="write a name in quotes")
    return value


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


_SCALARS: dict[Any, Callable[[Any, str], Any]] = {int: _integer, float: real, bool: _boolean, str: _text}

hints = typing.get_type_hints
