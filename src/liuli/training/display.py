"""What a notebook shows of a model: the network drawn, its loss and its optimizer."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from liuli.core.errors import LiuliError
from liuli.networks.drawing import picture

if TYPE_CHECKING:
    from liuli.training.model import Model


def as_page(model: Model) -> str:
    """The model as HTML; as text where it has no weights yet."""
    try:
        summary = model.summary()
    except LiuliError:
        return f"<p>{escape(repr(model))}</p>"
    optimizer = model.recipe.optimizer
    said = ", ".join(map(repr, (*(output.loss for output in model.recipe.outputs), optimizer)))
    return f"{picture(model.net, summary)}<p>{escape(said)}</p>"
