"""Graphs made from graphs: the last activation taken off, layers frozen. A graph is a value, so these return
new ones."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax

from liuli.activations import Activation, Identity
from liuli.core.specs import with_fields
from liuli.layers.activation import Activation as ActivationLayer
from liuli.layers.base import Layer
from liuli.layers.wrapping import Wrapper
from liuli.networks.graph import Graph, Node


def last_activation(net: Graph, output: str) -> Activation | None:
    """The activation that ends ``output``, or None where the last layer does not end in one."""
    layer = dict(net.calls())[output].layer
    if isinstance(layer, Graph):
        return last_activation(layer, layer.outputs[0]) if len(layer.outputs) == 1 else None
    return layer.activation if layer.ends_in_activation else None  # type: ignore[attr-defined]


def without_activation(net: Graph, output: str) -> Graph:
    """The graph whose ``output`` is the pre-activation. Names, parameters and dials of everything else stay."""
    target = dict(net.calls())[output]

    def bare(layer: Layer) -> Layer:
        if isinstance(layer, Graph):
            return without_activation(layer, layer.outputs[0])
        if not any(field.name == "activation" for field in dataclasses.fields(layer)):  # a layer that is its activation
            return ActivationLayer(Identity(), name=layer.name, activity_regularizer=layer.activity_regularizer)
        return layer.replace(activation=Identity())

    return with_layers(net, {target.name: bare(target.layer)})


def with_layers(net: Graph, changes: dict[str, Layer]) -> Graph:
    """The graph in which the named nodes have other layers."""
    nodes = tuple(with_fields(node, {"layer": changes.get(node.name, node.layer)}) for node in net.nodes)
    return with_fields(net, {"nodes": nodes})


def frozen(net: Graph, names: set[str] | None = None) -> Graph:
    """The graph in which the named layers (all, by default) are not trained."""
    return with_layers(
        net, {n: layer.replace(trainable=False) for n, layer in net.names.items() if names is None or n in names}
    )


def is_used_elsewhere(net: Graph, output: str) -> bool:
    """Whether the value is more than one output of the network: also taken by a node, listed twice, of a shared
    layer, or penalized."""
    node: Node = dict(net.calls())[output]
    uses = sum(output in other.inputs for other in net.nodes) + net.outputs.count(output)
    within = isinstance(node.layer, Graph) and is_used_elsewhere(node.layer, node.layer.outputs[0])
    shared = sum(other.name == node.name for other in net.nodes) > 1
    return uses > 1 or shared or within or node.layer.activity_regularizer is not None


def trainable(net: Layer, params: dict[str, Any]) -> Any:
    """A tree like ``params`` that says of each leaf whether it is trained."""
    if net.trainable and isinstance(net, Wrapper) and "layer" in params:
        return {**jax.tree.map(lambda _: True, params), "layer": trainable(net.layer, params["layer"])}
    if not net.trainable or not isinstance(net, Graph):
        return jax.tree.map(lambda _: net.trainable, params)
    return {name: trainable(net.names[name], own) for name, own in params.items()}
