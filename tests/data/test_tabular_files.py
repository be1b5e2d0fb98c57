"""Text and Parquet files as cells; what is wrong with a file is said with the line it is on."""

import datetime

import numpy as np
import pytest

from liuli.core.errors import DataError, FileError
from liuli.data import read_rows
from liuli.data.tabular_files import read_cells


@pytest.fixture
def written(tmp_path):
    def write(content: str | bytes, name: str = "t.csv"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separators_are_found(written, separator):
    rows = [["a", "b, c", "d"], ["1", "x", "2"], ["3", "", "4"]]
    text = "\n".join(separator.join(f'"{cell}"' if "," in cell else cell for cell in row) for row in rows)
    assert {name: c.tolist() for name, c in read_rows(written(text)).items()} == {
        "a": ["1", "3"], "b, c": ["x", None], "d": ["2", "4"],
    }  # fmt: skip


def test_tsv_is_separated_by_tabs(written):
    assert list(read_rows(written("a,b\tc\n1,5\t2\n", "t.tsv"))) == ["a,b", "c"]


def test_semicolons_go_with_decimal_commas(written):
    assert read_rows(written("a;b\n1,5;x,y\n"))["a"].tolist() == ["1.5"]
    assert read_rows(written("a;b\n1,5;x,y\n"))["b"].tolist() == ["x,y"]


def test_lines_are_counted_as_an_editor_counts_them(written):
    cells = read_cells(written('a,b\r\n1,"two\r\nlines"\r\n\r\n3,4\r\n5,\x0bodd\u2028\r\n'))
    assert [cells.place(row) for row in range(3)] == ["line 2", "line 5", "line 6"]
    assert cells.columns["b"][0] == "two\r\nlines"


def test_a_byte_order_mark_is_passed_over(written):
    assert list(read_rows(written("\ufeffname,größe\nä,1\n".encode()))) == ["name", "größe"]


def test_columns_without_a_name_get_one(written):
    assert list(read_rows(written(",b\n0,1\n"))) == ["unnamed_1", "b"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "t.csv: got an empty file"),
        ("a,b\n", "names of columns and no rows"),
        ("a,b,a\n1,2,3\n", "two columns called 'a'"),
        ("a,b\n1,2\n3\n", "t.csv, line 3: got 1 cells; expected 2"),
        ("a,b\n1,2,3\n", "t.csv, line 2: got 3 cells"),
        ("1.5,2\n3,4\n", "numbers in the first line; expected the names"),
        ('a,b\n1,2\n"3,4\n5,6\n', "t.csv, line 3: got unexpected end of data"),
        ("a,b\n1,gr\xfcn\n".encode("latin-1"), "t.csv, line 2: got the byte 0xfc, which is not UTF-8"),
        ("a,b\n1,2\n".encode("utf-16"), "bytes that are no text|not UTF-8"),
        (b"\x89PNG\r\n\0\0", "bytes that are no text"),
        ("a,b\n1," + "x" * 200_000 + "\n", "line 2: got field larger than field limit"),
    ],
)
def test_what_is_no_table_is_said(written, content, words):
    with pytest.raises(DataError, match=words):
        read_rows(written(content))


def test_files_that_cannot_be_read(written, tmp_path):
    with pytest.raises(FileError, match=r"gone\.csv: got No such file"):
        read_rows(tmp_path / "gone.csv")
    with pytest.raises(FileError, match=r"t\.xlsx: got the ending '\.xlsx'; expected one of \.csv"):
        read_rows(written("a", "t.xlsx"))
    with pytest.raises(FileError, match="expected a Parquet file"):
        pytest.importorskip("pyarrow")
        read_rows(written("PAR1 but not really", "t.parquet"))


def test_parquet_keeps_its_types(tmp_path):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    moment = datetime.datetime(2024, 3, 1, 12)
    table = arrow.table(
        {
            "whole": [1, 2, None],
            "real": [0.5, 1.5, 2.5],
            "truth": [True, None, False],
            "text": ["a", "NA", "b"],
            "day": [moment.date()] * 3,
            "moment": [moment, None, moment],
            "many": arrow.array(["u", "v", "u"]).dictionary_encode(),
            "list": [[1], [2, 3], []],
        }
    )
    parquet.write_table(table, tmp_path / "t.parquet")
    found = read_rows(tmp_path / "t.parquet")
    assert found["whole"].tolist() == [1, 2, None]
    assert found["real"].tolist() == [0.5, 1.5, 2.5]
    assert found["truth"].tolist() == [True, None, False]
    assert found["text"].tolist() == ["a", None, "b"]
    assert found["day"].astype("datetime64[D]").astype(str).tolist() == ["2024-03-01"] * 3
    assert found["moment"].tolist() == [moment, None, moment]
    assert found["many"].tolist() == ["u", "v", "u"]
    assert all(isinstance(cell, str) for cell in found["list"])
    assert read_cells(tmp_path / "t.parquet").place(2) == "row 2"


def test_what_pandas_writes_is_read(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"n": [1.5, np.nan], "s": ['say "hi", you', "two\nlines"]})
    frame.to_csv(tmp_path / "t.csv", index=False)
    found = read_rows(tmp_path / "t.csv")
    assert found["n"].tolist() == ["1.5", None]
    assert found["s"].tolist() == frame["s"].tolist()
