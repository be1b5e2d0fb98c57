"""Weights from PyTorch, whose layouts are channels-first and output before input; ours are the other way about."""

from __future__ import annotations

from typing import Any

import numpy as np

from liuli.core.errors import LiuliError
from liuli.export.matching import Arrays, Site, transfer
from liuli.training.model import Model


def weights_from_torch(model: Model, module: Any) -> Model:
    """Give a built model the weights of a PyTorch module of the same architecture; returns the model.

    Layers that hold weights are matched in the order in which they are called here, and registered there: Linear,
    Conv1d to Conv3d, their transposes, BatchNorm, LayerNorm, RMSNorm, GroupNorm, InstanceNorm, Embedding, PReLU, RNN,
    LSTM, GRU (one layer; both directions with layers.Bidirectional) and MultiheadAttention. A Linear behind a Flatten
    has its inputs reordered from channels-first to channels-last.

    model:   what the weights are put into.
    module:  the torch.nn.Module.

    Raises:
        LiuliError: another number of layers, or one that is not known.
        ShapeError: weights of another shape than the layer's; the message names both.

    Example:
        >>> import numpy as np, liuli as ll
        >>> torch = __import__("pytest").importorskip("torch")
        >>> model = ll.Model(ll.Sequential([ll.layers.Dense(3)]), loss="mse").build((2,))
        >>> linear = torch.nn.Linear(2, 3)
        >>> _ = ll.export.weights_from_torch(model, linear)
        >>> bool(np.allclose(model.predict(np.eye(2)), linear(torch.eye(2)).detach(), atol=1e-6))
        True
    """
    return transfer(model, [m for m in module.modules() if m._parameters or m._buffers], _converted)


def _converted(site: Site, module: Any) -> Arrays:
    kind = type(module).__name__
    convert = _CONVERTERS.get(kind.rstrip("123d"))
    if convert is None:
        known = ", ".join(sorted(_CONVERTERS))
        raise LiuliError(site.name, got=f"a torch.nn.{kind}", expected=f"one of {known}", fix="assign model.params")
    found = {**module._parameters, **module._buffers}
    return convert(site, {name: t.detach().cpu().numpy() for name, t in found.items() if t is not None})


def _linear(site: Site, t: Arrays) -> Arrays:
    kernel = t["weight"].T
    if site.flattened and len(site.flattened) > 1:
        *space, channels = site.flattened
        kernel = np.moveaxis(kernel.reshape(channels, *space, -1), 0, -2).reshape(kernel.shape)
    return _with_bias({"kernel": kernel}, t)


def _convolution(site: Site, t: Arrays) -> Arrays:
    kernel = np.moveaxis(t["weight"], (0, 1), (-1, -2))  # (*window, n / groups, filters)
    if "Depthwise" in type(site.layer).__name__:
        channels, *window = t["weight"].shape[0] // site.layer.depth_multiplier, *t["weight"].shape[2:]  # type: ignore[attr-defined]
        kernel = kernel.reshape(*window, channels, -1)
    return _with_bias({"kernel": kernel}, t)


def _with_bias(arrays: Arrays, t: Arrays) -> Arrays:
    return {**arrays, "bias": t["bias"]} if "bias" in t else arrays


_NORMALIZATION = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}


def _normalization(site: Site, t: Arrays) -> Arrays:
    return {name: t[other] for other, name in _NORMALIZATION.items() if other in t}


_CONVERTERS = {
    "Linear": _linear,
    "Conv": _convolution,
    "ConvTranspose": _convolution,
    "BatchNorm": _normalization,
    "LayerNorm": _normalization,
    "RMSNorm": _normalization,
    "GroupNorm": _normalization,
    "InstanceNorm": _normalization,
    "Embedding": lambda site, t: {"embeddings": t["weight"]},
    "PReLU": lambda site, t: {"alpha": t["weight"]},
}
