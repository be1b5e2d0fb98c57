"""Data: built-in and toy sets, files, splits, and what stands between raw rows and a network."""

from liuli.data.bundled import built_in_names, load
from liuli.data.columns import Column
from liuli.data.dataset import Dataset
from liuli.data.encoders import BooleanEncoder, CategoryEncoder, DateEncoder, Encoder, NumberEncoder
from liuli.data.idx import read_idx
from liuli.data.images import read_images
from liuli.data.numpy_files import read_numpy
from liuli.data.opening import open_data
from liuli.data.schema import ArraySchema, Preprocessing, Schema, fit_schema
from liuli.data.splits import Splittable
from liuli.data.table import Table, read
from liuli.data.tabular_files import read_rows
from liuli.data.targets import ClassTarget, RegressionTarget, Target
from liuli.data.toys import circles, gaussians, moons, plane, sine, spirals, xor

__all__ = [
    "ArraySchema", "BooleanEncoder", "CategoryEncoder", "ClassTarget", "Column", "Dataset", "DateEncoder", "Encoder",
    "NumberEncoder", "Preprocessing", "RegressionTarget", "Schema", "Splittable", "Table", "Target", "built_in_names",
    "circles", "fit_schema", "gaussians", "load", "moons", "open_data", "plane", "read", "read_idx", "read_images",
    "read_numpy", "read_rows", "sine", "spirals", "xor",
]  # fmt: skip
