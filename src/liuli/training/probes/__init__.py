"""Probes: what is measured inside the compiled training loop, every few steps, while it runs."""

from liuli.training.probes.probing import Probing
from liuli.training.probes.records import Records
from liuli.training.probes.spec import Probes, as_probes

__all__ = ["Probes", "Probing", "Records", "as_probes"]
