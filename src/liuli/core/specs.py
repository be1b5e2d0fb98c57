"""Specs: frozen values that describe a network and everything around it.

A spec prints, compares, hashes and round-trips through JSON. It holds no arrays. Where a field wants
a spec, its name will do: ``Dense(64, "relu")``. Only registered classes are read back from JSON, so a
file can never run code.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar, Self, TypeVar, dataclass_transform

from liuli.core.errors import FileError, LiuliError, SpecError
from liuli.core.fields import check_bounds, coerce, dial, hints, is_dial, nearest, setting

_BUILT_IN: dict[str, type[Spec]] = {}  # "layers.Dense" -> Dense
_DEEPEST = 64  # levels of nesting that a JSON spec may have

S = TypeVar("S", bound="Spec")


class Spec:
    """The base of every spec. A family (layers, losses, ...) is a subclass made with ``family=``."""

    family: ClassVar[str] = ""
    aliases: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, family: str | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if family is not None:
            cls.family = family

    def __post_init__(self) -> None:
        types = _field_types(type(self))
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            where = f"{type(self).__name__}.{field.name}"
            value = coerce(getattr(self, field.name), types[field.name], where, _resolve)
            check_bounds(value, field, where)
            object.__setattr__(self, field.name, value)
        self.check()

    def check(self) -> None:
        """Raise SpecError where fields that are fine on their own do not fit together."""

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed."""
        return dataclasses.replace(self, **changes)  # type: ignore[type-var]

    def part_name(self, field: str, index: int | None, part: Spec) -> str:
        """The name of a nested spec in a path; the empty name adds nothing to the path."""
        return field if index is None else f"{field}/{index}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(_shown_fields(self))})"


@dataclass_transform(frozen_default=True, field_specifiers=(dial, setting, dataclasses.field))
def spec(cls: type[S]) -> type[S]:
    """Make a class a spec: a frozen dataclass, registered where it is liuli's own.

    Classes of other packages are not registered; name them where a file is read:
    ``Model.load(path, registry=[MyLayer])``.
    """
    made = abstract(cls)
    if made.__module__.partition(".")[0] == __name__.partition(".")[0]:
        _BUILT_IN[type_name(made)] = made
    return made


@dataclass_transform(frozen_default=True, field_specifiers=(dial, setting, dataclasses.field))
def abstract(cls: type[S]) -> type[S]:
    """Make a class a base of specs: it has fields, but no file and no string can mean it."""
    return dataclasses.dataclass(frozen=True, repr=False)(cls)


def type_name(cls: type[Spec]) -> str:
    """The public name of a spec class: its family and its own name.

    >>> from liuli import layers
    >>> type_name(layers.Dense)
    'layers.Dense'
    """
    return f"{cls.family}.{cls.__name__}"


def snake_case(name: str) -> str:
    """A class name as it stands in node names: ``Conv2D`` is ``conv2d``, ``MaxPooling2D`` ``max_pooling2d``,
    ``ReLU`` ``relu``."""
    name = re.sub(r"(Re|Si)LU", r"\1lu", name).replace("RMSprop", "Rmsprop").replace("IoU", "Iou")
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def members(family: str) -> dict[str, type[Spec]]:
    """Every registered class of a family, by class name."""
    return {cls.__name__: cls for key, cls in sorted(_BUILT_IN.items()) if key.startswith(f"{family}.")}


def named(family: str, name: str) -> Spec:
    """The spec of ``family`` that a string means, with its default fields: ``"relu"``, ``"adam"``, ``"mse"``.

    Raises:
        SpecError: nothing in the family has that name (the near names are listed), or it has fields without a default.
    """
    classes = members(family)
    by_name = {_plain(alias): cls for cls in classes.values() for alias in (cls.__name__, *cls.aliases)}
    cls = by_name.get(_plain(name))
    if cls is None:
        known = [snake_case(c) for c in classes] + [a for c in classes.values() for a in c.aliases]
        raise SpecError("", got=repr(name), expected=f"a name from {family}", fix=f"write {nearest(name, known)}")
    try:
        return cls()
    except TypeError:
        missing = [f.name for f in dataclasses.fields(cls) if f.default is dataclasses.MISSING]  # type: ignore[arg-type]
        raise SpecError(
            "",
            got=repr(name),
            expected=f"a value for {', '.join(missing)}",
            fix=f"write {type_name(cls)}({missing[0]}=...)",
        ) from None


def map_parts(spec: S, change: Callable[[str, Spec], Any]) -> S:
    """A copy of ``spec`` in which each directly nested spec became ``change(name, part)``; nothing is re-checked."""
    changes: dict[str, Any] = {}
    for field in dataclasses.fields(spec):  # type: ignore[arg-type]
        value = getattr(spec, field.name)
        if isinstance(value, Spec):
            changes[field.name] = change(spec.part_name(field.name, None, value), value)
        elif isinstance(value, tuple) and any(isinstance(v, Spec) for v in value):
            changes[field.name] = tuple(
                change(spec.part_name(field.name, i, v), v) if isinstance(v, Spec) else v for i, v in enumerate(value)
            )
    return with_fields(spec, changes)


