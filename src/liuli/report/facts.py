"""What was done, with what: the facts of a training."""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import jax
import numpy as np

from liuli.report.html import Html, join, tag
from liuli.report.panels import brief
from liuli.report.story import Story
from liuli.report.words import Words


def done(story: Story) -> list[tuple[str, Any]]:
    """Names and values of the facts: those that were handed over, and those that the model and the history tell."""
    recipe, words, given = story.model.recipe, story.words, story.facts
    facts: dict[str, Any] = {
        key: tag("code", *_unbroken(given[key])) for key in ("command", "data", "model", "network") if given.get(key)
    }
    facts["split"] = split(story)
    if given.get("started"):
        facts["started"] = _moment(str(given["started"]))
    if given.get("seconds") is not None:
        facts["seconds"] = duration(float(given["seconds"]), words)
    facts["epochs"] = _epochs(story)
    if story.history.stopped:
        facts["stopped"] = _reason(story.history.stopped, words)
    facts |= {key: given[key] for key in ("batch_size", "patience") if given.get(key)}
    facts["loss"] = tag("code", words.several(repr(output.loss) for output in recipe.outputs))
    facts["optimizer"] = tag("code", recipe.optimizer)
    facts |= _rate(story)
    facts |= {"seed": recipe.seed, "precision": recipe.precision}
    named = given.get("versions") or versions()
    facts["versions"] = words.several(f"{name} {each}" for name, each in named.items())
    return [(words(f"fact {key}"), value) for key, value in facts.items()]


def split(story: Story) -> str:
    """How many rows each part of the data has."""
    words, sizes = story.words, story.facts.get("split")
    if not isinstance(sizes, Mapping):
        sizes = {"train": len(story.train), story.part: len(story.test)}
    return words.several(f"{words(f'part {part}')} {rows}" for part, rows in sizes.items() if rows)


def versions() -> dict[str, str]:
    """The versions of liuli and of what it stands on."""
    found = {"jax": jax.__version__, "numpy": np.__version__, "python": platform.python_version()}
    try:
        return {"liuli": version("liuli"), **found}
    except PackageNotFoundError:  # run from its source folder
        return found


def duration(seconds: float, words: Words) -> str:
    """A time as people say it.

    >>> [duration(s, Words("en")) for s in (0.25, 75, 7260)]
    ['0.25 seconds', '1 min 15 s', '2 h 1 min']
    """
    if seconds < 60:
        return words("seconds", n=f"{seconds:.3g}")
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return words("minutes", m=minutes, s=rest)
    return words("hours", h=minutes // 60, m=minutes % 60)


def _epochs(story: Story) -> Any:
    trained = len(story.history)
    asked = story.facts.get("epochs", trained)
    return trained if asked == trained else story.words("epochs of", n=trained, all=asked)


def _rate(story: Story) -> dict[str, Any]:
    """The learning rate, and the schedule that changes it; nothing where the optimizer has none."""
    rate = getattr(story.model.recipe.optimizer, "learning_rate", None)
    if rate is None or isinstance(rate, int | float):
        found = story.model.dials.get("optimizer/learning_rate", rate)
        return {} if found is None else {"learning_rate": brief(found)}
    return {"learning_rate": tag("code", rate)}


def _moment(text: str) -> str:
    """A moment in ISO's form, to the minute; another text as it is.

    >>> _moment("2026-01-31T09:30:12+00:00")
    '2026-01-31 09:30 UTC'
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{moment:%Y-%m-%d %H:%M} {moment.tzname() or ''}".strip()


def _reason(stopped: str, words: Words) -> str:
    """Why training ended, in the language of the report where it is a reason that is known."""
    if stopped == "interrupted":
        return words("stopped interrupted")
    if found := re.fullmatch(r"(\w+) has not improved since epoch (\d+)", stopped):
        return words("stopped monitor", name=_monitored(found[1], words), epoch=found[2])
    if found := re.fullmatch(r"the loss became (\S+) in epoch (\d+)", stopped):
        return words("stopped loss", value=found[1], epoch=found[2])
    return stopped


def _monitored(name: str, words: Words) -> str:
    part = "validation" if name.startswith("val_") else "training"
    return words(f"measured {part}", name=words.quantity(name.removeprefix("val_")))


def _unbroken(text: Any) -> list[Html]:
    """The words of a command, of which none is broken at a hyphen."""
    return [join([" " * (i > 0), tag("span", word)]) for i, word in enumerate(str(text).split(" "))]
