"""IDX, the format of the MNIST files: a magic number, the sizes of the axes, the numbers; big-endian, gzipped or not.

Reference: LeCun, Cortes and Burges, *The MNIST Database of Handwritten Digits*, 1998.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np

from liuli.core.errors import DataError, FileError
from liuli.core.files import told
from liuli.data.dataset import Dataset

Part = Literal["train", "test"]

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_NAMES: dict[Part, tuple[str, ...]] = {"train": ("*train-images*",), "test": ("*t10k-images*", "*test-images*")}
_DENSEST = 1032  # gzip cannot pack more bytes than this into one


def read_idx(path: str | Path, part: Part = "train") -> Dataset:
    """x: (rows, height, width, 1) uint8            y: the labels, numbered from 0

    path:  a folder with MNIST's file names (train-images..., train-labels..., t10k-images..., t10k-labels...), or a
           file of images beside which the file of their labels lies.
    part:  "train" or "test", of a folder.

    Raises:
        FileError: files that are missing, cut short, too long, or not IDX.
        DataError: not as many labels as images.

    Example:
        >>> import pathlib, struct, tempfile
        >>> from liuli import data
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     images = struct.pack(">4B3I", 0, 0, 8, 3, 2, 1, 1) + bytes([0, 255])
        ...     labels = struct.pack(">4BI", 0, 0, 8, 1, 2) + bytes([7, 2])
        ...     _ = pathlib.Path(folder, "train-images-idx3-ubyte").write_bytes(images)
        ...     _ = pathlib.Path(folder, "train-labels-idx1-ubyte").write_bytes(labels)
        ...     data.read_idx(folder).y.tolist()
        [7, 2]
    """
    path = Path(path)
    with told(path, "read"):
        images = image_parts(path) if path.is_dir() else {part: path}
        if part not in images:
            raise FileError(
                str(path),
                got=f"no images of the {part} part",
                expected=f"a file {_NAMES[part][0]}",
                fix="check the names of the files",
            )
        x = read_array(images[part])
        labels = {name: read_array(_labels_file(file)) for name, file in images.items()}
    y = labels[part]
    if y.ndim != 1 or y.dtype.kind not in "iu" or len(y) != len(x):
        raise DataError(
            str(_labels_file(images[part])),
            got=f"labels of shape {y.shape} for {len(x)} images",
            expected="a whole number for each image",
            fix="take both files from the same place",
        )
    classes = 1 + max((int(each.max()) for each in labels.values() if each.size), default=0)
    others = [f"The {name} part has {len(each)} more." for name, each in labels.items() if name != part]
    return Dataset(
        x[..., None] if x.ndim == 3 else x,
        y,
        "binary" if classes <= 2 else "multiclass",
        class_names=tuple(map(str, range(max(2, classes)))),
        target_name="label",
        name=path.stem if path.is_file() else path.name,
        about=" ".join([f"IDX files: {len(x)} images of shape {x.shape[1:]}.", *others]),
    )


def image_parts(folder: Path) -> dict[Part, Path]:
    """The files of images in a folder, by part."""
    found: dict[Part, list[Path]] = {
        part: sorted(file for name in names for file in folder.glob(name)) for part, names in _NAMES.items()
    }
    return {part: files[0] for part, files in found.items() if files}


def read_array(path: Path) -> np.ndarray:
    """The array in an IDX file."""
    with told(path, "read"), open(path, "rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        size = path.stat().st_size
        if not packed:
            return _array(path, file, size)
        try:
            with gzip.open(file, "rb") as unpacked:
                return _array(path, unpacked, size * _DENSEST)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise _broken(path, f"a broken gzip file ({error})") from None


def _array(path: Path, file: BinaryIO | gzip.GzipFile, largest: int) -> np.ndarray:
    """The array in ``file``, which cannot hold more than ``largest`` bytes, whatever its header claims."""
    start = file.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in _TYPES or not start[3]:
        raise _broken(path, f"the first bytes {start.hex(' ') or '(none)'}")
    sizes = file.read(4 * start[3])
    if len(sizes) < 4 * start[3]:
        raise _broken(path, "a header that is cut short")
    shape, dtype = struct.unpack(f">{start[3]}I", sizes), np.dtype(_TYPES[start[2]])
    claimed = math.prod(shape) * dtype.itemsize
    if claimed > largest:
        raise _broken(path, f"a header that claims {claimed} bytes in a file of {path.stat().st_size}")
    content = file.read(claimed + 1)
    if len(content) != claimed:
        more = "more than" if len(content) > claimed else f"{len(content)} of"
        raise _broken(path, f"{more} the {claimed} bytes that the header claims")
    return np.frombuffer(content, dtype).reshape(shape).astype(dtype.newbyteorder("="))


def _labels_file(images: Path) -> Path:
    """Where the labels of a file of images lie, packed or not."""
    if "images" not in images.name:
        raise FileError(
            str(images),
            got="a file that is not called images",
            expected="a file of images",
            fix="give the file of images, or the folder",
        )
    name = images.name.replace("images", "labels").replace("idx3", "idx1").removesuffix(".gz")
    for candidate in (images.with_name(name), images.with_name(f"{name}.gz")):
        if candidate.exists():
            return candidate
    raise FileError(
        str(images), got="no labels beside it", expected=f"the file {name}", fix="put it into the same folder"
    )


def _broken(path: Path, got: str) -> FileError:
    return FileError(str(path), got=got, expected="a whole IDX file", fix="download the file again")
