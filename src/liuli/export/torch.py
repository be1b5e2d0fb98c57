"""Weights from PyTorch, whose layouts are channels-first and output before input; ours are the other way about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from liuli.core.errors import LiuliError
from liuli.export.matching import Arrays, Site, transfer
from liuli.layers import GRU, Bidirectional
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
    return transfer(model, list(_donors(module)), _converted)


def _donors(module: Any) -> Iterator[Any]:
    """The modules that hold weights, those that attention is made of not counted."""
    if module._parameters or module._buffers:
        yield module
    if _kind(module) != "MultiheadAttention":
        for child in module.children():
            yield from _donors(child)


def _kind(module: Any) -> str:
    return type(module).__name__.rstrip("123d")


def _converted(site: Site, module: Any) -> Arrays:
    kind = type(module).__name__
    convert = _CONVERTERS.get(_kind(module))
    if convert is None:
        known = ", ".join(sorted(_CONVERTERS))
        raise LiuliError(site.name, got=f"a torch.nn.{kind}", expected=f"one of {known}", fix="assign model.params")
    found = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    return convert(site, {name: t.detach().cpu().numpy() for name, t in found.items()})


def _linear(site: Site, t: Arrays) -> Arrays:
    kernel = t["weight"].T
    if site.flattened and len(site.flattened) > 1:
        *space, channels = site.flattened
        kernel = np.moveaxis(kernel.reshape(channels, *space, -1), 0, -2).reshape(kernel.shape)
    return _with_bias({"kernel": kernel}, t)


def _convolution(site: Site, t: Arrays) -> Arrays:
    kernel = np.moveaxis(t["weight"], (0, 1), (-1, -2))  # (*window, n / groups, filters)
    if hasattr(site.layer, "depth_multiplier"):
        return _with_bias({"depthwise_kernel": kernel.reshape(site.params["depthwise_kernel"].shape)}, t)
    return _with_bias({"kernel": kernel}, t)


def _with_bias(arrays: Arrays, t: Arrays) -> Arrays:
    return {**arrays, "bias": t["bias"]} if "bias" in t else arrays


def _normalization(site: Site, t: Arrays) -> Arrays:
    names = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
    return {name: t[other] for other, name in names.items() if other in t}


def _recurrent(site: Site, t: Arrays) -> Arrays:
    """One layer, or both directions; PyTorch's second layer, ``weight_ih_l1``, is a layer of its own here."""
    if isinstance(site.layer, Bidirectional):
        both = {"layer": "l0", "backward_layer": "l0_reverse"}
        own = {name: _direction(t, end, isinstance(site.layer.layer, GRU)) for name, end in both.items()}
        return {f"{name}/{path}": array for name, arrays in own.items() for path, array in arrays.items()}
    return _direction(t, "l0", isinstance(site.layer, GRU))


def _direction(t: Arrays, end: str, gru: bool) -> Arrays:
    """W, U and b: the two biases of PyTorch are one here, but in a GRU, whose gates stand in another order."""
    kernels = {"kernel": t[f"weight_ih_{end}"].T, "recurrent_kernel": t[f"weight_hh_{end}"].T}
    biases = [t[f"bias_{of}_{end}"] for of in ("ih", "hh") if f"bias_{of}_{end}" in t]
    if not gru:
        return {**kernels, **({"bias": biases[0] + biases[1]} if biases else {})}
    found = {**kernels, **({"bias": np.stack(biases)} if biases else {})}
    return {name: _update_first(array) for name, array in found.items()}


def _update_first(array: np.ndarray) -> np.ndarray:
    """(..., reset, update, candidate) as (..., update, reset, candidate)."""
    reset, update, candidate = np.split(array, 3, axis=-1)
    return np.concatenate([update, reset, candidate], axis=-1)


def _attention(site: Site, t: Arrays) -> Arrays:
    """The three projections of the inputs, which PyTorch keeps in one matrix, and that of the output."""
    roles = ("query", "key", "value")
    found = {f"{role}/kernel": w.T for role, w in zip(roles, np.split(t["in_proj_weight"], 3), strict=True)}
    found["attention_output/kernel"] = t["out_proj.weight"].T
    if "in_proj_bias" in t:
        found |= {f"{role}/bias": b for role, b in zip(roles, np.split(t["in_proj_bias"], 3), strict=True)}
        found["attention_output/bias"] = t["out_proj.bias"]
    return found


_CONVERTERS = {
    "Linear": _linear,
    "Conv": _convolution,
    "ConvTranspose": _convolution,
    "BatchNorm": _normalization,
    "LayerNorm": _normalization,
    "RMSNorm": lambda site, t: {"scale": t["weight"]},
    "GroupNorm": _normalization,
    "InstanceNorm": _normalization,
    "Embedding": lambda site, t: {"embeddings": t["weight"]},
    "GRU": _recurrent,
    "LSTM": _recurrent,
    "MultiheadAttention": _attention,
    "RNN": _recurrent,
    "PReLU": lambda site, t: {"alpha": t["weight"]},
}
