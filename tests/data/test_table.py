import numpy as np
import pytest

from liuli.core.errors import DataError
from liuli.data import Table, load, read

PETS = """id,weight,age,indoors,born,colour,note,kind
1,4.1,3,yes,2020-01-05,black,same,cat
2,30,?,no,2019-03-01,brown,same,dog
3,3.9,5,yes,2018-07-15,black,same,cat
4,,7,no,NA,white,same,
5,25.5,2,no,2021-12-31,brown,same,dog
"""


@pytest.fixture
def pets(tmp_path):
    path = tmp_path / "pets.csv"
    path.write_text(PETS)
    return path


def write(tmp_path, text):
    path = tmp_path / "t.csv"
    path.write_text(text)
    return path


def test_finds_kinds_target_and_task(pets):
    table = read(pets)
    assert table.kinds == {
        "id": "identifier", "weight": "number", "age": "number", "indoors": "boolean", "born": "date",
        "colour": "category", "note": "constant", "kind": "category",
    }  # fmt: skip
    assert (table.target_name, table.task, table.class_names) == ("kind", "binary", ("cat", "dog"))
    assert [column.name for column in table.features] == ["weight", "age", "indoors", "born", "colour"]
    assert (len(table), table.rows) == (4, 4)
    np.testing.assert_array_equal(table["age"].values, [3, np.nan, 5, 2])


def test_says_what_it_decided(pets):
    table = read(pets)
    assert table.about == (
        "A table of 4 rows and 5 features. The target is 'kind' (the last column): binary. "
        "1 row without a target left out. 'id' left out: it numbers the rows. "
        "'note' left out: it is the same in every row."
    )
    assert repr(table) == "Table('pets': 4 rows, 5 features, binary target 'kind': cat, dog)"


def test_describes_each_column(pets):
    described = {row["name"]: row for row in read(pets).describe()}
    assert described["age"] == {
        "name": "age", "kind": "number", "missing": 1, "distinct": 3, "content": "2 to 5", "role": "feature",
    }  # fmt: skip
    assert described["colour"]["content"] == "black (2), brown (2)"
    assert (described["id"]["role"], described["kind"]["role"]) == ("left out", "target")


def test_target_kinds_and_task_may_be_chosen(pets):
    table = read(pets, target="age", kinds={"weight": "category"})
    assert (table.task, table.target_name, table.kinds["weight"]) == ("regression", "age", "category")
    assert "(the last column)" not in table.about
    assert read(pets, target="age", kinds={"age": "category"}).task == "multiclass"
    assert read(pets, target="age", task="multiclass").class_names == ("2", "3", "5", "7")


@pytest.mark.parametrize(
    ("values", "task"),
    [
        ([0, 1] * 5, "binary"),
        ([1.5, 2.5] * 5, "binary"),
        ([True, False] * 5, "binary"),
        (["b", "a"] * 5, "binary"),
        (["a", "b", "c"], "multiclass"),
        ([1, 2, 3] * 5, "multiclass"),
        ([1, 2, 3] * 4, "regression"),
        ([1.5, 2, 3] * 5, "regression"),
        (list(range(20)) * 5, "multiclass"),
        (list(range(21)) * 5, "regression"),
        (["1", "2", "3"] * 5, "multiclass"),
        (["0.1", "0.2", "0.3"], "regression"),
    ],
)
def test_the_rule_for_the_task(values, task):
    assert Table.of({"x": range(len(values)), "y": values}).task == task


def test_classes_stand_in_order():
    classes = Table.of({"x": range(60), "y": [10, 9, 1] * 20}).class_names
    assert classes == ("1", "9", "10")
    assert Table.of({"x": [1, 2], "y": [True, False]}).class_names == ("false", "true")


def test_parts_know_all_classes(pets):
    table = read(pets)
    part = table.take([0, 2])
    assert (part.class_names, set(part.target.values)) == (("cat", "dog"), {"cat"})
    assert part["born"].values.tolist() == table["born"].values[[0, 2]].tolist()


def test_splits_as_data_sets_do():
    table = Table.of({"x": range(50), "y": ["a", "b"] * 25})
    train, validation, test = table.split(0.2, 0.2, stratify=True)
    assert sorted(np.concatenate([p["x"].values for p in (train, validation, test)])) == list(range(50))
    assert [(part.target.values == "a").sum() for part in (train, validation, test)] == [15, 5, 5]
    assert [len(fold) for _, fold in table.k_fold(3, stratify=True)] == [17, 17, 16]
    with pytest.raises(DataError, match="regression target"):
        Table.of({"x": range(50), "y": np.linspace(0, 1, 50)}).split(stratify=True)


def test_a_data_set_is_a_table():
    iris = load("iris")
    table = Table.of(iris)
    assert (table.task, table.class_names, len(table.features)) == ("multiclass", iris.class_names, 4)
    assert table.target.values[0] == "setosa"
    np.testing.assert_array_equal(table["sepal width (cm)"].values, iris.x[:, 1])
    assert Table.of(load("plane")).task == "regression"


@pytest.mark.parametrize(
    ("text", "asked", "words"),
    [
        ("a,y\n1,x\n2,z\n", {"target": "yy"}, "no column 'yy'.*write 'y'"),
        ("age,y\n1,x\n2,z\n", {"kinds": {"agee": "number"}}, "no column 'agee'.*write 'age'"),
        ("a,y\n1,x\n2,z\n", {"kinds": {"a": "numbr"}}, "got 'numbr'.*write 'number'"),
        ("a,y\n1,x\n2,z\n", {"task": "clasification"}, "task: got 'clasification'"),
        ("a,y\n1,x\n2,x\n", {}, "'y': got the same value in every row"),
        ("a,y\n1,\n2,?\n", {}, "'y': got no value in any row"),
        ("a,y\n3,x\n3,z\n", {}, "no column to learn from"),
        ("y\nx\nz\n", {}, "no column to learn from"),
        ("a,y\n1,x\n2,y\ninf,x\n", {}, "'a', line 4: got 'inf'"),
        ("a,y\n1,x\n2,z\n3,x\n4,z\nfive,x\n", {}, r"'a', line 6: got 'five'.*kinds=\{\"a\": \"category\"\}"),
        ("a,y\n1,1\n2,2\n3,3\n4,4\n5,x\n", {}, "'y', line 6: got 'x'"),
        ("a,y\n1,\n2,2\n3,3.5\n4,4\n5,five\n", {"task": "regression"}, "'y', line 6: got 'five'"),
        ("a,y\n1,u\n2,v\n3,w\n", {"task": "binary"}, "'y': got 3 different values; expected two classes"),
        ("a,y\n1,u\n2,v\n3,v\n", {"task": "multiclass"}, "got 2 different values; expected three"),
        ("a,y\n1,2024-01-01\n2,2024-01-02\n3,2024-01-03\n", {}, "'y': got dates"),
        ("a,y\n" + "".join(f"{i % 7},it is {i}\n" for i in range(30)), {}, "30 different texts in 30 rows"),
    ],
)
def test_what_is_no_task_is_said(tmp_path, text, asked, words):
    with pytest.raises(DataError, match=words):
        read(write(tmp_path, text), **asked)


def test_errors_name_the_file(tmp_path):
    with pytest.raises(DataError, match=r"t\.csv: 'y': got the same"):
        read(write(tmp_path, "a,y\n1,x\n2,x\n"))


def test_images_are_no_table():
    with pytest.raises(DataError, match="flat features and one target"):
        from liuli.data import Dataset

        Table.of(Dataset(np.zeros((3, 2, 2)), [0, 1, 2], "multiclass"))
