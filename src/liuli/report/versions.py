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


def done(story: Story) -> list[tuple[str, Any]]:
    """Names and values of the facts: those that were handed over, and those that the model and the history tell."""
    recipe, words, given = story.model.recipe, story.words, dict(story.facts)
    facts: dict[str, Any] = {key: given.pop(key) for key in ("command", "data", "model", "seconds") if key in given}
    facts["epochs"] = given.pop("epochs", len(story.history))
    if story.history.stopped:
        facts["stopped"] = story.history.stopped
    facts["loss"] = ", ".join(repr(output.loss) for output in recipe.outputs)
    facts |= {
        "optimizer": repr(recipe.optimizer),
        "seed": given.pop("seed", recipe.seed),
        "precision": recipe.precision,
    }
    facts["versions"] = given.pop("versions", None) or versions()
    named = [(words(f"fact {key}"), _shown(key, value, story)) for key, value in facts.items()]
    return named + [(key.replace("_", " "), _shown(key, value, story)) for key, value in given.items()]


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
    if key in ("command", "data", "model", "loss", "optimizer", "stopped"):
        return tag("code", value)
    return brief(value) if isinstance(value, float) else value
