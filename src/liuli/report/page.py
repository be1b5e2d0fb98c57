"""The page that tells of one training: a single HTML file that needs no network and no script, and the same figures
as pictures."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from liuli.core.files import write_whole
from liuli.data import Dataset, Table
from liuli.report import panels
from liuli.report.facts import versions
from liuli.report.html import Html, join, tag
from liuli.report.panels import brief, share
from liuli.report.sections import all_sections
from liuli.report.story import Story
from liuli.report.svg import chinese_fonts, drawing, legible, png
from liuli.report.words import Words
from liuli.training import History, Model


def write_report(
    path: str | Path,
    *,
    model: Model,
    history: History,
    data: Dataset | Table,
    train: Dataset | Table,
    test: Dataset | Table,
    evaluation: Mapping[str, float],
    language: str = "en",
    facts: Mapping[str, Any] | None = None,
) -> Path:
    """Write one HTML file that tells of a training: data, network, learning curves, test, worst predictions, use.

    The file needs no network and no script, and is written whole or not at all. Sections that do not apply are left
    out. Where there are very many rows, some figures show a part of them, and say how many.

    path:        the file to write.
    model:       the trained model.
    history:     what ``fit`` returned.
    data:        everything that was read.
    train, test: the parts that it was split into.
    evaluation:  what ``model.evaluate`` found on the test part.
    language:    "en" or "zh".
    facts:       more to tell: "command", "data" (its name or path), "model" (the name of the model's file beside the
                 report, "model.liuli" by default), "network" (its short name), "started", "seconds", "epochs" (as many
                 as were asked for), "batch_size", "patience", "versions" (a dict), "split" (rows by "train",
                 "validation", "test") and "measured_on" (which of them ``test`` is). Others are not shown.

    Raises:
        LiuliError: Matplotlib is not installed, or the language is not known.
        FileError: the file cannot be written.
    """
    story = _story(model, history, data, train, test, evaluation, language, facts)
    return write_whole(path, page(story))


def write_pictures(
    folder: str | Path,
    *,
    model: Model,
    history: History,
    data: Dataset | Table,
    train: Dataset | Table,
    test: Dataset | Table,
    evaluation: Mapping[str, float],
    language: str = "en",
    facts: Mapping[str, Any] | None = None,
) -> list[Path]:
    """Write the figures of the report as PNG files, each whole or not at all; returns their paths.

    Labels are English unless a font with Chinese characters is installed. Classes whose names no font can write stand
    as numbers, and the picture says so.

    folder:  is made where it does not exist.
    model, history, data, train, test, evaluation, language, facts:  as in ``write_report``.

    Raises:
        LiuliError: Matplotlib is not installed, or the language is not known.
        FileError: a file cannot be written.
    """
    fonts = chinese_fonts()
    Words(language)  # type: ignore[arg-type]
    story = _story(model, history, data, train, test, evaluation, language if fonts else "en", facts)
    story = dataclasses.replace(story, legible=legible(fonts))
    with drawing(fonts=fonts):
        pictures = {f"{plate.name}.png": png(panels.composed(plate, story)) for plate in panels.plates(story)}
    return [write_whole(Path(folder) / name, picture) for name, picture in pictures.items()]


def page(story: Story) -> str:
    """The whole page as text."""
    words = story.words
    title = words("title", name=story.data.name or words("untitled"))
    sections = [(key, words(f"section {key}"), content) for key, content in all_sections(story)]
    foot = tag("p", words("foot", version=versions().get("liuli", "")).replace(" .", "."))
    return document(title, [*_verdict(story), _tiles(story)], sections, words("contents"), foot, words.language)


def document(
    title: str,
    head: Sequence[Html],
    sections: Sequence[tuple[str, str, Html]],
    contents: str,
    foot: Html,
    language: str,
) -> str:
    """A whole page: its title and what is told below, links to the sections (id, title, content), these, the foot."""
    links = (tag("li", tag("a", name, href=f"#{key}")) for key, name, _ in sections)
    titled = (tag("section", tag("h2", name, id=key), content, aria_labelledby=key) for key, name, content in sections)
    body = tag(
        "body",
        tag("header", tag("h1", title), *head),
        tag("nav", tag("ul", *links), aria_label=contents),
        tag("main", *titled),
        tag("footer", foot),
    )
    about = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        tag("style", Html(Path(__file__).with_name("page.css").read_text("utf-8"))),
    )
    return f"<!DOCTYPE html>\n{tag('html', about, body, lang=_LANG[language])}\n"


def _story(
    model: Model, history: History, data: Any, train: Any, test: Any, evaluation: Any, language: str, facts: Any
) -> Story:
    return Story(model, history, data, train, test, evaluation, Words(language), facts or {})  # type: ignore[arg-type]


def _verdict(story: Story) -> list[Html]:
    """How good the model is, in a sentence."""
    answers, words = story.answers, story.words
    if answers is None:
        return []
    if story.class_names:
        right = share((answers.true == answers.predicted).mean())
        text = story.say("verdict classes", n=len(answers.true), share=right)
    else:
        error = np.median(np.abs(answers.predicted - answers.true))
        text = story.say("verdict values", n=len(answers.true), name=story.data.target_name, error=brief(error))
    told = [text, words("unseen")] if story.part == "test" else [text]
    return [tag("p", words.sentences(told), class_="verdict")]


def _tiles(story: Story) -> Html:
    """The metrics, large."""
    found = (
        tag("li", tag("b", brief(value)), tag("span", story.words.quantity(name)))
        for name, value in story.evaluation.items()
    )
    return tag("ul", *found, class_="tiles") if story.evaluation else join([])


_LANG = {"en": "en", "zh": "zh-Hans"}
