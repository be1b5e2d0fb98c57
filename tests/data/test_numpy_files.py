import io
import struct
import zipfile

import numpy as np
import pytest

from liuli.core.errors import DataError, FileError
from liuli.data import read_numpy

X = np.arange(12.0).reshape(6, 2)


def saved(tmp_path, **arrays):
    np.savez(tmp_path / "t.npz", **arrays)
    return tmp_path / "t.npz"


def test_npz_holds_x_and_y(tmp_path):
    made = read_numpy(saved(tmp_path, x=X, y=np.array(["b", "a", "c", "a", "b", "c"])))
    np.testing.assert_array_equal(made.x, X)
    assert (made.task, made.class_names, made.y.tolist()) == ("multiclass", ("a", "b", "c"), [1, 0, 2, 0, 1, 2])
    assert made.about == "NumPy arrays: 6 rows of shape (2,)."


def test_compressed_and_in_columns(tmp_path):
    np.savez_compressed(tmp_path / "t.npz", x=np.asfortranarray(X), y=np.array([0, 1, 1, 0, 1, 0])[:, None])
    made = read_numpy(tmp_path / "t.npz")
    np.testing.assert_array_equal(made.x, X)
    assert (made.task, made.y.tolist()) == ("binary", [[0], [1], [1], [0], [1], [0]])


def test_several_targets_are_regression(tmp_path):
    assert read_numpy(saved(tmp_path, x=X, y=X + 1)).y.shape == (6, 2)


def test_npy_has_the_target_last(tmp_path):
    np.save(tmp_path / "t.npy", np.column_stack([X, X[:, 0] / 3]))
    made = read_numpy(tmp_path / "t.npy")
    assert (made.task, made.x.shape) == ("regression", (6, 2))
    np.testing.assert_allclose(made.y[:, 0], X[:, 0] / 3, rtol=1e-6)


def test_the_task_may_be_chosen(tmp_path):
    assert read_numpy(saved(tmp_path, x=X, y=np.array([0, 1, 2, 0, 1, 2])), task="multiclass").task == "multiclass"


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"a": X}, "got the arrays a; expected arrays called x and y"),
        ({"x": X, "y": np.zeros(3)}, "same value in every row"),
        ({"x": X, "y": np.arange(3)}, "3 targets for 6 rows"),
        ({"x": X, "y": np.array([1, 2, 3, np.nan, 1, 2])}, r"y\[3\]: got nothing"),
        ({"x": np.where(X == 3, np.nan, X), "y": X[:, 0]}, r"x\[1, 1\]: got nan"),
    ],
)
def test_arrays_that_do_not_fit_are_said(tmp_path, arrays, words):
    with pytest.raises(DataError, match=words):
        read_numpy(saved(tmp_path, **arrays))


def test_objects_are_never_read(tmp_path):
    np.save(tmp_path / "t.npy", np.array([{"run": "code"}], object), allow_pickle=True)
    with pytest.raises(FileError, match="pickled objects"):
        read_numpy(tmp_path / "t.npy")


def test_a_single_axis_is_no_data(tmp_path):
    np.save(tmp_path / "t.npy", np.arange(3.0))
    with pytest.raises(DataError, match=r"an array of shape \(3,\)"):
        read_numpy(tmp_path / "t.npy")


def claiming(rows: int) -> bytes:
    """An .npy file whose header claims more rows than follow."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": (rows, 2)})
    return file.getvalue() + struct.pack("<2d", 1.0, 2.0)


@pytest.mark.parametrize(
    "content", [b"", b"no array", claiming(2), claiming(10**15), claiming(10**30), claiming(1) + b"x"]
)
@pytest.mark.parametrize("packed", [False, True])
def test_broken_files_are_said(tmp_path, content, packed):
    path = tmp_path / ("t.npz" if packed else "t.npy")
    if packed:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("x.npy", content)
            archive.writestr("y.npy", content)
    else:
        path.write_bytes(content)
    with pytest.raises(FileError, match=r"expected a whole \.npy or \.npz file"):
        read_numpy(path)


def test_a_flipped_byte_is_found(tmp_path):
    path = saved(tmp_path, x=X, y=X[:, 0])
    content = bytearray(path.read_bytes())
    content[content.index(struct.pack("<d", 7.0))] ^= 1
    path.write_bytes(content)
    with pytest.raises(FileError, match="CRC"):
        read_numpy(path)


def test_what_is_no_archive_is_said(tmp_path):
    (tmp_path / "t.npz").write_bytes(b"PK but no more")
    with pytest.raises(FileError, match=r"t\.npz: got File is not a zip file"):
        read_numpy(tmp_path / "t.npz")
    with pytest.raises(FileError, match="No such file"):
        read_numpy(tmp_path / "gone.npy")
