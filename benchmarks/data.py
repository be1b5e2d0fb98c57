"""What networks are trained on: random numbers of the right shapes, toy sets, and real data of scikit-learn."""

from __future__ import annotations

import numpy as np

Data = tuple[np.ndarray, np.ndarray]


def vectors(rows: int, size: int, classes: int = 10) -> Data:
    """x: (rows, size)   y: (rows,) labels"""
    return normal((rows, size)), labels(rows, classes)


def images(rows: int, shape: tuple[int, int, int], classes: int = 10) -> Data:
    """x: (rows, height, width, channels)   y: (rows,) labels"""
    return normal((rows, *shape)), labels(rows, classes)


def sequences(rows: int, steps: int, features: int, classes: int = 10) -> Data:
    """x: (rows, steps, features)   y: (rows,) labels"""
    return normal((rows, steps, features)), labels(rows, classes)


def copies(rows: int, size: int) -> Data:
    """x: (rows, size) of 0 to 1, and x again: what an autoencoder learns from."""
    x = np.random.default_rng(0).random((rows, size), dtype=np.float32)
    return x, x


def characters(rows: int, length: int, vocabulary: int) -> Data:
    """x: (rows, length) tokens   y: the tokens that follow"""
    text = integers((rows, length + 1), vocabulary)
    return np.ascontiguousarray(text[:, :-1]), np.ascontiguousarray(text[:, 1:])


def words(rows: int, length: int, vocabulary: int, classes: int = 10) -> Data:
    """x: (rows, length) tokens   y: (rows,) labels"""
    return integers((rows, length), vocabulary), labels(rows, classes)


def xor(rows: int) -> Data:
    """The four rows of exclusive or, of three inputs, the last of them always 1."""
    x = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]], np.float32)
    return x, np.array([[0], [1], [1], [0]], np.float32)


def spirals(rows: int) -> Data:
    """Two arms. x: (rows, 2)   y: (rows, 1), which arm"""
    rng = np.random.default_rng(0)
    arm, t = np.arange(rows) % 2, rng.random(rows) * 3 * np.pi
    angle = t + np.pi * arm
    x = np.stack([t * np.cos(angle), t * np.sin(angle)], 1) / 10 + rng.normal(0, 0.02, (rows, 2))
    return x.astype(np.float32), arm[:, None].astype(np.float32)


def cancer(rows: int) -> Data:
    """569 tumours of 30 measurements, malignant or not; the first of them."""
    from sklearn.datasets import load_breast_cancer

    x, y = load_breast_cancer(return_X_y=True)
    x = (x - x.mean(0)) / x.std(0)
    return x[:rows].astype(np.float32), y[:rows, None].astype(np.float32)


def digits(rows: int) -> Data:
    """1,797 handwritten digits of 64 pixels; the first of them."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return (x[:rows] / 16).astype(np.float32), y[:rows].astype(np.int32)


def digit_images(rows: int) -> Data:
    """The same, as (8, 8, 1)."""
    x, y = digits(rows)
    return x.reshape(-1, 8, 8, 1), y


def normal(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


def integers(shape: tuple[int, ...], below: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, below, shape, dtype=np.int32)


def labels(rows: int, classes: int) -> np.ndarray:
    return integers((rows,), classes)
