"""Schedules."""

from liuli import schedules

FIELDS = {
    "schedules.CosineDecay": {"initial_learning_rate": 0.1, "decay_steps": 10},
    "schedules.CosineDecayRestarts": {"initial_learning_rate": 0.1, "first_decay_steps": 10},
    "schedules.Cyclic": {"base_learning_rate": 0.1, "max_learning_rate": 0.5},
    "schedules.ExponentialDecay": {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5},
    "schedules.InverseTimeDecay": {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5},
    "schedules.OneCycle": {"max_learning_rate": 0.1, "total_steps": 10},
    "schedules.PiecewiseConstantDecay": {"boundaries": (5,), "values": (0.1, 0.01)},
    "schedules.PolynomialDecay": {"initial_learning_rate": 0.1, "decay_steps": 10},
    "schedules.Sequential": {
        "schedules": (schedules.PolynomialDecay(0.0, 5, 0.1), schedules.ExponentialDecay(0.1, 10, 0.5)),
        "boundaries": (5,),
    },
    "schedules.WarmUp": {"schedule": schedules.ExponentialDecay(0.1, 10, 0.5), "warmup_steps": 5},
}
