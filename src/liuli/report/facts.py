"""What was done, with what: the facts of a training."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import jax
import numpy as np

from liuli.report.html import tag
from liuli.report.panels import brief
from liuli.report.story import Story

_GIVEN = ("command", "data", "model", "network", "started", "seconds", "batch_size", "patience")
_CODE = ("command", "data", "model", "network", "loss", "optimizer", "stopped")


def done(story: Story) -> list[tuple[str, Any]]:
    """Names and values of the facts: those that were handed over, and those that the model and the history tell."""
    recipe, words, given, history = story.model.recipe, story.words, story.facts, story.history
    facts = {key: given[key] for key in _GIVEN if given.get(key) is not None}
    asked = given.get("epochs", len(history))
    facts["epochs"] = len(history) if asked == len(history) else words("epochs of", n=len(history), all=asked)
    if history.stopped:
        facts["stopped"] = history.stopped
    facts["loss"] = ", ".join(repr(output.loss) for output in recipe.outputs)
    facts |= {"optimizer": repr(recipe.optimizer), "seed": recipe.seed, "precision": recipe.precision}
    facts["versions"] = given.get("versions") or versions()
    return [(words(f"fact {key}"), _shown(key, value, story)) for key, value in facts.items()]


def versions() -> dict[str, str]:
    """The versions of liuli and of what it stands on."""
    found = {"jax": jax.__version__, "numpy": np.__version__, "python": platform.python_version()}
    try:
        return {"liuli": version("liuli"), **found}
    except PackageNotFoundError:  # run from its source folder
        return found


def _shown(key: str, value: Any, story: Story) -> Any:
    if key == "seconds":
        return story.words("seconds", n=brief(value))
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {each}" for name, each in value.items())
    return tag("code", value) if key in _CODE else value
