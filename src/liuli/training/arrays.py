"""From what a caller hands over to arrays that a compiled step takes, checked before any work starts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from liuli.core.errors import DataError, ShapeError
from liuli.core.precision import Precision, parameter_dtype
from liuli.layers.input import InputLayer
from liuli.networks.graph import Graph
from liuli.networks.host import from_host, host_layers

Arrays = tuple[np.ndarray, ...]
_MANY = 1 << 13  # from here on a dot product takes several threads


class Entrance:
    """Where data enter a network. What does not change from call to call is found once."""

    def __init__(self, network: Graph, precision: Precision) -> None:
        self.network: Graph = network
        self.precision: Precision = precision
        self.names = network.inputs
        self.hosted = {name for name in self.names if host_layers(network, name)}
        self.shapes = tuple(declared_shape(network, name) for name in self.names)
        self.batch = declared_batch(network)

    def arrays(self, x: Any) -> Arrays:
        """One array for each input of the network: from an array, a sequence of them, or a dict by name.

        Raises:
            DataError: text, missing or non-finite values, no rows.
            ShapeError: a wrong number of inputs, or shapes other than the network's.
        """
        arrays = tuple(map(self._array, self.names, _by_name(x, self.names, "x"), self.shapes))
        if len(arrays) > 1:
            check_lengths(dict(zip(self.names, arrays, strict=True)))
        return arrays

    def _array(self, name: str, values: Any, expected: tuple[int, ...] | None) -> np.ndarray:
        array = as_array(from_host(self.network, name, values) if name in self.hosted else values, name, self.precision)
        if expected is not None and array.shape[1:] != expected:
            got, wanted = f"rows of shape {array.shape[1:]}", f"rows of shape {expected}"
            raise ShapeError(name, got=got, expected=wanted, fix=f"x.reshape(-1, {', '.join(map(str, expected))})")
        return array


def as_inputs(network: Graph, x: Any, precision: Precision) -> Arrays:
    """One array for each input of the network, as :meth:`Entrance.arrays` makes and checks them."""
    return Entrance(network, precision).arrays(x)


def declared_shape(network: Graph, name: str) -> tuple[int, ...] | None:
    """The shape that an input says its samples have; None where it does not, or where the host changes it."""
    layer = network.names[name]
    return layer.shape if isinstance(layer, InputLayer) and not host_layers(network, name) else None


def declared_shapes(network: Graph) -> tuple[tuple[int, ...], ...]:
    """The shapes of the inputs, where all of them say so; else nothing."""
    shapes = tuple(declared_shape(network, name) for name in network.inputs)
    return shapes if all(shape is not None for shape in shapes) else ()  # type: ignore[return-value]


def declared_batch(network: Graph) -> int | None:
    """How many samples every batch has, where an input says so."""
    return next(filter(None, (getattr(network.names[name], "batch_size", None) for name in network.inputs)), None)


def check_batches(network: Graph, rows: int, batch_size: int) -> None:
    """Raise DataError unless every batch has as many rows as the inputs say, where they do."""
    wanted = declared_batch(network)
    if wanted is not None and (batch_size != wanted or rows % wanted):
        got = f"{rows} rows in batches of {batch_size}"
        expected = f"a multiple of {wanted} rows, in batches of {wanted}, as ll.Input says"
        raise DataError("batch_size", got=got, expected=expected, fix=f"fit(x[:{rows - rows % wanted}], ...)")


def check_built(network: Graph, inputs: Arrays, built: Sequence[Any]) -> None:
    """Raise DataError unless the rows have the shapes for which the network was built."""
    for name, array, like in zip(network.inputs, inputs, built, strict=True):
        if array.shape[1:] != like.shape[1:]:
            got, wanted = (
                f"rows of shape {array.shape[1:]}",
                f"rows of shape {like.shape[1:]}, as the network was built",
            )
            raise DataError(name, got=got, expected=wanted, fix="give the columns that it was trained on")


def as_targets(network: Graph, y: Any, precision: Precision) -> Arrays:
    """One array for each output of the network.

    Raises:
        DataError: text, missing or non-finite values.
        ShapeError: a wrong number of targets.
    """
    if y is None:
        raise DataError("y", got="no targets", expected="targets to learn", fix="fit(x, y)")
    several = _by_name(y, network.outputs, "y")
    return tuple(as_array(a, f"y ({name})", precision) for name, a in zip(network.outputs, several, strict=True))


def as_array(values: Any, name: str, precision: Precision) -> np.ndarray:
    """``values`` as a NumPy array of the dtype that is trained on: floats of the precision, int32, uint8 or bool."""
    try:
        array = np.asarray(values)
    except (TypeError, ValueError) as error:
        raise DataError(
            name, got=f"rows that do not line up ({error})", expected="an array", fix="pad or cut the rows"
        ) from None
    if array.ndim == 0 or array.shape[0] == 0:
        raise DataError(
            name, got=f"shape {array.shape}", expected="at least one row", fix="check how the data was read"
        )
    if array.dtype.kind in "OUSMm":
        raise DataError(name, got=f"{array.dtype} values such as {array.flat[0]!r}", expected="numbers", fix=_ENCODE)
    if array.dtype.kind in "fV":
        return _finite(array.astype(parameter_dtype(precision), copy=False), name)
    if array.dtype.kind in "iu" and array.dtype.itemsize > 1:
        if array.size and (array.max() > np.iinfo(np.int32).max or array.min() < np.iinfo(np.int32).min):
            raise DataError(
                name, got=f"integers up to {array.max()}", expected="integers that fit 32 bits", fix="x.astype(float)"
            )
        return array.astype(np.int32, copy=False)
    return array


def as_weights(
    rows: int, sample_weight: Any, class_weight: Mapping[int, float] | None, targets: Arrays
) -> np.ndarray | None:
    """The weight of each sample: its own times that of its class; None where every sample counts once."""
    if sample_weight is None and class_weight is None:
        return None
    weights = (
        np.ones(rows, np.float32) if sample_weight is None else as_array(sample_weight, "sample_weight", "float32")
    )
    if weights.shape != (rows,) or (weights < 0).any():
        raise ShapeError(
            "sample_weight", got=f"shape {weights.shape}", expected=f"({rows},), none negative", fix="one weight a row"
        )
    return (
        (weights * _class_weights(class_weight, targets[0])).astype(np.float32)
        if class_weight
        else weights.astype(np.float32)
    )


def check_lengths(arrays: Mapping[str, np.ndarray]) -> None:
    """Raise DataError unless all arrays have equally many rows."""
    lengths = {name: len(a) for name, a in arrays.items()}
    if len(set(lengths.values())) > 1:
        words = ", ".join(f"{name} has {n} rows" for name, n in lengths.items())
        raise DataError("data", got=words, expected="equally many rows", fix="cut them to the same rows")


def hold_out(share: float, rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers to train on and to validate on: a random ``share`` held out, the same for the same seed."""
    held = round(rows * share)
    if not 0.0 < share < 1.0 or held == 0 or held == rows:
        got = f"{share} of {rows} rows"
        raise DataError(
            "validation", got=got, expected="a share that leaves rows on both sides", fix="validation=0.2, or (x, y)"
        )
    order = np.random.Generator(np.random.Philox(key=[seed, 2**63])).permutation(rows)
    return np.sort(order[held:]), np.sort(order[:held])


