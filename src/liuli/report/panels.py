"""The figures of a story: what each shows, how large it is, and what it says to those who do not see it."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from liuli.core.extras import require
from liuli.core.figures import finite, short
from liuli.data import Dataset
from liuli.networks.drawing import extent, network
from liuli.report.figures.confusion import confusion_counts, confusion_matrix
from liuli.report.figures.confusion import extent as confusion_extent
from liuli.report.figures.distributions import class_counts, histogram, target_distribution
from liuli.report.figures.images import image_grid
from liuli.report.figures.residuals import gaussian, laplace, predicted_against_true, residual_histogram
from liuli.report.story import Story, sample
from liuli.report.words import Words
from liuli.training.curves import SHARES, learning_curves, quantities
from liuli.training.probes.panels import KINDS, line_name, panel

ARRAYS, CLASSES, POINTS, SHOWN = 40, 30, 1500, 12
"""At most so many: arrays of weights or activations, classes in a chart, points in a plot, worst predictions."""


@dataclass(frozen=True)
class Panel:
    """One figure: its name, what it says in words, how it is drawn on an axis, its size in inches."""

    name: str
    label: str
    draw: Callable[..., Any]
    width: float = 4.7
    height: float = 3.1


@dataclass(frozen=True)
class Plate:
    """Figures that belong together: side by side in one picture, ``columns`` in a row."""

    name: str
    panels: tuple[Panel, ...]
    columns: int = 2

    @property
    def names_classes(self) -> bool:
        """Whether the names of classes stand in it."""
        return self.name in ("classes", "confusion", "worst")


def plates(story: Story) -> list[Plate]:
    """Every figure of the story, those that do not apply left out."""
    makers = (target, net, curves, probes, confusion, residuals, worst_images, weights, activations)
    return [plate for maker in makers for plate in [maker(story)] if plate.panels]


def canvas(width: float, height: float, frame: bool = True) -> Any:
    """A figure with one axis, which fills it where there is no frame."""
    figure = require("matplotlib.figure", extra="plot").Figure(
        (width, height), dpi=72, layout="constrained" if frame else None
    )
    if frame:
        figure.subplots()
    else:
        figure.add_axes((0, 0, 1, 1))
    return figure


def composed(plate: Plate, story: Story) -> Any:
    """All panels of a plate in one figure; where names in it could not be written, it says so."""
    columns = min(plate.columns, len(plate.panels))
    if columns == 1:
        only = plate.panels[0]
        figure = canvas(only.width, only.height, frame=only.name != "network")
    else:
        rows, (width, height) = -(-len(plate.panels) // columns), (plate.panels[0].width, plate.panels[0].height)
        figure = require("matplotlib.figure", extra="plot").Figure(
            (columns * width, rows * height), layout="constrained"
        )
        figure.subplots(rows, columns, squeeze=False)
    for ax in figure.axes[len(plate.panels) :]:
        ax.remove()
    for ax, drawn in zip(figure.axes, plate.panels, strict=True):
        drawn.draw(ax=ax)
    if figure.get_layout_engine():
        figure.get_layout_engine().set(w_pad=0.1, h_pad=0.1)
    if _boxed(figure, story.legible) or (plate.names_classes and story.labels != story.class_names):
        note = textwrap.fill(story.words("unwritten"), max(24, int(13 * figure.get_figwidth())))
        figure.set_figheight(figure.get_figheight() + 0.3 + 0.15 * note.count("\n"))
        figure.supxlabel(note, x=0.02, ha="left", fontsize=8)
    return figure


def _boxed(figure: Any, legible: Callable[[str], bool]) -> bool:
    """Draw a box for each character that cannot be written; whether there was any."""
    texts = [t for t in figure.findobj(require("matplotlib.text", extra="plot").Text) if not legible(t.get_text())]
    for text in texts:
        text.set_text("".join(c if legible(c) else "□" for c in text.get_text()))
    return bool(texts)


def target(story: Story) -> Plate:
    """The classes, or the distribution of the target, in both parts."""
    words = story.words
    parts = {words("part train"): story.targets(story.train), words(f"part {story.part}"): story.targets(story.test)}
    if story.class_names:
        counts = {part: np.bincount(codes, minlength=len(story.class_names)) for part, codes in parts.items()}
        kept = np.sort(np.argsort(-sum(counts.values()), kind="stable")[:CLASSES])
        names = [story.class_names[i] for i in kept]
        labels = [story.labels[i] for i in kept]
        chosen = {part: number[kept] for part, number in counts.items()}
        listed = words.series(f"{n}: {' + '.join(str(c[i]) for c in chosen.values())}" for i, n in enumerate(names))
        draw = partial(class_counts, chosen, labels, words=words)
        return Plate(
            "classes", (Panel("classes", words("alt classes", list=listed), draw, 4.7, 1.0 + 0.26 * len(names)),)
        )
    flat = {part: values.reshape(-1) for part, values in parts.items()}
    first = next(iter(flat.values()))
    label = words(
        "alt target",
        name=story.data.target_name,
        low=brief(first.min()),
        high=brief(first.max()),
        mean=brief(first.mean()),
    )
    return Plate(
        "target", (Panel("target", label, partial(target_distribution, flat, story.target_name, words=words)),)
    )


def net(story: Story) -> Plate:
    """The network drawn."""
    words, graph = story.words, story.model.net
    width, height = extent(graph, story.summary, words.language)
    calls = (words("alt call", name=value, inputs=words.several(n.inputs)) for value, n in graph.calls() if n.inputs)
    label = words("alt network", calls=words.series(calls))
    draw = partial(network, graph, story.summary, language=words.language)
    return Plate("network", (Panel("network", label, draw, width / 72, height / 72),))


def curves(story: Story) -> Plate:
    """The learning curve of each quantity."""
    history, words = story.history, story.words
    texts = {key: words(key) for key in ("epoch", "training", "validation", "value")}
    unit = words("unit share")
    texts |= {name: words.quantity(name) + unit * name.endswith(SHARES) for name in quantities(history)}
    if story.data.task == "regression":
        of = short(story.target_name)
        texts |= {name: f"{words.quantity(name)}\n({of}{power})" for name, power in _UNITS.items()}
    panels = []
    for name in quantities(history):
        parts = [(words("training"), history[name]), (words("validation"), history[f"val_{name}"])]
        ends = (words("alt part", part=p, first=brief(v[0]), last=brief(v[-1])) for p, v in parts if v)
        label = words("alt curve", name=words.quantity(name), n=len(history), parts=words.series(ends))
        panels.append(Panel(f"curve-{len(panels)}", label, partial(_curve, history, name, texts)))
    return Plate("learning_curves", tuple(panels))


def probes(story: Story) -> Plate:
    """What was measured inside the training, kind by kind."""
    records, words, panels = story.history.probes, story.words, []
    if records is None:
        return Plate("probes", ())
    kinds = {name: kind.lines(records) for name, kind in KINDS.items()}
    for name, lines in ((name, lines) for name, lines in kinds.items() if lines):
        called = KINDS[name].called(words.language)
        found = {line_name(p, words.language): finite(v) for p, v in lines.items()}
        ends = (words("alt part", part=p, first=brief(v[0]), last=brief(v[-1])) for p, v in found.items() if len(v))
        label = words("alt probe", name=called, n=len(records), parts=words.series(ends))
        panels.append(Panel(f"probe-{len(panels)}", label, partial(panel, records, name, language=words.language)))
    return Plate("probes", tuple(panels))


def confusion(story: Story) -> Plate:
    """The confusion matrix."""
    answers, names, words = story.answers, story.class_names, story.words
    if answers is None or not names:
        return Plate("confusion", ())
    counts = confusion_counts(answers.true, answers.predicted, len(names))
    label = story.say("alt confusion", right=counts.trace(), n=counts.sum(), list=most_confused(counts, names, words))
    draw = partial(confusion_matrix, counts, story.labels, words=words)
    return Plate("confusion", (Panel("confusion", label, draw, *confusion_extent(story.labels)),))


def most_confused(counts: np.ndarray, names: Sequence[str], words: Words, most: int = 3) -> str:
    """The greatest counts off the diagonal, in words."""
    wrong = counts - np.diag(np.diag(counts))
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    pairs = [(i, j) for i, j in zip(*np.unravel_index(order, wrong.shape), strict=True) if wrong[i, j]]
    if not pairs:
        return words("none confused")
    said = (words("confused", true=names[i], predicted=names[j], n=wrong[i, j]) for i, j in pairs)
    return words("most confused", list=words.series(said))


def residuals(story: Story) -> Plate:
    """Predicted against true values, and how the residuals are distributed."""
    answers, words, name = story.answers, story.words, story.target_name
    if answers is None or story.class_names:
        return Plate("residuals", ())
    r, rows = answers.predicted - answers.true, sample(len(answers.true), POINTS)
    (mean, std), (median, _) = gaussian(finite(r)), laplace(finite(r))
    label = story.say(
        "alt scatter", name=story.data.target_name, n=len(rows), r=brief(correlation(answers.true, answers.predicted))
    )
    points = partial(predicted_against_true, answers.true[rows], answers.predicted[rows], name, words=words)
    said = words("alt residuals", mean=brief(mean), std=brief(std), median=brief(median))
    bars = partial(residual_histogram, r, name, words=words)
    return Plate("residuals", (Panel("scatter", label, points, 4.7, 3.6), Panel("residuals", said, bars, 4.7, 3.6)))


def worst_images(story: Story) -> Plate:
    """The worst predictions, where rows are images: a picture only, for a page shows them one by one."""
    if story.images is None or story.answers is None or not isinstance(story.test, Dataset):
        return Plate("worst", ())
    rows = story.answers.worst(SHOWN)
    captions = [caption(story, row) for row in rows]
    draw = partial(image_grid, story.pictures(story.test, rows), captions, columns=4)
    deep = 1.65 * -(-len(rows) // 4) + 0.2
    return Plate("worst", (Panel("worst", story.words("section worst"), draw, 5.5, deep * 1.05),))


def caption(story: Story, row: int) -> str:
    """What the model took an image for, and what it is."""
    answers, words = story.answers, story.words
    if answers is None or answers.probabilities is None:
        values = {} if answers is None else {"true": answers.true[row], "predicted": answers.predicted[row]}
        return words("worst image value", **{key: brief(value) for key, value in values.items()})
    true, predicted = answers.true[row], answers.predicted[row]
    names, p = story.labels, share(answers.probabilities[row, predicted])
    key = "worst image" if true != predicted else "worst image right"
    return words(key, predicted=names[predicted], p=p, true=names[true])


def weights(story: Story) -> Plate:
    """A histogram of each parameter."""
    return Plate("weights", _histograms(story, story.weights, "weights"), columns=3)


def activations(story: Story) -> Plate:
    """A histogram of what each layer answers on some test rows, zeros left out."""
    return Plate("activations", _histograms(story, story.activations, "activations"), columns=3)


def _curve(history: Any, name: str, texts: dict[str, str], ax: Any) -> Any:
    return learning_curves(history, [name], ax=ax, words=texts)


def _histograms(story: Story, arrays: dict[str, np.ndarray], kind: str) -> tuple[Panel, ...]:
    words, panels = story.words, []
    for i, (path, array) in enumerate(list(arrays.items())[:ARRAYS]):
        values = finite(array)
        label = words(
            "alt histogram", name=path, n=f"{values.size:,}", mean=brief(values.mean() if values.size else math.nan),
            std=brief(values.std() if values.size else math.nan), low=brief(values.min(initial=math.inf)),
            high=brief(values.max(initial=-math.inf)),
        )  # fmt: skip
        zeros = float((values == 0).mean()) if values.size else 0.0
        label += words("zeros", share=share(zeros)) if zeros else ""
        drawn = values[values != 0] if kind == "activations" else values
        panels.append(Panel(f"{kind}-{i}", label, partial(histogram, drawn, path, words=words), 3.3, 1.9))
    return tuple(panels)


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's r, or NaN where one of both does not vary."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(np.corrcoef(a, b)[0, 1]) if len(a) > 1 else math.nan


def brief(number: Any) -> str:
    """A number in four digits.

    >>> brief(0.123456), brief(120000.0)
    ('0.1235', '1.2e+05')
    """
    return f"{float(number):.4g}"


def share(part: Any) -> str:
    """A share as a percentage; one that is not all or nothing never looks so.

    >>> share(0.981), share(0.9999), share(1.0)
    ('98.1 %', '> 99.9 %', '100 %')
    """
    part = float(part)
    if part in (0.0, 1.0):
        return f"{part:.0%}".replace("%", " %")
    return "> 99.9 %" if part > 0.9995 else "< 0.1 %" if part < 0.0005 else f"{part * 100:.1f} %"


_UNITS = {
    "mean_absolute_error": "", "mae": "", "root_mean_squared_error": "", "rmse": "",
    "mean_squared_error": "²", "mse": "²",
}  # fmt: skip
"""What errors are measured in: powers of the target's unit."""