def with_fields(spec: S, changes: Mapping[str, Any]) -> S:
    """A copy of ``spec`` with fields set as they are given, unchecked: traced dials, parts that were checked before."""
    if not changes:
        return spec
    copy = object.__new__(type(spec))
    copy.__dict__.update(spec.__dict__, **changes)
    return copy


def parts(spec: Spec) -> Iterator[tuple[str, Spec]]:
    """Every directly nested spec, with its name in a path."""
    found: list[tuple[str, Spec]] = []
    map_parts(spec, lambda name, part: found.append((name, part)) or part)
    return iter(found)


# JSON ------------------------------------------------------------------------------------------------


def to_json(spec: Spec) -> str:
    """A spec as JSON text; :func:`from_json` reads it back as an equal spec.

    >>> from liuli import losses
    >>> to_json(losses.Huber(delta=2.0))
    '{"spec": "losses.Huber", "reduction": "mean", "delta": 2.0}'
    """
    return json.dumps(plain(spec), allow_nan=False)


def from_json(text: str, registry: Iterable[type[Spec]] = ()) -> Spec:
    """The spec that ``text`` describes. ``registry`` names classes beyond the library's own.

    Raises:
        FileError: the text is not JSON, or not of a spec.
        SpecError: a class is unknown, or a field does not fit.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileError(
            "spec", got=f"text that is not JSON ({error})", expected="JSON", fix="export it again"
        ) from None
    found = from_plain(data, registry)
    if not isinstance(found, Spec):
        raise FileError(
            "spec", got=type(data).__name__, expected='an object with a "spec" entry', fix="export it again"
        )
    return found


def plain(value: Any) -> Any:
    """Specs as dicts, tuples as lists: what JSON can hold."""
    if isinstance(value, Spec):
        fields = {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}  # type: ignore[arg-type]
        return {"spec": type_name(type(value)), **fields}
    if isinstance(value, tuple):
        return [plain(v) for v in value]
    return value


def from_plain(data: Any, registry: Iterable[type[Spec]] = ()) -> Any:
    """The inverse of :func:`plain`, refusing unknown classes, unknown fields and deep nesting."""
    extra = {type_name(cls): cls for cls in registry}
    if taken := extra.keys() & _BUILT_IN.keys():
        raise SpecError("registry", got=min(taken), expected="a name that is not taken", fix="rename the class")
    return _read(data, {**_BUILT_IN, **extra}, "", 0)


def _read(data: Any, classes: Mapping[str, type[Spec]], path: str, depth: int) -> Any:
    if depth > _DEEPEST:
        raise FileError(
            path, got="a spec nested too deeply", expected=f"at most {_DEEPEST} levels", fix="export it again"
        )
    if isinstance(data, list):
        return tuple(_read(v, classes, f"{path}[{i}]", depth + 1) for i, v in enumerate(data))
    if not isinstance(data, dict):
        return data
    name = data.get("spec")
    cls = classes.get(name) if isinstance(name, str) else None
    if cls is None:
        fix = "name its class in registry=[...]" if isinstance(name, str) else "export it again"
        raise SpecError(path, got=f"the unknown type {name!r}", expected="a registered spec", fix=fix)
    fields = {k: _read(v, classes, f"{path}/{k}" if path else k, depth + 1) for k, v in data.items() if k != "spec"}
    try:
        return cls(**fields)
    except LiuliError as error:
        raise error.at(path) if path else error from None
    except TypeError as error:
        raise SpecError(
            path, got=f"fields that {name} does not take ({error})", expected="its fields", fix="export it again"
        ) from None


# Details ---------------------------------------------------------------------------------------------


@functools.cache
def _field_types(cls: type[Spec]) -> dict[str, Any]:
    return hints(cls)


def _resolve(value: Any, hint: Any, where: str) -> Any:
    """A value for a field that holds a spec: the spec itself, or its name."""
    if isinstance(hint, type) and isinstance(value, hint):
        return value
    if isinstance(hint, type) and issubclass(hint, Spec) and isinstance(value, str):
        try:
            return named(hint.family, value)
        except SpecError as error:
            raise error.at(where) from None
    wanted = (
        f"a {getattr(hint, 'family', 'value')} spec or its name" if hasattr(hint, "family") else f"a {hint.__name__}"
    )
    raise SpecError(where, got=repr(value)[:80], expected=wanted, fix="write a name in quotes or make the object")


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")


def _shown_fields(spec: Spec) -> Iterator[str]:
    """Positional values while fields have no default, then ``name=value`` where it differs from the default."""
    for field in sorted(dataclasses.fields(spec), key=lambda f: f.kw_only):  # type: ignore[arg-type]
        value = getattr(spec, field.name)
        if field.default is dataclasses.MISSING:
            yield repr(value)
        elif not _same(value, field.default, spec, field.name):
            yield f"{field.name}={value!r}"


def _same(value: Any, default: Any, spec: Spec, name: str) -> bool:
    if isinstance(default, str) and isinstance(value, Spec):
        return value == named(value.family, default)
    return value is default or (type(value) is type(default) and value == default)


__all__ = [
    "Spec", "abstract", "dial", "from_json", "from_plain", "is_dial", "map_parts", "members", "named", "parts", "plain",
    "setting", "snake_case", "spec", "to_json", "type_name", "with_fields",
]  # fmt: skip
