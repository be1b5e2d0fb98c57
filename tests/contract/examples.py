"""What a spec needs to be tried out: a value for each field without a default, and an input where floats (4, 6) fail.

A new spec needs a line here only if it has such fields; a new layer only if it takes other inputs.
"""

import dataclasses
from typing import Any

import numpy as np

import liuli
import liuli.networks
from liuli import layers, schedules
from liuli.core.specs import _BUILT_IN, Spec, parts, type_name
from liuli.data.encoders import NumberEncoder
from liuli.data.targets import ClassTarget
from liuli.networks import Graph, Node
from liuli.training.recipe import Output

RNG = np.random.default_rng(0)


def floats(*shape: int) -> np.ndarray:
    """Random numbers, none so close to zero or to another that a kink lies between."""
    return RNG.normal(size=shape)


GRAPH = {
    "inputs": ("input_1",),
    "outputs": ("dense_1",),
    "nodes": (Node("input_1", layers.InputLayer()), Node("dense_1", layers.Dense(3), ("input_1",))),
}
CLASSES = {"name": "kind", "classes": ("a", "b")}
STANDARDIZED = {"name": "x", "mean": 1.0, "std": 2.0}

FIELDS: dict[str, dict[str, Any]] = {
    "encoders.BooleanEncoder": {"name": "x", "share": 0.25},
    "encoders.CategoryEncoder": {"name": "x", "values": ("a", "b")},
    "encoders.DateEncoder": STANDARDIZED,
    "encoders.NumberEncoder": STANDARDIZED,
    "layers.Activation": {"activation": "leaky_relu"},
    "layers.Conv2D": {"filters": 3, "kernel_size": (3, 2)},
    "layers.Dense": {"units": 3},
    "layers.Dropout": {"rate": 0.3},
    "layers.Embedding": {"input_dim": 5, "output_dim": 3},
    "layers.LSTM": {"units": 3},
    "layers.Rescaling": {"scale": 0.5},
    "layers.Reshape": {"target_shape": (2, 3)},
    "networks.Graph": GRAPH,
    "networks.Node": {"name": "hidden", "layer": layers.Dense(3), "inputs": ("input_1",)},
    "schedules.CosineDecay": {"initial_learning_rate": 0.1, "decay_steps": 10},
    "schedules.CosineDecayRestarts": {"initial_learning_rate": 0.1, "first_decay_steps": 10},
    "schedules.ExponentialDecay": {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5},
    "schedules.InverseTimeDecay": {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5},
    "schedules.OneCycle": {"max_learning_rate": 0.1, "total_steps": 10},
    "schedules.PiecewiseConstantDecay": {"boundaries": (5,), "values": (0.1, 0.01)},
    "schedules.PolynomialDecay": {"initial_learning_rate": 0.1, "decay_steps": 10},
    "schedules.WarmUp": {"schedule": schedules.ExponentialDecay(0.1, 10, 0.5), "warmup_steps": 5},
    "schemas.ArraySchema": {
        "target": ClassTarget(**CLASSES),
        "item_shape": (2, 3),
        "dtype": "float32",
        "minimum": -1.0,
        "maximum": 1.0,
    },
    "schemas.Schema": {"target": ClassTarget(**CLASSES), "columns": (NumberEncoder(**STANDARDIZED),)},
    "targets.ClassTarget": CLASSES,
    "targets.RegressionTarget": {"name": "y"},
    "training.Output": {"loss": "huber", "metrics": ("mae", "binary_accuracy"), "scale": 2.0, "offset": 1.0},
    "training.Recipe": {"network": Graph(**GRAPH), "outputs": (Output("huber"),)},
}

INPUTS: dict[str, Any] = {
    "layers.Add": (floats(4, 6), floats(4, 6)),
    "layers.AveragePooling2D": floats(2, 5, 4, 3),
    "layers.Concatenate": (floats(4, 6), floats(4, 2)),
    "layers.Conv2D": floats(2, 5, 4, 2),
    "layers.Embedding": RNG.integers(0, 5, size=(4, 6)),
    "layers.GlobalAveragePooling2D": floats(2, 5, 4, 3),
    "layers.LSTM": floats(4, 5, 2),
    "layers.MaxPooling2D": floats(2, 5, 4, 3),
}
_DEFAULT = floats(4, 6)

SPECS = sorted(_BUILT_IN)
LAYERS = [name for name in SPECS if name.startswith("layers.")]


def example(name: str) -> Spec:
    """The spec called ``name``, as small as it comes."""
    return _BUILT_IN[name](**FIELDS.get(name, {}))


def inputs(name: str) -> Any:
    """What goes into the layer called ``name``: an array, or several as a tuple, batch first, float64 or integers."""
    return INPUTS.get(name, _DEFAULT)


def moved(spec: Spec) -> dict[str, float]:
    """Another value for every dial of ``spec``, within its bounds."""
    own = {f.name: f.metadata for f in dataclasses.fields(spec) if _is_number(spec, f)}
    found = {
        name: _another(getattr(spec, name), bounds.get("least"), bounds.get("most")) for name, bounds in own.items()
    }
    for path, part in parts(spec):
        found |= {f"{path}/{name}".lstrip("/"): value for name, value in moved(part).items()}
    return found


def namespace(family: str) -> dict[str, Any]:
    """The names in which a spec of ``family`` prints itself: every spec, those of its own family first."""
    everything = {cls.__name__: cls for cls in _BUILT_IN.values()} | vars(liuli.networks)
    return everything | {cls.__name__: cls for cls in _BUILT_IN.values() if type_name(cls).startswith(f"{family}.")}


def _is_number(spec: Spec, field: dataclasses.Field) -> bool:
    return field.metadata.get("dial", False) and isinstance(getattr(spec, field.name), float)


def _another(value: float, least: float | None, most: float | None) -> float:
    for other in (0.9 * value, 1.1 * value, 0.1, -0.1):
        if other != value and (least is None or other >= least) and (most is None or other <= most):
            return other
    raise ValueError(f"no other value between {least} and {most} near {value}")
