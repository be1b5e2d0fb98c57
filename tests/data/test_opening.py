import struct

import numpy as np
import pytest

from liuli.core.errors import DataError, FileError
from liuli.data import Dataset, Table, open_data


def test_names():
    assert open_data("xor").name == "xor"


def test_tables(tmp_path):
    (tmp_path / "t.csv").write_text("a,b,c\n1,2,x\n3,4,y\n")
    table = open_data(tmp_path / "t.csv", target="a", kinds={"b": "category"}, task="regression")
    assert isinstance(table, Table)
    assert (table.target_name, table.task, table.kinds["b"]) == ("a", "regression", "category")
    assert table.about.startswith("A table of 2 rows")


def test_numpy_files(tmp_path):
    np.savez(tmp_path / "t.npz", x=np.eye(3), y=np.array([0, 1, 1]))
    made = open_data(str(tmp_path / "t.npz"))
    assert isinstance(made, Dataset) and made.about.startswith("NumPy arrays")


def test_idx_files_and_folders(tmp_path):
    for kind, rank in {"images-idx3": 3, "labels-idx1": 1}.items():
        header = struct.pack(f">4B{rank}I", 0, 0, 8, rank, 2, *[1] * (rank - 1))
        (tmp_path / f"train-{kind}-ubyte").write_bytes(header + b"\0\1")
    for path in (tmp_path, tmp_path / "train-images-idx3-ubyte"):
        assert open_data(path).about == "IDX files: 2 images of shape (1, 1)."


def test_folders_of_images(tmp_path):
    image = pytest.importorskip("PIL.Image")
    for name in "ab":
        (tmp_path / name).mkdir()
        image.new("L", (3, 3)).save(tmp_path / name / "i.png")
    assert open_data(tmp_path).about == "2 images of 3 x 3 pixels in 2 folders, one for each class."


def test_what_is_not_there_is_said(tmp_path):
    with pytest.raises(FileError, match=r"digit: got no file, and no built-in data.*'digits'"):
        open_data("digit")
    (tmp_path / "t.xyz").write_text("")
    with pytest.raises(FileError, match=r"the ending '\.xyz'; expected one of \.csv"):
        open_data(tmp_path / "t.xyz")
    with pytest.raises(DataError, match="0 folders of images"):
        open_data(tmp_path)
