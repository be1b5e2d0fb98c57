"""Raw rows for a trained model: from whatever ``DATA`` names, with targets or without."""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np

from liuli.core.errors import DataError, FileError, LiuliError
from liuli.core.extras import require
from liuli.core.files import told
from liuli.data import (
    ArraySchema,
    Preprocessing,
    RegressionTarget,
    Schema,
    built_in_names,
    load,
    open_data,
    read_idx,
    read_rows,
)
from liuli.data.cells import is_missing, parse
from liuli.data.encoders import CategoryEncoder
from liuli.data.idx import image_parts, read_array
from liuli.data.images import ENDINGS
from liuli.data.tabular_files import FORMATS

EXAMPLES = 3  # unknown values that are named


class Gap(NamedTuple):
    """Cells of a column that the schema fills in: missing ones, or (with examples) categories that it does not know.

    ``rule`` says how: "slot", "mean", "zeros" or "other".
    """

    name: str
    count: int
    rule: str
    examples: tuple[str, ...] = ()


def unlabelled(name: str, schema: Preprocessing) -> tuple[Any, list[str]]:
    """Rows as the schema takes them, and the files that they come from where each row is a file.

    Raises:
        FileError: nothing is there, or it cannot be read.
        DataError: it cannot be understood.
    """
    path = Path(name)
    if name in built_in_names():
        return load(name), []
    ending = path.suffix.lower()
    if ending in FORMATS:
        return read_rows(path), []
    if ending in (".npy", ".npz"):
        return _numpy(path, schema), []
    if path.is_dir() and not image_parts(path):
        return _images(path, schema)
    if path.is_file() and "idx" in path.name:
        x = read_array(path)
        return (x[..., None] if x.ndim == 3 else x), []
    return labelled(name, schema)[0], []


def labelled(name: str, schema: Preprocessing) -> tuple[Any, Any, int]:
    """Rows and their raw targets, and how many rows were left out because they have none.

    Raises:
        FileError: nothing is there, or it cannot be read.
        DataError: it cannot be understood, or has no target of this name.
    """
    path = Path(name)
    if path.suffix.lower() in FORMATS and name not in built_in_names():
        return _table(path, schema)
    if path.is_dir() and len(image_parts(path)) == 2:
        return read_idx(path, "test"), None, 0
    data = open_data(name, task="regression" if isinstance(schema.target, RegressionTarget) else None)
    return data, None, 0


def gaps(rows: Any, schema: Preprocessing) -> list[Gap]:
    """What the schema fills in, column by column."""
    if not isinstance(schema, Schema) or not isinstance(rows, dict):
        return []
    return [
        gap for encoder in schema.columns if encoder.name in rows for gap in _of_column(rows[encoder.name], encoder)
    ]


def _of_column(cells: np.ndarray, encoder: Any) -> Iterator[Gap]:
    nothing = is_missing(cells)
    categories = isinstance(encoder, CategoryEncoder)
    if nothing.any():
        usual = "zeros" if categories else "mean"
        yield Gap(encoder.name, int(nothing.sum()), "slot" if encoder.has_missing else usual)
    if categories:
        texts = parse(cells, "category", str)
        strange = [text for text in texts[~nothing] if text not in encoder.values]
        if strange:
            examples = tuple(dict.fromkeys(strange))[:EXAMPLES]
            yield Gap(encoder.name, len(strange), "other" if encoder.has_other else "zeros", examples)


def _table(path: Path, schema: Preprocessing) -> tuple[Any, Any, int]:
    rows = read_rows(path)
    name = schema.target.name
    if name not in rows:
        got = f"no column {name!r}"
        raise DataError(str(path), got=got, expected="the target among the columns", fix="liuli predict, without it")
    known = ~is_missing(rows[name])
    if not known.any():
        raise DataError(f"{path}: {name!r}", got="no value in any row", expected="targets", fix="liuli predict instead")
    kept = {column: cells[known] for column, cells in rows.items()}
    return kept, kept[name], int((~known).sum())


def _numpy(path: Path, schema: Preprocessing) -> np.ndarray:
    """The array of inputs: x of an .npz file; of an .npy file all columns, or all but a last one with the target."""
    try:
        with told(path, "read"), warnings.catch_warnings():
            warnings.simplefilter("error")
            found = np.load(path, allow_pickle=False)
            x = found if isinstance(found, np.ndarray) else found["x"]
    except LiuliError:
        raise
    except KeyError:
        raise DataError(str(path), got="no array x", expected="an array called x", fix="np.savez(path, x=x)") from None
    except (ValueError, EOFError, MemoryError, BadZipFile, zlib.error, Warning) as error:
        reason = str(error).splitlines()[0]
        raise FileError(
            str(path), got=f"a damaged file ({reason})", expected="a whole .npy or .npz file", fix="save it again"
        ) from None
    shape = schema.encoded_shape if isinstance(schema, ArraySchema) else (len(schema.columns),)  # type: ignore[attr-defined]
    return x[:, :-1] if path.suffix.lower() == ".npy" and x.shape[1:] == (shape[0] + 1,) else x


def _images(folder: Path, schema: Preprocessing) -> tuple[Any, list[str]]:
    """Every image in the folder and in the folders in it, in alphabetical order, grey or coloured as in training."""
    module: Any = require("PIL.Image", extra="data")
    turn = require("PIL.ImageOps", extra="data").exif_transpose
    shape = schema.encoded_shape
    files = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in ENDINGS]
    if not files:
        raise DataError(
            str(folder), got="no images", expected=f"files ending in {', '.join(ENDINGS)}", fix="look in it"
        )
    pixels = []
    for path in files:
        try:
            with module.open(path) as image:
                array = np.asarray(turn(image).convert("L" if shape[-1] == 1 else "RGB"))
        except (OSError, SyntaxError, ValueError) as error:
            raise FileError(
                str(path), got=f"no image ({error})", expected="an image that can be read", fix="replace or remove it"
            ) from None
        if len(shape) != 3 or array.shape[:2] != shape[:2]:
            got = f"{array.shape[0]} x {array.shape[1]} pixels"
            wanted = " x ".join(map(str, shape[:2])) if len(shape) == 3 else f"rows of shape {shape}"
            raise DataError(str(path), got=got, expected=f"{wanted}, as in training", fix="resize the images")
        pixels.append(array.reshape(shape))
    return np.stack(pixels), [str(path.relative_to(folder)) for path in files]
