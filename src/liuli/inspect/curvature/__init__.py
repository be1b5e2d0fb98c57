"""Curvature: the Hessian of the loss by its products with vectors, and the proof that a loss is not convex."""

from liuli.inspect.curvature.convexity import NegativeCurvature, negative_curvature
from liuli.inspect.curvature.hessian import Curvature, Eigenpair, hessian, hessian_vector

__all__ = ["Curvature", "Eigenpair", "NegativeCurvature", "hessian", "hessian_vector", "negative_curvature"]
