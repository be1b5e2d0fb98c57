"""The sections of the page, each from the story; one that does not apply is empty."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from typing import Any

import numpy as np

from liuli.core.figures import finite
from liuli.data import Dataset
from liuli.networks.summary import quantity
from liuli.report import panels
from liuli.report.facts import done, split
from liuli.report.figures.confusion import confusion_counts
from liuli.report.figures.residuals import gaussian, laplace
from liuli.report.html import Html, clean, code, join, table, tag
from liuli.report.panels import ARRAYS, POINTS, SHOWN, Panel, Plate, brief, caption, share
from liuli.report.rows import COLUMNS, column_rows, shown_rows
from liuli.report.story import WATCHED, Story, sample
from liuli.report.svg import drawing, png_of, svg
from liuli.report.usage import in_python, on_command_line
from liuli.report.words import Words
from liuli.training.probes import Records

EXAMPLES = 10  # images shown of the training part
TALL = 8.0  # a drawing that is higher, in inches, scrolls in its card


def data(story: Story) -> Html:
    """What the data are: rows, columns or images, and what is predicted."""
    words, whole = story.words, story.data
    task = words(f"task {whole.task}", n=len(story.class_names))
    parts = split(story)
    first = tag("p", words("data parts", name=whole.target_name, task=task, rows=len(whole), parts=parts))
    return join([first, _columns(story), _arrays(story), _target(story)])


def network(story: Story) -> Html:
    """The network drawn, and its table."""
    words, summary = story.words, story.summary
    drawn, tall = panels.net(story), story.words("drawn tall")
    said = [words("drawn"), tall] if drawn.panels[0].height > TALL else [words("drawn")]
    note = tag("p", words.sentences(said), class_="note")
    head = [words(key) for key in ("name", "layer", "takes", "output shape", "parameters", "operations", "memory")]
    rows = (
        (
            row.name, row.layer, words.several(row.inputs), row.output_shape.replace("batch", words("batch")),
            f"{row.parameters:,}", quantity(row.flops), f"{quantity(row.memory, 1024)}B",
        )
        for row in summary.rows
    )  # fmt: skip
    totals = words(
        "totals", parameters=f"{summary.parameters:,}", trainable=f"{summary.trainable:,}",
        flops=quantity(summary.flops), memory=quantity(summary.memory, 1024),
    )  # fmt: skip
    layers = table(head, rows, words("table of layers"), numeric=(4, 5, 6))
    return join([note, figures(drawn, "tall"), tag("h3", words("table of layers")), layers, tag("p", totals)])


def training(story: Story) -> Html:
    """What was done, the dials, and the learning curves."""
    words, dials = story.words, story.model.dials
    facts = tag("div", table([words("fact"), words("value")], done(story), words("facts")), class_="facts")
    turned = ((_breakable(name), brief(value)) for name, value in dials.items())
    dial_table = tag(
        "div", table([words("dial"), words("value")], turned, words("dials"), numeric=(1,)), class_="facts"
    )
    parts = [tag("h3", words("facts")), facts]
    if len(story.history):
        parts += [tag("h3", words("curves")), figures(panels.curves(story))]
    if dials:
        parts += [tag("h3", words("dials")), tag("p", words("dials note"), class_="note"), dial_table]
    return join(parts)


def probes(story: Story) -> Html:
    """What was measured inside the training, and what it says."""
    records, words = story.history.probes, story.words
    if not records:
        return Html("")
    said = [words("probes note", n=len(records)), *_findings(records, words)]
    return join([tag("p", words.sentences(said)), figures(panels.probes(story))])


def _findings(records: Records, words: Words) -> Iterable[str]:
    ratio = float(np.median(records.gradient_ratio))
    if len(records.parameters) > 1 and not 0.1 < ratio < 10:
        yield words("vanishing found", ratio=brief(ratio))
    for layer in records.layers:
        if dead := float(records[f"{layer}/dead"][-1]):
            yield words("dead found", layer=layer, share=share(dead))
    noise = records.noise_scale(window=max(8, len(records) // 4))[-1] if "noise/product" in records else np.nan
    if np.isfinite(noise):
        yield words("noise found", noise=brief(noise), batch=brief(np.median(records["batch"])))
    if "worst/row" in records:
        rows = (words("times of row", row=row, n=times) for row, times in records.worst(5))
        yield words("worst rows found", rows=words.several(rows))


def test(story: Story) -> Html:
    """The metrics, and the confusion matrix or the residuals."""
    words = story.words
    rows = ((words.quantity(name), f"{value:.6g}") for name, value in story.evaluation.items())
    metrics = table([words("metric"), story.say("on test")], rows, words("metrics"), numeric=(1,))
    parts = [tag("h3", words("metrics")), metrics] if story.evaluation else []
    return join([*parts, _confusion(story), _residuals(story)])


def worst(story: Story) -> Html:
    """The test rows that fared worst, shown."""
    words, answers = story.words, story.answers
    if answers is None or not len(answers.true):
        return Html("")
    note = tag("p", story.say("worst classes" if story.class_names else "worst values"))
    rows = answers.worst(SHOWN)
    if story.images is not None and isinstance(story.test, Dataset):
        shown = zip(rows, story.pictures(story.test, rows), strict=True)
        return join(
            [
                note,
                tag(
                    "div",
                    *(_image(i, caption(story, r).replace(" %", "\u00a0%"), _told(story, r)) for r, i in shown),
                    class_="images",
                ),
            ]
        )
    head, cells, numeric = shown_rows(story, rows)
    return join([note, table(head, cells, words("section worst"), numeric)])


def inside(story: Story) -> Html:
    """Weights and activations, layer by layer."""
    words, parts = story.words, []
    watched = tag("p", story.say("activations note", n=min(WATCHED, len(story.test))), class_="note")
    for key, arrays, make, note in (
        ("weights", story.weights, panels.weights, ""),
        ("activations", story.activations, panels.activations, watched),
    ):
        more = tag("p", words("more arrays", n=ARRAYS, all=len(arrays)), class_="note") if len(arrays) > ARRAYS else ""
        parts += [tag("h3", words(key)), note, more, figures(make(story), "small", told=True)] if arrays else []
    return join(parts)


def use(story: Story) -> Html:
    """How to load the model and ask it, in Python and on the command line."""
    words = story.words
    program, command = in_python(story), on_command_line(story)
    if not program:
        return Html("")
    file = story.facts.get("model", "model.liuli")
    note = story.say("in python note" if command else "in python note arrays", file=file)
    parts = [tag("h3", words("in python")), tag("p", note), code(program)]
    if command:
        parts += [tag("h3", words("on command line")), tag("p", words("on command line note")), code(command)]
    return join(parts)


def figures(plate: Plate, look: str = "", told: bool = False) -> Html:
    """The panels of a plate as figures, each on a light card; ``told`` writes what they say beneath them."""
    drawn = (figure(panel, look, told) for panel in plate.panels)
    return tag(
        "div", *drawn, class_="figures small" if look == "small" else "figures" if len(plate.panels) > 1 else "one"
    )


def figure(panel: Panel, look: str = "", told: bool = False) -> Html:
    """A panel on a light card; ``told`` writes what it says beneath it."""
    with drawing(panel.name):
        canvas = panels.canvas(panel.width, panel.height, frame=panel.name != "network")
        panel.draw(ax=canvas.axes[0])
        image = svg(canvas, panel.name, clean(panel.label))
    focus = {"tabindex": "0"} if look == "tall" else {}  # what scrolls can be reached by keys
    card = tag("div", image, class_=f"card {look}".strip(), **focus)
    return tag("figure", card, *([tag("figcaption", panel.label)] if told else []))


def _columns(story: Story) -> Html:
    """The table of columns, where rows have columns."""
    words = story.words
    head, rows, total = column_rows(story)
    if not rows:
        return Html("")
    note = tag("p", words("more columns", n=COLUMNS, all=total), class_="note") if total > COLUMNS else ""
    return join([tag("h3", words("columns")), note, table(head, rows, words("columns"), numeric=(2, 3))])


def _arrays(story: Story) -> Html:
    """Rows that are arrays: their shape and range; images are shown."""
    words, train = story.words, story.train
    if not isinstance(train, Dataset) or (story.images is None and len(train.item_shape) == 1):
        return Html("")
    low, high = (brief(limit) for limit in story.limits)
    values = {"dtype": train.x.dtype, "low": low, "high": high}
    if story.images is None:
        return tag("p", words("array row", shape=train.item_shape, **values))
    pixels = " × ".join(map(str, story.images if story.images[-1] > 1 else story.images[:2]))
    text = words("image row", pixels=pixels, **values)
    rows = _one_of_each(story.targets(train)) if story.class_names else np.arange(len(train))[:EXAMPLES]
    named = [story.class_names[i] if story.class_names else brief(i) for i in story.targets(train)[rows]]
    shown = zip(story.pictures(train, rows), named, strict=True)
    examples = (_image(image, name, words("example of", name=name)) for image, name in shown)
    return join([tag("p", text), tag("h3", words("examples")), tag("div", *examples, class_="images")])


def _target(story: Story) -> Html:
    words = story.words
    title = words("classes" if story.class_names else "target")
    few = len(story.class_names) <= panels.CLASSES
    note = "" if few else tag("p", words("more classes", n=panels.CLASSES, all=len(story.class_names)), class_="note")
    return join([tag("h3", title), note, figures(panels.target(story))])


def _confusion(story: Story) -> Html:
    """The confusion matrix, and how each class fared."""
    words, answers, names = story.words, story.answers, story.class_names
    if answers is None or not names:
        return Html("")
    counts = confusion_counts(answers.true, answers.predicted, len(names))
    said = panels.most_confused(counts, names, words)
    right, rows, named = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    ratios = [[share(a / b) if b else "–" for a, b in zip(right, total, strict=True)] for total in (rows, named)]
    head = [words("class"), words("rows"), words("found"), words("right when said")]
    each = table(head, zip(names, rows, *ratios, strict=True), words("each class"), numeric=(1, 2, 3))
    notes = [tag("p", said), tag("p", story.say("confusion note"), class_="note")]
    return join(
        [tag("h3", words("confusion")), *notes, figures(panels.confusion(story)), tag("h3", words("each class")), each]
    )


def _residuals(story: Story) -> Html:
    """Predicted against true values, and how the residuals are distributed."""
    words, answers = story.words, story.answers
    if answers is None or story.class_names:
        return Html("")
    r = finite(answers.predicted - answers.true)
    (mean, std), (median, scale) = gaussian(r), laplace(r)
    values = {"mean": mean, "std": std, "median": median, "scale": scale}
    note = words("residuals note", **{key: brief(value) for key, value in values.items()})
    all_rows, drawn = len(answers.true), len(sample(len(answers.true), POINTS))
    few = tag("p", story.say("sampled", n=drawn, all=all_rows), class_="note") if drawn < all_rows else ""
    return join([tag("h3", words("residuals")), tag("p", note), few, figures(panels.residuals(story))])


def _image(image: np.ndarray, below: str, label: str) -> Html:
    source = f"data:image/png;base64,{base64.b64encode(png_of(image)).decode()}"
    return tag("figure", tag("img", src=source, alt=label), tag("figcaption", below))


def _breakable(path: str) -> Html:
    """A path that may go on in the next line after a slash or an underscore."""
    parts = re.split(r"(?<=[/_])", path)
    return tag("code", *(join([tag("wbr")] * (i > 0) + [part]) for i, part in enumerate(parts)))


def _told(story: Story, row: int) -> str:
    """A prediction in words."""
    answers, names = story.answers, story.class_names
    true, predicted = answers.true[row], answers.predicted[row]  # type: ignore[union-attr]
    if not names:
        return story.words("alt worst value", row=row, true=brief(true), predicted=brief(predicted))
    p = share(answers.probabilities[row, predicted])  # type: ignore[union-attr, index]
    return story.words("alt worst", row=row, true=names[true], predicted=names[predicted], p=p)


def _one_of_each(codes: np.ndarray) -> np.ndarray:
    """The first row of each class."""
    return np.unique(codes, return_index=True)[1][:EXAMPLES]


Section = tuple[str, Html]


def all_sections(story: Story) -> Iterable[Section]:
    """Name and content of every section that applies."""
    for make in (data, network, training, probes, test, worst, inside, use):
        content: Any = make(story)
        if content:
            yield make.__name__, content
