"""Seeing what was learned: what a model answers to, what it looks at, how it errs; each as numbers and as a figure.

A function on a model and data finds a result that holds arrays; ``plot_...`` draws it on a Matplotlib axis.
"""

from liuli.inspect.seeing.attending import AttentionMaps, attention_maps, plot_attention
from liuli.inspect.seeing.attribution import Attribution, plot_attribution
from liuli.inspect.seeing.boundary import Boundary, decision_boundary, plot_decision_boundary
from liuli.inspect.seeing.calibration import Calibration, calibration, plot_calibration, reliability
from liuli.inspect.seeing.confusion import Confusion, confusion, plot_confusion
from liuli.inspect.seeing.dependence import Dependence, partial_dependence, plot_dependence
from liuli.inspect.seeing.filters import FeatureMaps, Filters, feature_maps, filters, plot_feature_maps, plot_filters
from liuli.inspect.seeing.gradcam import HeatMap, grad_cam, plot_grad_cam
from liuli.inspect.seeing.integrated import integrated_gradients
from liuli.inspect.seeing.projection import (
    Embedded,
    PrincipalComponents,
    embedding,
    embedding_table,
    pca,
    plot_embedding,
)
from liuli.inspect.seeing.residuals import Residuals, fit_residuals, plot_quantiles, plot_residuals, residuals
from liuli.inspect.seeing.response import Responses, plot_response_maps, response_maps
from liuli.inspect.seeing.saliency import saliency
from liuli.inspect.seeing.worst import Worst, plot_worst, worst

__all__ = [
    "AttentionMaps", "Attribution", "Boundary", "Calibration", "Confusion", "Dependence", "Embedded", "FeatureMaps",
    "Filters", "HeatMap", "PrincipalComponents", "Residuals", "Responses", "Worst", "attention_maps", "calibration",
    "confusion", "decision_boundary", "embedding", "embedding_table", "feature_maps", "filters", "fit_residuals",
    "grad_cam", "integrated_gradients", "partial_dependence", "pca", "plot_attention", "plot_attribution",
    "plot_calibration", "plot_confusion", "plot_decision_boundary", "plot_dependence", "plot_embedding",
    "plot_feature_maps", "plot_filters", "plot_grad_cam", "plot_quantiles", "plot_residuals", "plot_response_maps",
    "plot_worst", "reliability", "residuals", "response_maps", "saliency", "worst",
]  # fmt: skip
