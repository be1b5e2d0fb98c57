"""The report: one HTML page that tells of a training, and its figures as pictures. Needs the ``plot`` extra."""

from liuli.report.page import write_pictures, write_report

__all__ = ["write_pictures", "write_report"]
