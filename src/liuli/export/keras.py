"""Weights from Keras: the layouts are the same, and so are most names."""

from __future__ import annotations

from typing import Any

import numpy as np

from liuli.core.errors import LiuliError
from liuli.core.trees import flatten
from liuli.export.matching import Arrays, Site, transfer
from liuli.layers import Bidirectional
from liuli.training.model import Model


def weights_from_keras(model: Model, other: Any) -> Model:
    """Give a built model the weights of a Keras model of the same architecture; returns the model.

    Layers that hold weights are matched in the order in which they are called here, and listed there; the weights of a
    layer by name.

    model:  what the weights are put into.
    other:  the keras.Model.

    Raises:
        LiuliError: another number of layers, or other weights in one of them.
        ShapeError: weights of another shape than the layer's; the message names both.

    Example:
        >>> import os, numpy as np, liuli as ll
        >>> _ = os.environ.setdefault("KERAS_BACKEND", "jax")
        >>> keras = __import__("pytest").importorskip("keras")
        >>> other = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
        >>> model = ll.Model(ll.Sequential([ll.layers.Dense(3)]), loss="mse").build((2,))
        >>> _ = ll.export.weights_from_keras(model, other)
        >>> bool(np.array_equal(model.params["dense_1"]["kernel"], other.layers[0].kernel.value))
        True
    """
    return transfer(model, [layer for layer in _leaves(other) if _weights(layer)], _converted)


def _leaves(model: Any) -> list[Any]:
    """Every layer of a model, those of models within it included."""
    inner = [(layer, hasattr(layer, "layers") and not hasattr(layer, "cell")) for layer in model.layers]
    return [leaf for layer, several in inner for leaf in (_leaves(layer) if several else [layer])]


def _weights(layer: Any) -> dict[str, np.ndarray]:
    """The weights of a layer by path below it; seeds of random layers are none."""
    return {w.path: np.asarray(w) for w in layer.weights if "seed" not in w.path}


def _converted(site: Site, layer: Any) -> Arrays:
    own, given = flatten(site.params) | flatten(site.state), _weights(layer)
    both = isinstance(site.layer, Bidirectional)
    matches = {path: [name for name in given if _same(path, name, both)] for path in own}
    if len(own) != len(given) or any(len(names) != 1 for names in matches.values()):
        fix = "compare the settings of the two layers"
        raise LiuliError(site.name, got=f"weights {', '.join(given)}", expected=", ".join(own), fix=fix)
    heads = hasattr(site.layer, "use_causal_mask")  # Keras has an axis for heads, where ours lie side by side
    found = {path: given[names[0]] for path, names in matches.items()}
    return {path: a.reshape(own[path].shape) if heads and a.size == own[path].size else a for path, a in found.items()}


def _same(path: str, name: str, both: bool) -> bool:
    """Whether a weight of ours is the one that Keras calls ``name``: the last words are equal, the others occur."""
    *above, last = path.split("/")
    *others, final = name.split("/")
    words = [_DIRECTIONS.get(word, word) if both else word for word in above if both or word != "layer"]
    return final == last and all(any(part == w or part.startswith(f"{w}_") for part in others) for w in words)


_DIRECTIONS = {"layer": "forward", "backward_layer": "backward"}
