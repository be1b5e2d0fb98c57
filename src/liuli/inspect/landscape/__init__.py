"""The landscape of the loss: along lines, between models, on planes, and how sharp it is around a minimum."""

from liuli.inspect.landscape.lines import Between, Line, along, between
from liuli.inspect.landscape.planes import Plane, Trajectory, plane, trajectory
from liuli.inspect.landscape.sharpness import Sharpness, sharpness

__all__ = [
    "Between",
    "Line",
    "Plane",
    "Sharpness",
    "Trajectory",
    "along",
    "between",
    "plane",
    "sharpness",
    "trajectory",
]
