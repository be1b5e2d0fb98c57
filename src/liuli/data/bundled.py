"""Data that need no download: scikit-learn's own copies of real data, and the toys."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from liuli.core.errors import DataError
from liuli.core.extras import require
from liuli.core.fields import nearest
from liuli.data import toys
from liuli.data.dataset import Dataset


def load(name: str) -> Dataset:
    """The data of that name, as they are in the file: nothing is scaled.

    Real: digits (8 x 8 images, stored flat, 0 to 16), iris, wine, breast_cancer, diabetes (raw features, target as it
    is). Made up: xor, circles, gaussians, spirals, moons, plane, sine.

    Reference: scikit-learn, *Toy datasets*, where each one's source is named.

    name:  one of the names above.

    Raises:
        DataError: no data have that name; the near names are listed.

    Example:
        >>> from liuli import data
        >>> data.load("iris").class_names
        ('setosa', 'versicolor', 'virginica')
    """
    if name not in _BUILT_IN:
        raise DataError(
            "load", got=repr(name), expected="the name of built-in data", fix=f"write {nearest(str(name), _BUILT_IN)}"
        )
    return _BUILT_IN[name]()


def built_in_names() -> tuple[str, ...]:
    """The names that ``load`` knows, in alphabetical order.

    Example:
        >>> from liuli import data
        >>> "digits" in data.built_in_names()
        True
    """
    return tuple(sorted(_BUILT_IN))


def _digits() -> Dataset:
    rows = _digits_file()
    if rows is None:
        rows = np.column_stack(require("sklearn.datasets", extra="data").load_digits(return_X_y=True))
    return Dataset(
        rows[:, :-1].astype(np.float32),
        rows[:, -1].astype(int),
        "multiclass",
        feature_names=tuple(f"pixel_{i // 8}_{i % 8}" for i in range(64)),
        class_names=tuple("0123456789"),
        target_name="digit",
        name="digits",
        image_shape=(8, 8, 1),
        about="The built-in data digits: 1797 handwritten digits of 8 x 8 pixels.",
    )


def _digits_file() -> np.ndarray | None:
    """Pixels and digit of each row, where scikit-learn's file is at its place: to import the package for it takes
    longer than to train on it."""
    found = find_spec("sklearn")
    for folder in found.submodule_search_locations or () if found else ():
        path = Path(folder, "datasets", "data", "digits.csv.gz")
        if path.is_file():
            return np.loadtxt(path, delimiter=",")
    return None


def _classes(name: str, target_name: str, about: str) -> Dataset:
    bunch = getattr(require("sklearn.datasets", extra="data"), f"load_{name}")()
    return Dataset(
        bunch.data.astype(np.float32),
        bunch.target,
        "binary" if len(bunch.target_names) == 2 else "multiclass",
        feature_names=tuple(bunch.feature_names),
        class_names=tuple(map(str, bunch.target_names)),
        target_name=target_name,
        name=name,
        about=f"The built-in data {name}: {about}.",
    )


def _diabetes() -> Dataset:
    bunch = require("sklearn.datasets", extra="data").load_diabetes(scaled=False)
    return Dataset(
        bunch.data.astype(np.float32),
        bunch.target.astype(np.float32),
        "regression",
        feature_names=tuple(bunch.feature_names),
        target_name="progression",
        name="diabetes",
        about="The built-in data diabetes: 442 patients, and how far the disease went in a year.",
    )


_BUILT_IN: dict[str, Callable[[], Dataset]] = {
    "digits": _digits,
    "iris": partial(_classes, "iris", "species", "150 flowers of three species"),
    "wine": partial(_classes, "wine", "cultivar", "178 wines of three cultivars"),
    "breast_cancer": partial(_classes, "breast_cancer", "diagnosis", "569 tumours, malignant or benign"),
    "diabetes": _diabetes,
    **{
        toy.__name__: toy
        for toy in (toys.circles, toys.gaussians, toys.moons, toys.plane, toys.sine, toys.spirals, toys.xor)
    },
}
