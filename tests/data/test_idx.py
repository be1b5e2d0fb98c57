import gzip
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liuli.core.errors import DataError, FileError
from liuli.data import read_idx
from liuli.data.idx import read_array

CODES = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}


def packed(content):
    """The same bytes each time: no time is written."""
    return gzip.compress(content, mtime=0)


def idx(array: np.ndarray) -> bytes:
    code = CODES[array.dtype.str[1:]]
    header = struct.pack(f">4B{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def mnist(folder, packed=False, rows=(5, 3)):
    generator = np.random.default_rng(0)
    for part, n in zip(("train", "t10k"), rows, strict=True):
        files = {
            f"{part}-images-idx3-ubyte": generator.integers(0, 256, (n, 4, 3), dtype=np.uint8),
            f"{part}-labels-idx1-ubyte": np.array([7, 0, 4, 2, 9], np.uint8)[:n],
        }
        for name, array in files.items():
            path = folder / (f"{name}.gz" if packed else name)
            path.write_bytes(gzip.compress(idx(array)) if packed else idx(array))
    return folder


@given(st.sampled_from(sorted(CODES)), st.lists(st.integers(1, 5), min_size=1, max_size=4), st.booleans())
def test_arrays_come_back(tmp_path_factory, code, shape, packed):
    array = (np.random.default_rng(0).normal(size=shape) * 50).astype(code if code != "u1" else "i1").astype(code)
    path = tmp_path_factory.mktemp("idx") / "a.idx"
    path.write_bytes(gzip.compress(idx(array)) if packed else idx(array))
    found = read_array(path)
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype and found.dtype.isnative


@pytest.mark.parametrize("packed", [False, True])
def test_folder_of_mnist(tmp_path, packed):
    train, test = (read_idx(mnist(tmp_path, packed), part) for part in ("train", "test"))
    assert (train.x.shape, train.x.dtype, train.y.tolist()) == ((5, 4, 3, 1), np.uint8, [7, 0, 4, 2, 9])
    assert (test.x.shape, test.y.tolist()) == ((3, 4, 3, 1), [7, 0, 4])
    assert train.class_names == test.class_names == tuple("0123456789")
    assert train.about == "IDX files: 5 images of shape (4, 3). The test part has 3 more."


def test_a_file_of_images_beside_its_labels(tmp_path):
    made = read_idx(mnist(tmp_path) / "t10k-images-idx3-ubyte")
    assert made.y.tolist() == [7, 0, 4]


IMAGES = idx(np.zeros((2, 3, 3), np.uint8))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", r"the first bytes \(none\)"),
        (b"\x89PNG....", "the first bytes 89 50 4e 47"),
        (b"\0\0\x07\x01\0\0\0\0", "the first bytes 00 00 07 01"),
        (b"\0\0\x08\x03\0\0", "a header that is cut short"),
        (IMAGES[:-1], "17 of the 18 bytes"),
        (IMAGES + b"x", "more than the 18 bytes"),
        (struct.pack(">4B3I", 0, 0, 14, 3, *[2**32 - 1] * 3), "a header that claims"),
        (packed(IMAGES)[:-12], "a broken gzip file"),
        (packed(IMAGES[:-1]), "17 of the 18 bytes"),
        (packed(IMAGES + b"\0" * 10_000_000), "more than the 18 bytes"),
        (packed(struct.pack(">4B3I", 0, 0, 8, 3, 60000, 2800, 2800)), "a header that claims 470400000000 bytes"),
        (b"\x1f\x8b\x08garbage", "a broken gzip file"),
    ],
)
def test_broken_files_are_said(tmp_path, content, words):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(FileError, match=words):
        read_array(tmp_path / "a")


def test_a_corrupt_gzip_file_is_said(tmp_path):
    content = bytearray(gzip.compress(idx(np.arange(300, dtype=np.int32))))
    content[len(content) // 2] ^= 0xFF
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(FileError, match=r"broken gzip"):
        read_array(tmp_path / "a")


def test_files_that_are_missing_are_said(tmp_path):
    with pytest.raises(FileError, match="no images of the train part"):
        read_idx(tmp_path)
    with pytest.raises(FileError, match="No such file"):
        read_idx(tmp_path / "images-gone")
    mnist(tmp_path)
    with pytest.raises(FileError, match="not called images"):
        read_idx(tmp_path / "t10k-labels-idx1-ubyte")
    (tmp_path / "train-labels-idx1-ubyte").unlink()
    with pytest.raises(FileError, match="no labels beside it; expected the file train-labels-idx1-ubyte"):
        read_idx(tmp_path)


def test_labels_must_belong_to_the_images(tmp_path):
    mnist(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(np.zeros(4, np.uint8)))
    with pytest.raises(DataError, match=r"labels of shape \(4,\) for 5 images"):
        read_idx(tmp_path)
