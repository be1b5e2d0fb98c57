"""The exhibits of the page, each a figure with how to read it; one that does not apply raises LiuliError, which says
why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from liuli import inspect
from liuli.core.errors import LiuliError
from liuli.report.inspection.texts import AXES
from liuli.report.inspection.view import CURVED, View
from liuli.report.panels import Panel

MOST_PARAMETERS = 60_000  # of which the curvature is found while one waits
_FEATURES, _TRIED = 4, 12  # features whose dependence is shown, of so many


Maker = Callable[[View], Iterator[Panel]]


def confusion(view: View) -> Iterator[Panel]:
    """Which classes are taken for which."""
    found = inspect.confusion(view.model, *view.seen)
    side = min(9.0, 2.2 + 0.42 * len(found.counts))
    draw = partial(inspect.plot_confusion, found, language=view.language)
    yield Panel("confusion", view("confusion"), draw, max(side, 3.6), max(side * 0.9, 3.2))


def calibration(view: View) -> Iterator[Panel]:
    """How often the model is right where it says that it is so sure."""
    found = inspect.calibration(view.model, *view.seen)
    draw = partial(inspect.plot_calibration, found, language=view.language)
    yield Panel("calibration", view("calibration"), draw, 4.7, 4.2)


def residuals(view: View) -> Iterator[Panel]:
    """How far predictions are off, and which loss that speaks for."""
    found = inspect.residuals(view.model, *view.seen)
    text = f"{view('residuals')} {found.sentence(view.language)}"
    yield Panel("residuals", text, partial(inspect.plot_residuals, found, language=view.language))
    yield Panel("quantiles", view("quantiles"), partial(inspect.plot_quantiles, found, language=view.language))


def worst(view: View) -> Iterator[Panel]:
    """The rows of the greatest loss."""
    draw = partial(inspect.plot_worst, view.worst, view.image_shape, language=view.language)
    yield Panel("worst", view("worst"), draw, 6.4, 4.2)


def boundary(view: View) -> Iterator[Panel]:
    """What the model answers over the plane of two features."""
    features = _two(view)
    found = inspect.decision_boundary(view.model, *view.seen, features=features, points=81)
    others = len(view.features) > 2
    text = view("boundary others" if others else "boundary")
    yield Panel("boundary", text, partial(inspect.plot_decision_boundary, found, language=view.language), 5.2, 4.4)


def dependence(view: View) -> Iterator[Panel]:
    """What the model answers on average where one feature has one value."""
    if not view.features:
        raise LiuliError("dependence", got="rows that are not columns", expected="a table or vectors", fix="saliency")
    found = [
        inspect.partial_dependence(view.model, view.seen[0], f, points=30, rows=200) for f in view.features[:_TRIED]
    ]
    found.sort(key=lambda each: -float(np.ptp(each.mean)))
    for i, each in enumerate(found[:_FEATURES]):
        draw = partial(inspect.plot_dependence, each, language=view.language)
        said = view("dependence") if i == 0 else view("dependence on", name=each.feature)
        yield Panel(f"dependence-{i}", said, draw, 4.7, 3.4)


def attribution(view: View) -> Iterator[Panel]:
    """Which part of the input speaks for what the model says of the rows of the greatest loss."""
    found = inspect.integrated_gradients(view.model, view.difficult())
    draw = partial(inspect.plot_attribution, found, image_shape=view.image_shape, language=view.language)
    yield Panel("attribution", view("attribution", row=int(view.worst.rows[0])), draw, 5.6, 3.8)


def heat(view: View) -> Iterator[Panel]:
    """Where the last convolution sees what the model says of the row of the greatest loss."""
    found = inspect.grad_cam(view.model, view.difficult())
    draw = partial(inspect.plot_grad_cam, found, language=view.language)
    yield Panel("heat", view("heat", row=int(view.worst.rows[0])), draw, 5.6, 3.8)


def filters(view: View) -> Iterator[Panel]:
    """What the first convolution, or the first weights over an image, look for."""
    found = inspect.filters(view.model, image_shape=view.image_shape)
    yield Panel("filters", view("filters"), partial(inspect.plot_filters, found, language=view.language), 4.7, 3.8)


def feature_maps(view: View) -> Iterator[Panel]:
    """What the first convolution makes of one row."""
    found = inspect.feature_maps(view.model, view.difficult())
    draw = partial(inspect.plot_feature_maps, found, language=view.language)
    yield Panel("maps", view("maps", row=int(view.worst.rows[0])), draw, 5.2, 4.6)


def responses(view: View) -> Iterator[Panel]:
    """What each hidden unit answers over the plane of two features."""
    features, at = _two(view), _hidden(view)
    found = inspect.response_maps(view.model, view.seen[0], at, features=features, points=25, most=36)
    draw = partial(inspect.plot_response_maps, found, language=view.language)
    yield Panel("responses", view("responses", at=at), draw, 5.2, 4.8)


def attention(view: View) -> Iterator[Panel]:
    """Which steps each head looks at."""
    found = inspect.attention_maps(view.model, view.rows(1)[0])
    yield Panel(
        "attention", view("attention"), partial(inspect.plot_attention, found, language=view.language), 4.7, 3.8
    )


def embedding(view: View) -> Iterator[Panel]:
    """The rows as the last hidden layer sees them."""
    at = _hidden(view)
    found = inspect.embedding(view.model, view.seen[0], at, view.seen[1])
    draw = partial(inspect.plot_embedding, found, language=view.language)
    yield Panel("embedding", view("embedding", at=at), draw, 5.2, 4.2)


def curvature(view: View) -> Iterator[Panel]:
    """The eigenvalues of the Hessian, and a direction in which the loss is not convex."""
    if view.parameters > MOST_PARAMETERS:
        fix = "call liuli.inspect.hessian and wait"
        raise LiuliError("curvature", got=f"{view.parameters:,} parameters", expected=f"{MOST_PARAMETERS:,}", fix=fix)
    rows, words = view.rows(CURVED), _words(view)
    found = inspect.hessian(view.model, *rows, k=2, probes=4, steps=30, tolerance=1e-2, limit=200)
    yield Panel("curvature", view("curvature"), partial(found.plot, words=words))
    bent = inspect.negative_curvature(view.model, *rows, points=61, tolerance=1e-2, limit=200)
    yield Panel("slice", view("slice" if bent.found else "slice none"), partial(bent.plot, words=words))


def landscape(view: View) -> Iterator[Panel]:
    """The loss on a plane through the parameters."""
    found = inspect.plane(view.model, *view.rows(CURVED), points=21)
    yield Panel("landscape", view("landscape"), partial(found.plot, words=_words(view)), 5.2, 4.2)


def _two(view: View) -> tuple[Any, Any] | None:
    """The two features in which the answers differ most; None where there are only two."""
    if len(view.features) == 2:
        return None
    if not view.features:
        raise LiuliError("plane", got="rows that are not columns", expected="a table or vectors", fix="feature maps")
    numbers = []
    for feature in view.features[:_TRIED]:
        found = inspect.partial_dependence(view.model, view.seen[0], feature, points=12, rows=100)
        if found.kind in ("number", "date"):
            numbers.append((float(np.ptp(found.mean)), feature))
    if len(numbers) < 2:
        raise LiuliError("plane", got=f"{len(numbers)} numeric features", expected="two", fix="partial dependence")
    first, second = sorted(numbers, key=lambda pair: -pair[0])[:2]
    return first[1], second[1]


def _hidden(view: View) -> str:
    """The last value inside the network that is a vector for each row, before the output."""
    net, seen = view.model.recipe.network, view.trace
    values = [name for name, _ in net.calls() if name not in (*net.inputs, *net.outputs)]
    flat = [f"{v}/y" for v in values if f"{v}/y" in seen and seen[f"{v}/y"].value.ndim == 2]
    if not flat:
        raise LiuliError("hidden layer", got="none", expected="a hidden layer of units", fix="add a Dense layer")
    return flat[-1]


def _words(view: View) -> dict[str, str]:
    """The words of figures that take them one by one."""
    return {key: view(f"axis {key}") for key in AXES}


SECTIONS: dict[str, tuple[Maker, ...]] = {
    "answers": (confusion, calibration, residuals, worst),
    "inputs": (boundary, dependence, attribution, heat),
    "inside": (filters, feature_maps, responses, attention, embedding),
    "loss": (curvature, landscape),
}
