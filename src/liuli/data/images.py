"""A folder of images, one folder in it for each class."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from liuli.core.errors import DataError, FileError
from liuli.core.extras import require
from liuli.core.files import told
from liuli.data.dataset import Dataset

ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")

_GREY = ("1", "L", "LA")


def read_images(folder: str | Path, size: tuple[int, int] | None = None) -> Dataset:
    """x: (rows, height, width, channels) uint8, 0 to 255            y: the class, the name of the folder of each image

    Images are grey (one channel) where all of them are, and have red, green and blue otherwise. Classes and images are
    in alphabetical order; files with other endings, and files whose names begin with a point, are passed over.

    folder:  holds a folder for each class, and those the images.
    size:    (height, width) that every image is resized to; where it is not given, all must have one size.

    Raises:
        FileError: no such folder, or an image that cannot be read; it is named.
        DataError: fewer than two classes, a class without images, images of different sizes.

    Example:
        >>> import pathlib, tempfile
        >>> from PIL import Image
        >>> from liuli import data
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name, colour in {"day": 255, "night": 0}.items():
        ...         pathlib.Path(folder, name).mkdir()
        ...         Image.new("L", (8, 6), colour).save(pathlib.Path(folder, name, "sky.png"))
        ...     images = data.read_images(folder)
        >>> images.x.shape, images.class_names
        ((2, 6, 8, 1), ('day', 'night'))
    """
    folder = Path(folder)
    files = image_files(folder)
    images = [_image(path, size) for paths in files.values() for path in paths]
    names = [path for paths in files.values() for path in paths]
    for path, image in zip(names, images, strict=True):
        if image.shape[:2] != images[0].shape[:2]:
            raise DataError(
                str(path),
                got=f"{image.shape[0]} x {image.shape[1]} pixels",
                expected=f"{images[0].shape[0]} x {images[0].shape[1]}, as in {names[0].name}",
                fix=f"write read_images(folder, size={images[0].shape[:2]}) to resize",
            )
    channels = max(image.shape[2] for image in images)
    x = np.stack([np.broadcast_to(image, (*image.shape[:2], channels)) for image in images])
    y = np.repeat(np.arange(len(files)), [len(paths) for paths in files.values()])
    about = f"{len(x)} images of {x.shape[1]} x {x.shape[2]} pixels in {len(files)} folders, one for each class."
    task = "binary" if len(files) == 2 else "multiclass"
    return Dataset(x, y, task, class_names=tuple(files), target_name="class", name=folder.name, about=about)


def image_files(folder: Path) -> dict[str, list[Path]]:
    """The image files of each class."""
    with told(folder, "read"):
        inside = sorted(folder.iterdir())
        files = {path.name: _images_in(path) for path in inside if path.is_dir() and not path.name.startswith(".")}
    if len(files) < 2:
        loose = sum(path.suffix.lower() in ENDINGS for path in inside)
        got = f"{loose} images that are in no folder of a class" if loose else f"{len(files)} folders of images"
        raise DataError(
            str(folder),
            got=got,
            expected="a folder for each of two classes or more",
            fix="put the images of each class into a folder of its name",
        )
    for name, paths in files.items():
        if not paths:
            raise DataError(
                str(folder / name),
                got="no images",
                expected=f"files ending in {', '.join(ENDINGS)}",
                fix="remove the folder, or add images",
            )
    return files


def _images_in(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in ENDINGS and not p.name.startswith("."))


def _image(path: Path, size: tuple[int, int] | None) -> np.ndarray:
    """(height, width, 1) or (height, width, 3)"""
    module: Any = require("PIL.Image", extra="data")
    turn = require("PIL.ImageOps", extra="data").exif_transpose
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", module.DecompressionBombWarning)
            with module.open(path) as image:
                image = turn(image)
                image = image.convert("L" if image.mode in _GREY else "RGB")
                image = image if size is None else image.resize(size[::-1])
                return np.asarray(image).reshape(image.height, image.width, -1)
    except (module.DecompressionBombWarning, module.DecompressionBombError):
        raise FileError(
            str(path),
            got=f"more than {module.MAX_IMAGE_PIXELS} pixels",
            expected="an image that fits in memory",
            fix="make it smaller, or remove it",
        ) from None
    except (OSError, SyntaxError, ValueError, struct.error) as error:
        raise FileError(
            str(path),
            got=f"no image ({error})",
            expected="an image that can be read",
            fix="replace the file, or remove it",
        ) from None
