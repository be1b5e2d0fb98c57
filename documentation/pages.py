"""Pages in Markdown, made from the public surface."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from documentation.docstrings import Docstring, parse
from documentation.surface import Section, own_doc, sections
from liuli.core.specs import Spec, members, snake_case


def module_page(module: str, title: str, intro: str, pictures: Mapping[str, str]) -> str:
    """The page of a module: its intro, and every public name in sections; ``pictures`` are files by name."""
    parts = [f"# {title}", intro]
    several = list(sections(module))
    for section in several:
        if len(several) > 1:
            parts += [f"## {section.title}", _prose(section.intro)]
        parts += _things(section, pictures, level=3 if len(several) > 1 else 2)
    return _page(parts)


def section_page(section: Section, pictures: Mapping[str, str]) -> str:
    """The page of one section of a large module."""
    return _page([f"# {section.title}", _prose(section.intro), *_things(section, pictures, level=2)])


def index_page(module: str, title: str, intro: str) -> str:
    """The page of a large module: what its sections hold, each on a page of its own."""
    rows = ["| | |", "|---|---|"]
    for section in sections(module):
        page = f"{module}.{section.name}.md"
        names = ", ".join(f"[{name}]({page}#{name.lower()})" for name, _ in section.things)
        rows.append(f"| [{section.title}]({page}) | {names} |")
    hidden = "\n".join(f"{module}.{section.name}" for section in sections(module))
    return _page([f"# {title}", intro, "\n".join(rows), f"```{{toctree}}\n:hidden:\n\n{hidden}\n```"])


def _page(parts: Iterable[str]) -> str:
    return "\n\n".join(filter(None, parts)) + "\n"


def _things(section: Section, pictures: Mapping[str, str], level: int) -> Iterator[str]:
    for name, thing in section.things:
        yield from entry(name, thing, pictures.get(name), level)


def entry(name: str, thing: Any, picture: str | None = None, level: int = 3) -> Iterator[str]:
    """A public class or function: signature, equation, fields, errors, example, methods."""
    doc = parse(own_doc(thing), _names(thing))
    yield f"{'#' * level} {name}"
    if inspect.isclass(thing) and issubclass(thing, Spec) and (words := _strings(thing)):
        yield f"By name: {words}"
    yield _code(signature(name, thing))
    yield from _body(doc)
    if picture:
        yield f"![{name}]({picture})"
    if table := _table(thing, doc):
        yield table
    if doc.raises:
        yield "**Raises**"
        yield "\n".join(f"- {_inline(line)}" for line in doc.raises)
    yield from (f"**{label}.** {_inline(text)}" for label, text in doc.labelled)
    if doc.example:
        yield "**Example**"
        yield _code(doc.example, "python")
    if inspect.isclass(thing):
        for own, method in _methods(thing):
            yield from entry(own, method, level=level + 1)


def signature(name: str, thing: Any) -> str:
    """The call of a class or function, one argument a line where it is long."""
    try:
        parameters = [p for p in inspect.signature(thing).parameters.values() if p.name != "self"]
    except (TypeError, ValueError):
        return name
    words = [str(p.replace(annotation=inspect.Parameter.empty)) for p in parameters]
    if (star := next((i for i, p in enumerate(parameters) if p.kind is p.KEYWORD_ONLY), None)) is not None:
        words.insert(star, "*")
    words = [re.sub(r"<factory>|<[^>]*>", "...", word) for word in words]
    line = f"{name}({', '.join(words)})"
    return line if len(line) <= 88 else "{}(\n{}\n)".format(name, "\n".join(f"    {word}," for word in words))


def _body(doc: Docstring) -> Iterator[str]:
    looks_like_code = re.search(r" = |<-|: \(|\|", doc.equation) is not None
    yield _code(doc.equation) if looks_like_code else _prose(doc.equation)
    for paragraph in doc.prose:
        yield _code(paragraph) if re.search(r"^\S.*  +\S+: \(", paragraph, re.MULTILINE) else _prose(paragraph)


def _table(thing: Any, doc: Docstring) -> str:
    if not doc.fields:
        return ""
    fields = dataclasses.fields(thing) if dataclasses.is_dataclass(thing) else ()
    dials = {field.name for field in fields if field.metadata.get("dial")}
    rows = ["| field | what it does |", "|---|---|"]
    known = {field.name for field in fields} or set(_names(thing))
    for names, text in doc.fields:
        marked = ", ".join(f"`{n}`{' (dial)' if n in dials else ''}" if n in known else n for n in names.split(", "))
        rows.append(f"| {marked} | {_inline(text).replace('|', chr(92) + '|')} |")
    return "\n".join(rows)


def _methods(cls: type) -> Iterator[tuple[str, Any]]:
    """What a class adds of its own that has a docstring: for specs their fields say it all."""
    if issubclass(cls, Spec):
        return
    for name, value in vars(cls).items():
        method = value.__func__ if isinstance(value, (staticmethod, classmethod)) else value
        method = method.fget if isinstance(method, property) else method
        if not name.startswith("_") and inspect.isfunction(method) and method.__doc__:
            yield name, method


def _names(thing: Any) -> list[str]:
    if dataclasses.is_dataclass(thing):
        return [field.name for field in dataclasses.fields(thing)]
    try:
        return list(inspect.signature(thing).parameters)
    except (TypeError, ValueError):
        return []


def _strings(cls: type[Spec]) -> str:
    """The strings that mean a spec, where its fields all have defaults."""
    if members(cls.family).get(cls.__name__) is not cls:
        return ""
    if any(field.default is dataclasses.MISSING for field in dataclasses.fields(cls)):  # type: ignore[arg-type]
        return ""
    return ", ".join(f'`"{word}"`' for word in (snake_case(cls.__name__), *cls.aliases))


def _prose(text: str) -> str:
    """Paragraphs as they are, indented lines as code."""
    return "\n\n".join(
        _code(inspect.cleandoc(part)) if part.startswith("    ") else _inline(" ".join(part.split()))
        for part in re.split(r"\n\s*\n", text)
        if part.strip()
    )


def _inline(text: str) -> str:
    """Double backquotes as Markdown's single ones; ``:class:`` and the like as code; nothing taken as HTML."""
    text = re.sub(r":\w+:`([^`]+)`", r"`\1`", text).replace("``", "`")
    pieces = re.split(r"(`[^`]*`)", text)
    return "".join(p if p.startswith("`") else p.replace("<", "&lt;").replace("_", r"\_") for p in pieces)


def _code(text: str, language: str = "text") -> str:
    return f"```{language}\n{text}\n```"
