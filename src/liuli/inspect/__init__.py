"""Looking inside: every value and gradient of a batch, back-propagation written out, gradients checked."""

from liuli.inspect.curvature import (
    Curvature,
    Eigenpair,
    NegativeCurvature,
    hessian,
    hessian_vector,
    negative_curvature,
)
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
from liuli.inspect.landscape import (
    Between,
    Line,
    Plane,
    Sharpness,
    Trajectory,
    along,
    between,
    plane,
    sharpness,
    trajectory,
)
from liuli.inspect.trace import Tapped, Trace, UnknownPathError, trace

__all__ = [
    "ActivationFacts", "Between", "Checked", "Curvature", "Derivation", "Eigenpair", "GradCheck", "Line",
    "NegativeCurvature", "Plane", "Sharpness", "Tapped", "Trace", "Trajectory", "UnknownPathError", "activation_facts",
    "along", "between", "derive", "gradcheck", "hessian", "hessian_vector", "negative_curvature", "of_one_prediction",
    "plane", "plot_activation", "plot_loss", "plot_schedule", "sharpness", "trace", "trajectory",
]  # fmt: skip
