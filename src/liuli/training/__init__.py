"""Learning: the model, the step, the loop, history, callbacks, checkpoints; many networks at once."""

from liuli.training.history import History
from liuli.training.many import Many, fit_many
from liuli.training.model import Model
from liuli.training.probes import Probes

__all__ = ["History", "Many", "Model", "Probes", "fit_many"]
