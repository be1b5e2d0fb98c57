"""Networks, schemas and recipes."""

from liuli import layers
from liuli.data.encoders import NumberEncoder
from liuli.data.targets import ClassTarget
from liuli.networks import Graph, Node
from liuli.training.recipe import Output

GRAPH = {
    "inputs": ("input_1",),
    "outputs": ("dense_1",),
    "nodes": (Node("input_1", layers.InputLayer()), Node("dense_1", layers.Dense(3), ("input_1",))),
}
CLASSES = {"name": "kind", "classes": ("a", "b")}
STANDARDIZED = {"name": "x", "mean": 1.0, "std": 2.0}

FIELDS = {
    "encoders.BooleanEncoder": {"name": "x", "share": 0.25},
    "encoders.CategoryEncoder": {"name": "x", "values": ("a", "b")},
    "encoders.DateEncoder": STANDARDIZED,
    "encoders.NumberEncoder": STANDARDIZED,
    "networks.Graph": GRAPH,
    "networks.Node": {"name": "hidden", "layer": layers.Dense(3), "inputs": ("input_1",)},
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
