"""Learning: the model, the step, the loop, history, callbacks, checkpoints."""

from liuli.training.history import History
from liuli.training.model import Model

__all__ = ["History", "Model"]
