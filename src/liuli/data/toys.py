"""Toy data: small problems whose answer can be drawn. Two classes in the plane, or one number from another."""

from __future__ import annotations

import numbers

import numpy as np

from liuli.core.errors import DataError
from liuli.data.dataset import Dataset


def xor(n: int = 200, noise: float = 0.1, seed: int = 0) -> Dataset:
    """y = a xor b, at the four corners (a, b) of the unit square, each moved by noise.            x: (n, 2)   y: (n, 1)

    No straight line divides the two classes.

    Reference: Minsky and Papert, *Perceptrons*, 1969.

    n:      how many points.
    noise:  the standard deviation of the movement in each direction.
    seed:   the same seed makes the same points.

    Example:
        >>> from liuli import data
        >>> data.xor(4, noise=0.0).x.tolist()
        [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
    """
    a, b = np.arange(n) // 2 % 2, np.arange(n) % 2
    return _two_classes("xor", np.stack([a, b], axis=1), a ^ b, noise, seed)


def circles(n: int = 200, noise: float = 0.05, seed: int = 0, inner: float = 0.5) -> Dataset:
    """y = 1 on a circle of radius ``inner``, 0 on the unit circle, each point moved by noise.   x: (n, 2)   y: (n, 1)

    n:      how many points.
    noise:  the standard deviation of the movement in each direction.
    seed:   the same seed makes the same points.
    inner:  the radius of the inner circle.

    Example:
        >>> from liuli import data
        >>> data.circles(100)
        Dataset('circles': 100 rows, x (2,) float32, binary: 2 classes 0, 1)
    """
    y = np.arange(n) % 2
    angle = 2 * np.pi * _positions(y)
    radius = np.where(y == 1, inner, 1.0)
    return _two_classes("circles", _polar(radius, angle), y, noise, seed)


def gaussians(n: int = 200, noise: float = 0.5, seed: int = 0) -> Dataset:
    """x ~ N((-1, -1), noise^2) in class 0, x ~ N((1, 1), noise^2) in class 1.            x: (n, 2)   y: (n, 1)

    The best classifier is the line x_1 + x_2 = 0; it errs with probability Phi(-sqrt(2) / noise).

    n:      how many points.
    noise:  the standard deviation in each direction.
    seed:   the same seed makes the same points.

    Example:
        >>> from liuli import data
        >>> data.gaussians(100).y.mean()
        np.float32(0.5)
    """
    y = np.arange(n) % 2
    return _two_classes("gaussians", np.stack([2 * y - 1, 2 * y - 1], axis=1), y, noise, seed)


def spirals(n: int = 200, noise: float = 0.02, seed: int = 0, turns: float = 1.5) -> Dataset:
    """r = t, angle = 2 pi turns t + pi y, for t in (0, 1]: two spirals around each other.        x: (n, 2)   y: (n, 1)

    Reference: Lang and Witbrock, *Learning to Tell Two Spirals Apart*, Connectionist Models Summer School, 1988.

    n:      how many points.
    noise:  the standard deviation of the movement in each direction.
    seed:   the same seed makes the same points.
    turns:  how often each spiral goes round.

    Example:
        >>> from liuli import data
        >>> data.spirals(100).item_shape
        (2,)
    """
    y = np.arange(n) % 2
    t = 0.05 + 0.95 * _positions(y)
    return _two_classes("spirals", _polar(t, 2 * np.pi * turns * t + np.pi * y), y, noise, seed)


def moons(n: int = 200, noise: float = 0.1, seed: int = 0) -> Dataset:
    """(cos t, sin t) in class 0, (1 - cos t, 1/2 - sin t) in class 1, for t in [0, pi).        x: (n, 2)   y: (n, 1)

    n:      how many points.
    noise:  the standard deviation of the movement in each direction.
    seed:   the same seed makes the same points.

    Example:
        >>> from liuli import data
        >>> data.moons(2, noise=0.0).x.tolist()
        [[1.0, 0.0], [0.0, 0.5]]
    """
    y = np.arange(n) % 2
    t = np.pi * _positions(y)
    upper = np.stack([np.cos(t), np.sin(t)], axis=1)
    return _two_classes("moons", np.where(y[:, None] == 1, [1.0, 0.5] - upper, upper), y, noise, seed)


def plane(n: int = 200, noise: float = 0.1, seed: int = 0) -> Dataset:
    """y = 2 x_1 - 3 x_2 + 1 + noise e, with x uniform in [-1, 1]^2 and e ~ N(0, 1).            x: (n, 2)   y: (n, 1)

    n:      how many points.
    noise:  the standard deviation of what is added to y.
    seed:   the same seed makes the same points.

    Example:
        >>> from liuli import data
        >>> data.plane(100)
        Dataset('plane': 100 rows, x (2,) float32, regression)
    """
    generator = _generator(n, noise, seed)
    x = generator.uniform(-1, 1, (n, 2))
    return _regression("plane", x, x @ np.array([[2.0], [-3.0]]) + 1, noise, generator)


def sine(n: int = 200, noise: float = 0.1, seed: int = 0) -> Dataset:
    """y = sin(x) + noise e, with x uniform in [-pi, pi] and e ~ N(0, 1).            x: (n, 1)   y: (n, 1)

    n:      how many points.
    noise:  the standard deviation of what is added to y.
    seed:   the same seed makes the same points.

    Example:
        >>> from liuli import data
        >>> data.sine(100).feature_names
        ('x1',)
    """
    generator = _generator(n, noise, seed)
    x = generator.uniform(-np.pi, np.pi, (n, 1))
    return _regression("sine", x, np.sin(x), noise, generator)


def _two_classes(name: str, x: np.ndarray, y: np.ndarray, noise: float, seed: int) -> Dataset:
    moved = x + noise * _generator(len(y), noise, seed).normal(size=x.shape)
    return Dataset(
        moved.astype(np.float32),
        y.astype(np.float32),
        "binary",
        feature_names=("x1", "x2"),
        class_names=("0", "1"),
        target_name="class",
        name=name,
        about=f"The toy data {name}: {len(y)} points of two classes.",
    )


def _regression(name: str, x: np.ndarray, y: np.ndarray, noise: float, generator: np.random.Generator) -> Dataset:
    return Dataset(
        x.astype(np.float32),
        (y + noise * generator.normal(size=y.shape)).astype(np.float32),
        "regression",
        feature_names=tuple(f"x{i + 1}" for i in range(x.shape[1])),
        target_name="y",
        name=name,
        about=f"The toy data {name}: {len(y)} points.",
    )


def _positions(y: np.ndarray) -> np.ndarray:
    """Evenly spaced positions in [0, 1) along the curve of each of two classes that alternate."""
    return np.arange(len(y)) // 2 / max(1, (len(y) + 1) // 2)


def _polar(radius: np.ndarray, angle: np.ndarray) -> np.ndarray:
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def _generator(n: int, noise: float, seed: int) -> np.random.Generator:
    if isinstance(n, bool) or not isinstance(n, numbers.Integral) or n < 2:
        raise DataError("n", got=repr(n), expected="a whole number of at least 2", fix="write n=200")
    if not noise >= 0:
        raise DataError("noise", got=repr(noise), expected="a number of at least 0", fix="write noise=0.1")
    return np.random.default_rng(seed)
