"""Optimizers: those that are made of others."""

from liuli import optimizers

FIELDS = {
    "optimizers.LossScaleOptimizer": {"inner_optimizer": "sgd"},
    "optimizers.MultiOptimizer": {
        "default_optimizer": "adam",
        "prefixes": ("bias",),
        "optimizers": (optimizers.SGD(0.1, momentum=0.9),),
    },
    "optimizers.SAM": {"base": optimizers.SGD(0.1)},
}
