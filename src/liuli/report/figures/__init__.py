"""The figures of the report, each a function that draws on a Matplotlib axis and returns it."""

from liuli.report.figures.confusion import confusion_counts, confusion_matrix
from liuli.report.figures.distributions import class_counts, histogram, target_distribution
from liuli.report.figures.images import image_grid
from liuli.report.figures.residuals import predicted_against_true, residual_histogram

__all__ = [
    "class_counts", "confusion_counts", "confusion_matrix", "histogram", "image_grid",
    "predicted_against_true", "residual_histogram", "target_distribution",
]  # fmt: skip
