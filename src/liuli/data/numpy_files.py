"""NumPy files: .npz with the arrays x and y, or .npy with the target in the last column. Never pickled objects."""

from __future__ import annotations

import math
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np

from liuli.core.errors import DataError, FileError
from liuli.core.files import told
from liuli.data.cells import clean, is_missing
from liuli.data.dataset import Dataset, Task
from liuli.data.targets import ClassTarget, class_names, find_task


def read_numpy(path: str | Path, task: Task | None = None) -> Dataset:
    """The data in a NumPy file: .npz with arrays called x and y, or .npy with rows whose last column is the target.

    The task is found by the rule that ``read`` states; targets with several columns are regression.

    path:  the file.
    task:  "regression", "binary" or "multiclass", where the rule is not what you want.

    Raises:
        FileError: no such file, not NumPy's, cut short, or holding pickled objects, which are never read.
        DataError: arrays of the wrong names or lengths, numbers that are not finite.

    Example:
        >>> import pathlib, tempfile
        >>> import numpy as np
        >>> from liuli import data
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.savez(pathlib.Path(folder, "line.npz"), x=np.zeros((3, 2)), y=np.array([0.5, 1.5, 2.5]))
        ...     data.read_numpy(pathlib.Path(folder, "line.npz"))
        Dataset('line': 3 rows, x (2,) float64, regression)
    """
    path = Path(path)
    with told(path, "read"):
        x, y = _npz(path) if path.suffix.lower() == ".npz" else _npy(path)
    try:
        return labelled(x, y, task, path.stem, f"NumPy arrays: {len(x)} rows of shape {x.shape[1:]}.")
    except DataError as error:
        raise error.at(str(path)) from None


def labelled(x: np.ndarray, y: np.ndarray, task: Task | None, name: str, about: str) -> Dataset:
    """A Dataset of x and raw targets y, whose task is found where it is not given, and whose classes are numbered."""
    y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    if y.ndim > 1 or len(y) == 0:
        return Dataset(x, y, task or "regression", name=name, about=about)
    cells = clean(y)
    if is_missing(cells).any():
        row = int(is_missing(cells).argmax())
        raise DataError(f"y[{row}]", got="nothing", expected="a target for each row", fix="leave out that row")
    task, column = find_task("y", cells, task, lambda row: f"row {row}")
    if task == "regression":
        return Dataset(x, column.values.astype(np.float32), task, name=name, about=about)
    classes = class_names(column)
    targets = ClassTarget("y", classes).encode(column.values)
    return Dataset(x, targets, task, class_names=classes, name=name, about=about)


def _npz(path: Path) -> tuple[np.ndarray, np.ndarray]:
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = {name.removesuffix(".npy"): archive.getinfo(name).file_size for name in archive.namelist()}
            missing = [name for name in ("x", "y") if name not in sizes]
            if missing:
                raise DataError(
                    str(path),
                    got=f"the arrays {', '.join(sorted(sizes)) or '(none)'}",
                    expected="arrays called x and y",
                    fix="write np.savez(path, x=x, y=y)",
                )
            x, y = (_array(path, archive.open(f"{name}.npy"), sizes[name]) for name in ("x", "y"))
            return x, y
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise _broken(path, str(error)) from None


def _npy(path: Path) -> tuple[np.ndarray, np.ndarray]:
    with open(path, "rb") as file:
        rows = _array(path, file, path.stat().st_size)
    if rows.ndim != 2 or rows.shape[1] < 2:
        raise DataError(
            str(path),
            got=f"an array of shape {rows.shape}",
            expected="rows of features with the target in the last column",
            fix="write np.savez(path, x=x, y=y)",
        )
    return rows[:, :-1], rows[:, -1]


def _array(path: Path, file: IO[bytes], size: int) -> np.ndarray:
    """The array in ``file`` of ``size`` bytes, with which what the header claims is compared before it is believed."""
    try:
        version = np.lib.format.read_magic(file)
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, by_columns, dtype = header(file)
    except (ValueError, EOFError, OSError) as error:
        raise _broken(path, str(error).splitlines()[0]) from None
    if dtype.hasobject:
        raise FileError(
            str(path),
            got="pickled objects",
            expected="numbers or text; objects are never read",
            fix="save y.astype(str)",
        )
    claimed = math.prod(shape) * dtype.itemsize
    if claimed > size:
        raise _broken(path, f"a header that claims {claimed} bytes in a file of {size}")
    content = file.read(claimed + 1)
    if len(content) != claimed:
        raise _broken(path, f"{len(content)} bytes of {claimed}")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if by_columns else "C")


def _broken(path: Path, got: Any) -> FileError:
    return FileError(
        str(path), got=got, expected="a whole .npy or .npz file", fix="save the arrays again with np.savez"
    )