def _by_name(values: Any, names: Sequence[str], what: str) -> list[Any]:
    if type(values) is np.ndarray and len(names) == 1:
        return [values]
    if isinstance(values, Mapping):
        if missing := set(names) - set(values):
            raise ShapeError(
                what, got=f"names {sorted(values)}", expected=f"{', '.join(names)}", fix=f"add {min(missing)!r}"
            )
        return [values[name] for name in names]
    if len(names) == 1:
        return [values[0] if isinstance(values, tuple) and len(values) == 1 else values]
    if not isinstance(values, (tuple, list)) or len(values) != len(names):
        raise ShapeError(
            what,
            got=f"a {type(values).__name__}",
            expected=f"one array each for {', '.join(names)}",
            fix=f"{what}=(..., ...)",
        )
    return list(values)


def _finite(array: np.ndarray, name: str) -> np.ndarray:
    total = np.vdot(array, array) if array.size < _MANY else np.einsum("i->", array.ravel("K"))  # both beat array.sum()
    if math.isfinite(total):
        return array
    bad = ~np.isfinite(array).reshape(len(array), -1)
    if bad.any():
        row, column = (int(i[0]) for i in np.nonzero(bad))
        value = array.reshape(len(array), -1)[row, column]
        where = f"{value} at row {row}, column {column} ({int(bad.any(1).sum())} rows in all)"
        raise DataError(
            name, got=where, expected="finite numbers", fix="drop the rows or fill the gaps (ll.data.read does)"
        )
    return array


def _class_weights(weights: Mapping[int, float], labels: np.ndarray) -> np.ndarray:
    classes = (
        labels.argmax(-1)
        if labels.ndim == 2 and labels.shape[1] > 1
        else labels.reshape(len(labels), -1)[:, 0].astype(int)
    )
    if missing := sorted(set(np.unique(classes).tolist()) - set(weights)):
        raise DataError(
            "class_weight",
            got=f"no weight for class {missing[0]}",
            expected="one for each class",
            fix=f"add {missing[0]}: 1.0",
        )
    return np.vectorize(weights.__getitem__, otypes=[np.float32])(classes)


_ENCODE = "turn categories into numbers: ll.data.read(...) and Schema.fit do"
