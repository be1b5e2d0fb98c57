"""Pages: one that tells of a training, and its figures as pictures; one that shows a model from inside. They need the
``plot`` extra."""

from liuli.report.inspection import write_inspection
from liuli.report.page import write_pictures, write_report

__all__ = ["write_inspection", "write_pictures", "write_report"]
