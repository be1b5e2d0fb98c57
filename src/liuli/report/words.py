"""Every text of the report, in English and in Chinese. Names that the user chose stand as they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, get_args

from liuli.core.errors import SpecError
from liuli.core.fields import nearest
from liuli.report.texts import TEXTS, Language


@dataclass(frozen=True)
class Words:
    """The texts in one language.

    language:  "en" or "zh".

    Raises:
        SpecError: another language.

    Example:
        >>> Words("zh")("rows of", n=3)
        '3 行'
    """

    language: Language = "en"

    def __post_init__(self) -> None:
        known = get_args(Language)
        if self.language not in known:
            raise SpecError(
                "language",
                got=repr(self.language),
                expected=f"one of {', '.join(known)}",
                fix=f"write {nearest(str(self.language), known)}",
            )

    def __call__(self, key: str, **values: Any) -> str:
        """The text that ``key`` means, with ``values`` filled in."""
        return TEXTS[key][get_args(Language).index(self.language)].format(**values)

    def quantity(self, name: str) -> str:
        """The name of a loss, a metric or a fact, where it has one in this language; else the name as it is."""
        return self(f"quantity {name}") if f"quantity {name}" in TEXTS else name.replace("_", " ")

    def several(self, names: Iterable[str]) -> str:
        """Names in a list."""
        return ("、" if self.language == "zh" else ", ").join(names)

    def series(self, parts: Iterable[str]) -> str:
        """Parts of a sentence, one after the other."""
        return ("；" if self.language == "zh" else "; ").join(parts)

    def sentences(self, said: Iterable[str]) -> str:
        """Sentences, one after the other."""
        return ("" if self.language == "zh" else " ").join(said)


ENGLISH = Words("en")
