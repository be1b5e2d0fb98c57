"""What a model is made of, as one value: network, losses, metrics, optimizer, preprocessing, precision."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax

from liuli.activations import Activation, Identity, LogSoftmax, Sigmoid, Softmax
from liuli.core.dials import dials, structure
from liuli.core.errors import SpecError
from liuli.core.precision import Precision
from liuli.core.specs import Spec, dial, setting, spec, with_fields
from liuli.data.schema import Preprocessing
from liuli.layers import Mixing
from liuli.losses import Loss
from liuli.metrics import Metric
from liuli.networks.edit import is_used_elsewhere, last_activation, without_activation
from liuli.networks.graph import Graph
from liuli.networks.host import check_host
from liuli.optimizers import Adam, Optimizer


@spec
class Output(Spec, family="training"):
    """What one output of the network is trained and measured by.

    loss:     compared with the targets.
    metrics:  measured beside it.
    weight:   the share of this loss in the total; None counts it once.
    scale, offset:  metrics are measured on y scale + offset, the units of the raw data; None where targets are not
                    scaled.

    Example:
        >>> from liuli.training.recipe import Output
        >>> Output("mse").loss
        MeanSquaredError()
    """

    loss: Loss
    metrics: tuple[Metric, ...] = ()
    weight: float | None = dial(default=None, least=0.0)
    scale: float | None = dial(default=None)
    offset: float | None = dial(default=None)

    def raw(self, y: jax.Array) -> jax.Array:
        """Targets or predictions in the units of the raw data."""
        return y if self.scale is None or self.offset is None else y * self.scale + self.offset

    def weighed(self, loss: jax.Array) -> jax.Array:
        """What a loss adds to the total."""
        return loss if self.weight is None else self.weight * loss

    def check(self) -> None:
        labels = [metric.label for metric in self.metrics]
        if twice := sorted({label for label in labels if labels.count(label) > 1}):
            raise SpecError(
                "metrics", got=f"{twice[0]} twice", expected="each name once", fix='give one of them name="..."'
            )

    def part_name(self, field: str, index: int | None, part: Spec) -> str:
        return "loss" if field == "loss" else f"metrics/{part.label}"  # type: ignore[attr-defined]


@spec
class Recipe(Spec, family="training"):
    """What a model is made of.

    network:    the graph.
    outputs:    one for each output of the network.
    optimizer:  how gradients become updates.
    schema:     what turns raw rows into arrays, and predictions into the units of the data.
    precision:  the dtype of parameters and computation.
    augment:    what mixes samples and their targets while training, such as MixUp.
    seed:       of initial weights, shuffling and dropout.

    Example:
        >>> import liuli as ll
        >>> from liuli.training.recipe import Output, Recipe
        >>> Recipe(ll.Sequential([ll.layers.Dense(1)]), (Output("mse"),)).dials()["optimizer/learning_rate"]
        0.001
    """

    network: Graph
    outputs: tuple[Output, ...]
    optimizer: Optimizer = Adam()
    schema: Preprocessing | None = None
    precision: Precision = "float32"
    seed: int = setting(default=0, least=0)
    augment: tuple[Mixing, ...] = ()

    def part_name(self, field: str, index: int | None, part: Spec) -> str:
        if field == "network":
            return ""
        if field == "outputs":
            return "" if len(self.outputs) == 1 else f"outputs/{self.network.outputs[index or 0]}"
        return f"augment/{index}" if field == "augment" else field

    def dials(self) -> dict[str, float]:
        """Every dial: ``"dropout_1/rate"``, ``"optimizer/learning_rate"``, ``"loss/delta"``."""
        return dials(self)

    def check(self) -> None:
        check_host(self.network)
        if taken := {"optimizer", "loss", "metrics", "outputs", "schema", "weight", "scale", "offset", "augment"} & set(
            self.network.names
        ):
            raise SpecError(
                min(taken), got="a layer of this name", expected="a name that dials do not use", fix="rename the layer"
            )
        if len(self.outputs) != len(self.network.outputs):
            names = ", ".join(self.network.outputs)
            raise SpecError(
                "loss", got=f"{len(self.outputs)} losses", expected=f"one for each of {names}", fix="loss=(..., ...)"
            )
        if self.augment and len(self.network.inputs) + len(self.network.outputs) > 2:
            got = f"inputs {', '.join(self.network.inputs)} and outputs {', '.join(self.network.outputs)}"
            raise SpecError("augment", got=got, expected="one input and one output to mix", fix="leave augment out")
        for name, output in zip(self.network.outputs, self.outputs, strict=True):
            check_pair(last_activation(self.network, name), output.loss, name)


@lru_cache(maxsize=64)
def compiled_part(recipe: Recipe) -> Recipe:
    """What a program depends on: the recipe without preprocessing and seed, its dials at zero."""
    return structure(with_fields(recipe, {"schema": None, "seed": 0}))


def check_pair(last: Activation | None, loss: Loss, name: str) -> None:
    """Raise SpecError where the last activation and the loss make no sense together."""
    if loss.matched is None or last is None:
        return
    right = loss.matched.__name__.lower()
    if loss.space == "logits":
        if isinstance(last, (Softmax, Sigmoid, LogSoftmax)):
            told = hasattr(loss, "from_logits")  # else the loss takes nothing but logits
            got = f"{type(last).__name__} followed by a loss that applies {right} itself{' (from_logits=True)' * told}"
            fix = "leave from_logits out, or end in a linear layer" if told else "end in a linear layer"
            raise SpecError(name, got=got, expected=f"{right} once", fix=fix)
    elif not isinstance(last, loss.matched):
        wrong = "no last activation" if isinstance(last, Identity) else type(last).__name__
        got = f"{wrong} before {type(loss).__name__}, which needs probabilities"
        raise SpecError(
            name, got=got, expected=f"{right} as the last activation", fix=f'end in layers.Dense(..., "{right}")'
        )


def check_units(recipe: Recipe, shapes: tuple[Any, ...]) -> None:
    """Raise SpecError for a softmax over a single unit, which is always 1."""
    for name, shape in zip(recipe.network.outputs, shapes, strict=True):
        if isinstance(last_activation(recipe.network, name), Softmax) and shape.shape[-1] == 1:
            raise SpecError(
                name,
                got="softmax over one unit, which is always 1",
                expected="two units or more",
                fix='Dense(1, "sigmoid")',
            )


@dataclass(frozen=True)
class Fused:
    """A recipe whose matched last activations moved into the losses: what is compiled.

    The network ends in pre-activations, the losses take logits, and ``activations`` make predictions of them.
    """

    recipe: Recipe
    activations: tuple[Activation, ...]

    def predictions(self, values: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        """What the model predicts, from the values that leave the network."""
        return tuple(activation(v) for activation, v in zip(self.activations, values, strict=True))


def fuse(recipe: Recipe) -> Fused:
    """Where the network ends in softmax or sigmoid and the loss is its cross entropy, let the loss take the
    stable form from the pre-activation."""
    network, outputs, activations = recipe.network, list(recipe.outputs), []
    for i, (name, output) in enumerate(zip(recipe.network.outputs, recipe.outputs, strict=True)):
        last = last_activation(network, name)
        if _is_matched(last, output.loss) and not is_used_elsewhere(network, name):
            network = without_activation(network, name)
            outputs[i] = with_fields(output, {"loss": with_fields(output.loss, {"from_logits": True})})
            activations.append(last)
        else:
            activations.append(Identity())
    return Fused(with_fields(recipe, {"network": network, "outputs": tuple(outputs)}), tuple(activations))


def _is_matched(last: Activation | None, loss: Loss) -> bool:
    return loss.matched is not None and loss.space == "probabilities" and isinstance(last, loss.matched)
