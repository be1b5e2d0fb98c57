"""Learning: the model, the step, the loop, history, callbacks, checkpoints; many networks at once."""

from liuli.training.history import History
from liuli.training.many import Many, fit_many
from liuli.training.model import Model

__all__ = ["History", "Many", "Model", "fit_many"]
