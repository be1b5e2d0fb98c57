"""From what a caller of ``Model`` writes to a recipe: names resolved, losses and metrics dealt to the outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from liuli.core.errors import SpecError
from liuli.core.precision import Precision
from liuli.core.specs import Spec, named
from liuli.data.schema import Preprocessing
from liuli.data.targets import RegressionTarget
from liuli.losses import Loss
from liuli.metrics import Metric, resolve
from liuli.networks.graph import Graph
from liuli.training.recipe import Output, Recipe


def make_recipe(
    net: Graph,
    loss: Any,
    optimizer: Any,
    metrics: Any,
    weights: Any,
    seed: int,
    schema: Preprocessing | None,
    precision: Precision,
) -> Recipe:
    """The recipe that the arguments of ``Model`` mean."""
    if not isinstance(net, Graph):
        raise SpecError(
            "net", got=f"a {type(net).__name__}", expected="a Graph", fix="ll.Sequential([layers.Dense(1)])"
        )
    names = net.outputs
    outputs = []
    for own, measures, weight in zip(
        _dealt(loss, names, "loss"), _metrics(metrics, names), _weights(weights, names), strict=True
    ):
        made = _spec(own, Loss)
        outputs.append(Output(made, tuple(resolve(_metric(m), made) for m in measures), weight, *_units(schema)))
    return Recipe(net, tuple(outputs), optimizer, schema, precision, seed)


def _units(schema: Preprocessing | None) -> tuple[float | None, float | None]:
    """What turns scaled targets into the units of the raw data, where they were scaled."""
    target = None if schema is None else schema.target
    return (target.scale, target.offset) if isinstance(target, RegressionTarget) else (None, None)


def _dealt(values: Any, names: Sequence[str], what: str) -> list[Any]:
    """One value for each output, from a value, a sequence, or a dict by name."""
    if isinstance(values, Mapping):
        if set(values) != set(names):
            raise SpecError(
                what, got=f"names {sorted(values)}", expected=f"{', '.join(names)}", fix="one entry for each output"
            )
        return [values[name] for name in names]
    several = list(values) if isinstance(values, (tuple, list)) else [values]
    if len(several) != len(names):
        raise SpecError(
            what, got=f"{len(several)}", expected=f"one for each of {', '.join(names)}", fix=f"{what}=(..., ...)"
        )
    return several


def _metrics(metrics: Any, names: Sequence[str]) -> list[Sequence[Any]]:
    if isinstance(metrics, Mapping):
        if unknown := set(metrics) - set(names):
            raise SpecError(
                "metrics", got=repr(min(unknown)), expected=f"among {', '.join(names)}", fix="metrics={output: [...]}"
            )
        return [metrics.get(name, ()) for name in names]
    if isinstance(metrics, (str, Spec)):
        metrics = (metrics,)
    if len(names) > 1 and metrics:
        raise SpecError(
            "metrics",
            got="a list for several outputs",
            expected="a dict by output",
            fix=f"metrics={{{names[0]!r}: [...]}}",
        )
    return [metrics] if len(names) == 1 else [()] * len(names)


def _metric(value: Any) -> Metric:
    """A metric; one that was asked for by name is called so in the history."""
    metric = _spec(value, Metric)
    return metric.replace(name=value) if isinstance(value, str) else metric


def _weights(weights: Any, names: Sequence[str]) -> list[Any]:
    return [None] * len(names) if weights is None else _dealt(weights, names, "loss_weights")


def _spec(value: Any, kind: type[Spec]) -> Any:
    if isinstance(value, kind):
        return value
    if isinstance(value, str):
        try:
            return named(kind.family, value)
        except SpecError as error:
            raise error.at(kind.__name__.lower()) from None
    raise SpecError(
        kind.__name__.lower(), got=repr(value)[:80], expected=f"a name or an object of liuli.{kind.family}", fix='"mse"'
    )
