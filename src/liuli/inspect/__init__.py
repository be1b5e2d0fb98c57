"""Looking inside: every value and gradient of a batch, back-propagation written out, gradients checked."""

from liuli.inspect.derive import Derivation, derive
from liuli.inspect.functions import (
    ActivationFacts,
    activation_facts,
    of_one_prediction,
    plot_activation,
    plot_loss,
    plot_schedule,
)
from liuli.inspect.gradcheck import Checked, GradCheck, gradcheck
from liuli.inspect.trace import Tapped, Trace, UnknownPathError, trace

__all__ = [
    "ActivationFacts", "Checked", "Derivation", "GradCheck", "Tapped", "Trace", "UnknownPathError", "activation_facts",
    "derive", "gradcheck", "of_one_prediction", "plot_activation", "plot_loss", "plot_schedule", "trace",
]  # fmt: skip
