"""Looking inside: every value and gradient of a batch, back-propagation written out, gradients checked."""

from liuli.inspect.derive import Derivation, derive
from liuli.inspect.gradcheck import Checked, GradCheck, gradcheck
from liuli.inspect.trace import Tapped, Trace, UnknownPathError, trace

__all__ = ["Checked", "Derivation", "GradCheck", "Tapped", "Trace", "UnknownPathError", "derive", "gradcheck", "trace"]
