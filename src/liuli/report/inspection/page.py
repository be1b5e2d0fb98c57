"""The page of an inspection: sections of exhibits, the trace, the derivation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from liuli.core.errors import LiuliError
from liuli.core.fields import nearest
from liuli.core.files import write_whole
from liuli.core.trees import paths
from liuli.inspect import derive
from liuli.networks.drawing import extent, network
from liuli.report.facts import versions
from liuli.report.html import Html, join, table, tag
from liuli.report.inspection.exhibits import SECTIONS
from liuli.report.inspection.texts import Language
from liuli.report.inspection.view import TRACED, View
from liuli.report.page import document
from liuli.report.panels import Panel, brief, share
from liuli.report.sections import figure
from liuli.training import Model

DERIVED_ROWS, DERIVED_PARAMETERS = 2, 50_000  # rows of the derivation, and the largest network that it is written for
_HEIGHT = 7.0  # inches, above which the drawing scrolls


def write_inspection(
    path: str | Path, model: Model, x: Any, y: Any = None, *, name: str = "", language: Language = "en"
) -> Path:
    """Write one HTML file of all that can be seen of a model on data: values and gradients, the derivation of
    back-propagation, answers, what they depend on, what was learned, the shape of the loss.

    The file needs no network and no script, and is written whole or not at all. What does not apply to this model is
    left out, and the page says why.

    path:      the file to write.
    model:     a trained model.
    x, y:      rows and what is true of them, as ``model.evaluate`` takes them; at most 1,024 are looked at.
    name:      what the page is called.
    language:  "en" or "zh".

    Raises:
        LiuliError: Matplotlib is not installed, or the language is not known.
        DataError, ShapeError: the data do not fit the model.
        FileError: the file cannot be written.
    """
    return write_whole(path, inspection_page(model, x, y, name=name, language=language))


def inspection_page(model: Model, x: Any, y: Any = None, *, name: str = "", language: Language = "en") -> str:
    """The same as text."""
    if language not in (known := get_args(Language)):
        fix = f"write {nearest(str(language), known)}"
        raise LiuliError("language", got=repr(language), expected=f"one of {', '.join(known)}", fix=fix)
    view = View(model, x, y, name or "model", language)
    told = _told(view)
    absent: list[str] = []
    sections = [(key, content) for key, content in _sections(view, absent) if content]
    if absent:
        sections.append(("absent", tag("ul", *(tag("li", why) for why in absent))))
    named = [(key, view(f"section {key}"), content) for key, content in sections]
    foot = tag("p", view("foot", version=versions().get("liuli", "")))
    return document(view("title", name=view.name), [told], named, view("contents"), foot, language)


def _told(view: View) -> Html:
    """What the model is measured to do."""
    rows = view.seen
    found = view.model.evaluate(*rows)
    metrics = "".join(f", {name.replace('_', ' ')} {brief(v)}" for name, v in found.items() if name != "loss")
    count = len(view.worst.all)
    text = view("told", rows=count, loss=brief(found["loss"]), metrics=metrics, parameters=f"{view.parameters:,}")
    return tag("p", text, class_="verdict")


def _sections(view: View, absent: list[str]) -> Iterator[tuple[str, Html]]:
    yield "network", _network(view)
    for key, makers in SECTIONS.items():
        shown: list[Html] = []
        for maker in makers:
            try:
                shown += [figure(panel, told=True) for panel in maker(view)]
            except LiuliError:
                absent.append(view(f"without {maker.__name__}"))
        yield key, tag("div", *shown, class_="figures") if shown else Html("")
        if key == "inside":
            yield "derivation", _derivation(view, absent)


def _network(view: View) -> Html:
    """The network drawn with the values of a batch, and all of them in a table."""
    seen, net = view.trace, view.model.net
    notes = seen.notes(view.language)
    width, height = extent(net, view.model.summary(), view.language, notes)
    text = view("drawn", rows=min(TRACED, len(view.worst.all)))

    def draw(ax: Any) -> Any:
        return network(net, view.model.summary(), ax, view.language, notes)

    panel = Panel("network", text, draw, width / 72, height / 72)
    drawn = figure(panel, look="tall" if height / 72 > _HEIGHT else "")
    return join([tag("p", text), drawn, tag("h3", view("table")), _table(view)])


def _table(view: View) -> Html:
    rows = []
    for path, value in seen_by_path(view):
        figures = (brief(value.mean), brief(value.std), brief(value.min), brief(value.max), share(value.zeros))
        rows.append((path, str(value.shape), *figures, "" if value.norm is None else brief(value.norm)))
    made = table(view("columns").split("|"), rows, view("table"), numeric=range(2, 8))
    return tag("div", made, class_="low") if len(rows) > 24 else made


def seen_by_path(view: View) -> Iterator[tuple[str, Any]]:
    """Every traced value and parameter."""
    yield from view.trace.items()
    yield from paths(view.trace.params).items()


def _derivation(view: View, absent: list[str]) -> Html:
    """Back-propagation of a few rows, folded away."""
    if view.parameters > DERIVED_PARAMETERS:
        absent.append(view("without derivation", most=f"{DERIVED_PARAMETERS:,}"))
        return Html("")
    found = derive(view.model, *view.rows(DERIVED_ROWS), language=view.language)
    error = max(found.errors.values(), default=0.0)
    text = tag("p", view("derived", rows=DERIVED_ROWS, error=brief(error)))
    lines = tag("summary", view("show", lines=len(found.lines)))
    return join([text, tag("details", lines, Html(found.to_html(page=False)))])
