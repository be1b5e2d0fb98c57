"""One door for all data: built-in names, tables, NumPy files, IDX files, folders of images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from liuli.core.errors import FileError
from liuli.core.fields import nearest
from liuli.data.bundled import built_in_names, load
from liuli.data.cells import Kind
from liuli.data.dataset import Dataset, Task
from liuli.data.idx import image_parts, read_idx
from liuli.data.images import read_images
from liuli.data.numpy_files import read_numpy
from liuli.data.table import Table, read
from liuli.data.tabular_files import FORMATS


def open_data(
    path_or_name: str | Path,
    target: str | None = None,
    kinds: Mapping[str, Kind] | None = None,
    task: Task | None = None,
) -> Dataset | Table:
    """Whatever data a name or a path stands for; ``about`` says what was found.

    A built-in name gives built-in data (write "./digits" for a folder of that name). A file is read by its ending:
    .csv, .tsv, .parquet as a table, .npy and .npz as NumPy arrays, anything with "idx" in its name as IDX. A folder
    holds MNIST's files, or a folder of images for each class.

    path_or_name:         a built-in name, a file or a folder.
    target, kinds, task:  for tables, as in ``read``; NumPy files take ``task`` too.

    Raises:
        FileError: nothing is there, or its format is not known.
        DataError: it cannot be understood, or has no such target.

    Example:
        >>> from liuli import data
        >>> data.open_data("iris").about
        'The built-in data iris: 150 flowers of three species.'
    """
    name = str(path_or_name)
    path = Path(path_or_name)
    if name in built_in_names():
        return load(name)
    if not path.exists():
        raise FileError(
            name,
            got="no file, and no built-in data",
            expected="a path, or a built-in name",
            fix=f"check the path, or write {nearest(name, built_in_names())}",
        )
    if path.is_dir():
        return read_idx(path) if image_parts(path) else read_images(path)
    ending = path.suffix.lower()
    if ending in FORMATS:
        return read(path, target, kinds, task)
    if ending in (".npy", ".npz"):
        return read_numpy(path, task)
    if "idx" in path.name:
        return read_idx(path)
    known = ", ".join([*FORMATS, ".npy", ".npz"])
    raise FileError(
        name,
        got=f"the ending {ending!r}",
        expected=f"one of {known}, or an IDX file",
        fix="rename the file after what it holds",
    )
