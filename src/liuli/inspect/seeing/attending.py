"""What attends to what: the weights of the attention layers, head by head."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from liuli.core.errors import DataError
from liuli.core.fields import nearest
from liuli.inspect.seeing.drawing import AMOUNT, bar, below, beside, largest, short, tiles, titled
from liuli.inspect.seeing.running import inputs_of, read, tap_shapes
from liuli.inspect.seeing.texts import Language, said
from liuli.training import Model

_WEIGHTS = re.compile(r".*/weights(@\d+)?")


@dataclass(frozen=True, eq=False)
class AttentionMaps:
    """w_ts, how much query t takes from key s: a row adds up to 1, or to 0 where it may take from none.

    maps:  by the path of the tap, in order: (rows, heads, queries, keys), layers without heads having one.

    Example:
        >>> import numpy as np, liuli as ll
        >>> from liuli.inspect.seeing import attention_maps
        >>> net = ll.Sequential([ll.layers.MultiHeadAttention(2, 4), ll.layers.Flatten(), ll.layers.Dense(1)])
        >>> found = attention_maps(ll.Model(net, loss="mse"), np.ones((3, 5, 4)))
        >>> {path: maps.shape for path, maps in found.maps.items()}
        {'multi_head_attention_1/weights': (3, 2, 5, 5)}
    """

    maps: dict[str, np.ndarray]


def attention_maps(model: Model, x: Any) -> AttentionMaps:
    """The weights of every attention layer for these rows, as its tap ``weights`` has them.

    Reference: Bahdanau, Cho and Bengio, *Neural Machine Translation by Jointly Learning to Align and Translate*, ICLR
    2015, figure 3; Vaswani et al., *Attention Is All You Need*, NIPS 2017.

    x:  rows as ``model.predict`` takes them.

    Raises:
        DataError: the network has no attention.

    Example:
        >>> import numpy as np, liuli as ll
        >>> from liuli.inspect.seeing import attention_maps
        >>> net = ll.Sequential([ll.layers.Attention(), ll.layers.Flatten(), ll.layers.Dense(1)])
        >>> attention_maps(ll.Model(net, loss="mse"), np.ones((1, 2, 4))).maps["attention_1/weights"].tolist()
        [[[[0.5, 0.5], [0.5, 0.5]]]]
    """
    inputs = inputs_of(model, x)
    shapes = tap_shapes(model, inputs)
    wanted = tuple(p for p, s in shapes.items() if _WEIGHTS.fullmatch(p) and len(s.shape) in (3, 4))
    if not wanted:
        fix = "use layers.MultiHeadAttention, Attention, or a block that has one"
        raise DataError("attention_maps", got="a network without attention", expected="one with some", fix=fix)
    found = read(model, inputs, wanted)
    return AttentionMaps({path: v[:, None] if v.ndim == 3 else v for path, v in found.items()})


def plot_attention(
    attention: AttentionMaps,
    at: str | None = None,
    row: int = 0,
    tokens: Sequence[str] | None = None,
    keys: Sequence[str] | None = None,
    ax: Any = None,
    language: Language = "en",
) -> Any:
    """A tile for each head of one layer in one axis, queries from above, keys from the left; returns the axis.

    attention:  what :func:`attention_maps` found.
    at:         which layer: a path of ``attention.maps``; the last where it is not given.
    row:        which row.
    tokens:     what the queries are called, and the keys where there are as many and ``keys`` is not given.
    keys:       what the keys are called.
    ax:         the Matplotlib axis to draw on; a new one where it is not given.
    language:   "en" or "zh".

    Raises:
        DataError: there is no such layer or row, or there are not as many tokens as steps.

    Example:
        >>> import numpy as np
        >>> from matplotlib.figure import Figure
        >>> from liuli.inspect.seeing import AttentionMaps, plot_attention
        >>> found = AttentionMaps({"attention_1/weights": np.full((1, 1, 2, 2), 0.5)})
        >>> ax = plot_attention(found, tokens=["a", "b"], ax=Figure().subplots())
        >>> [text.get_text() for text in ax.texts]
        ['head 0', 'a', 'b', 'a', 'b']
    """
    at = list(attention.maps)[-1] if at is None else at
    if at not in attention.maps:
        fix = f"write {nearest(at, attention.maps)}"
        raise DataError("at", got=repr(at), expected="the weights of a layer", fix=fix)
    if not 0 <= row < len(attention.maps[at]):
        raise DataError("row", got=str(row), expected=f"0 to {len(attention.maps[at]) - 1}", fix="row=0")
    heads = attention.maps[at][row]
    keys = tokens if keys is None and heads.shape[1] == heads.shape[2] else keys
    for names, steps, what in ((tokens, heads.shape[1], "tokens"), (keys, heads.shape[2], "keys")):
        if names is not None and len(names) != steps:
            got, fix = f"{len(names)} for {steps} steps", "one for each step, padding too"
            raise DataError(what, got=got, expected=f"{steps}", fix=fix)
    titles = [said("head", language, n=i) for i in range(len(heads))]
    ax, drawn = tiles(heads, titles, ax, cmap=AMOUNT, limits=(0.0, largest(heads)))
    _named(ax, heads.shape[1:], tokens, keys)
    below(ax, said("attends to", language))
    beside(ax, said("attending", language))
    titled(ax, at)
    bar(ax, drawn, said("attention weight", language))
    return ax


def _named(ax: Any, steps: tuple[int, ...], tokens: Sequence[str] | None, keys: Sequence[str] | None) -> None:
    """Tokens to the left of the leftmost tiles, keys below the lowest of each column."""
    places = [image.get_extent() for image in ax.images]  # left, right, low, top
    left, low = min(p[0] for p in places), max(p[2] for p in places)
    size = {"fontsize": 7, "parse_math": False}
    for place in places:
        if tokens is not None and place[0] == left:
            for i, name in enumerate(tokens):
                y = place[3] + (i + 0.5) / steps[0] * (place[2] - place[3])
                ax.text(left - 0.02, y, short(name, 12), ha="right", va="center", **size)
        if keys is not None and place[2] == low:
            for i, name in enumerate(keys):
                x = place[0] + (i + 0.5) / steps[1]
                ax.text(x, low + 0.02, short(name, 12), ha="center", va="top", rotation=90, **size)
    if tokens is not None:
        ax.set_xlim(left - 0.02 - 0.045 * min(12, max(map(len, tokens))), ax.get_xlim()[1])
    if keys is not None:
        ax.set_ylim(low + 0.04 + 0.045 * min(12, max(map(len, keys))), ax.get_ylim()[1])
