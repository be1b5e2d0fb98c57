import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liuli.core.errors import DataError, SpecError
from liuli.core.specs import from_json, to_json
from liuli.data import ArraySchema, ClassTarget, Dataset, RegressionTarget, Schema, Table, fit_schema, load

ROWS = {
    "age": [30, None, 50, 40],
    "smokes": ["yes", "no", "no", None],
    "born": ["1990-01-31", "1985-12-01", None, "2001-07-04"],
    "city": ["Bern", "Basel", "Bern", "Chur"],
    "pays": [1.0, 2.0, 6.0, 3.5],
}


@pytest.fixture
def schema():
    return Schema.fit(Table.of(ROWS))


def test_is_a_column_for_each_name(schema):
    x = schema.encode(Table.of(ROWS))
    assert x.dtype == np.float32 and x.shape == (4, *schema.encoded_shape) == (4, len(schema.feature_names))
    assert schema.feature_names[:4] == ("age", "age missing", "smokes", "smokes missing")
    assert schema.feature_names[-3:] == ("city=Basel", "city=Bern", "city=Chur")
    np.testing.assert_allclose(x[:, 0], [-10 / np.std([30, 40, 50]), 0, 10 / np.std([30, 40, 50]), 0], rtol=1e-6)
    np.testing.assert_allclose(x[:, 2], [1, 0, 0, 1 / 3], rtol=1e-6)


def test_rows_of_all_forms_are_encoded_alike(schema):
    pandas = pytest.importorskip("pandas")
    expected = schema.encode(Table.of(ROWS))
    frame = pandas.DataFrame(ROWS)
    dicts = [{name: values[i] for name, values in ROWS.items()} for i in range(4)]
    dated = frame.assign(born=pandas.to_datetime(frame["born"]), smokes=frame["smokes"].map({"yes": True, "no": False}))
    shuffled = {"extra": [0] * 4, **{name: ROWS[name] for name in reversed(ROWS) if name != "pays"}}
    other_target = Table.of(ROWS, target="city")
    for rows in (ROWS, frame, dicts, dated, shuffled, other_target):
        np.testing.assert_array_equal(schema.encode(rows), expected)


def test_a_row_alone_is_encoded_as_among_others(schema):
    expected = schema.encode(Table.of(ROWS))
    for i in range(4):
        row = {name: values[i] for name, values in ROWS.items()}
        np.testing.assert_array_equal(schema.encode([row]), expected[i : i + 1])


NAMES = st.text("abcxyz é", min_size=1, max_size=4).map(str.strip).filter(bool)
NUMBERS = st.one_of(st.none(), st.floats(-1e6, 1e6))
CELLS = st.tuples(
    NUMBERS, st.one_of(st.none(), NAMES), st.one_of(st.none(), st.booleans()), st.dates(), st.floats(-9, 9)
)


@given(st.lists(CELLS, min_size=3, max_size=30))
def test_comes_back_from_json_and_encodes_alike(rows):
    n, c, b, d, y = map(list, zip(*rows, strict=True))
    kinds = {"n": "number", "c": "category", "b": "boolean", "d": "date"}
    table = Table.of({"n": n, "c": c, "b": b, "d": d, "y": [*y[:-1], 100.0]}, kinds=kinds, task="regression")
    schema = Schema.fit(table)
    again = from_json(to_json(schema))
    assert again == schema and hash(again) == hash(schema)
    np.testing.assert_array_equal(again.encode(table), schema.encode(table))
    np.testing.assert_array_equal(again.encode_target(table), schema.encode_target(table))
    assert np.isfinite(schema.encode(table)).all()


def test_is_fitted_on_the_training_part_alone():
    values = np.concatenate([np.arange(80.0), np.full(20, 1e6)])
    table = Table.of(
        {"t": np.arange(100.0), "x": values, "c": ["a", "b"] * 40 + ["late"] * 20, "y": values % 7 + values}
    )
    train, test = table.split(0.2, time="t")
    schema = Schema.fit(train)
    z = schema.encode(train)[:, schema.feature_names.index("x")]
    np.testing.assert_allclose([z.mean(), z.std()], [0, 1], atol=1e-5)
    assert schema.encode(test)[:, schema.feature_names.index("x")].min() > 1e4
    assert "c=late" not in schema.feature_names
    np.testing.assert_allclose(schema.target.mean, train.target.values.mean())
    assert Schema.fit(table) != schema


def test_learns_from_flat_data_sets():
    wine = load("wine")
    schema = Schema.fit(wine)
    x = schema.encode(wine)
    np.testing.assert_allclose(x.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(x.std(0), 1, rtol=1e-5)
    np.testing.assert_array_equal(schema.encode(wine.x), x)
    np.testing.assert_array_equal(schema.encode_target(wine), wine.y)
    assert schema.target == ClassTarget("cultivar", wine.class_names)
    diabetes = load("diabetes")
    schema = Schema.fit(diabetes)
    np.testing.assert_allclose(schema.decode(schema.encode_target(diabetes)), diabetes.y, rtol=1e-5)


def test_describes_itself(schema):
    described = schema.describe()
    assert [row["name"] for row in described] == list(ROWS)
    assert described[0] == {"name": "age", "kind": "number", "content": "mean 40, standard deviation 8.16497"}
    assert described[-1]["kind"] == "target (regression)"


def test_what_cannot_be_encoded_is_said(schema):
    with pytest.raises(DataError, match=r"rows: got no column 'city' among.*add the column 'city'"):
        schema.encode({name: values for name, values in ROWS.items() if name != "city"})
    with pytest.raises(DataError, match="'age', row 1: got 'old'; expected a number"):
        schema.encode({**ROWS, "age": [1, "old", 2, 3]})
    with pytest.raises(DataError, match="'born', row 0: got 'soon'; expected a date"):
        schema.encode({**ROWS, "born": ["soon"] * 4})
    with pytest.raises(DataError, match="'age', row 2: got a number too large for float32"):
        schema.encode({**ROWS, "age": [1, 2, 1e300, 3]})
    with pytest.raises(DataError, match=r"float64 of shape \(2, 3\); expected a table.*\(rows, 4\)"):
        schema.encode(np.zeros((2, 3)))
    with pytest.raises(DataError, match="'age': got the single value 3"):
        schema.encode({**ROWS, "age": 3})


# Arrays ----------------------------------------------------------------------------------------------


def images(dtype=np.uint8):
    return Dataset(np.arange(3 * 4).reshape(3, 2, 2, 1).astype(dtype), [2, 0, 1], "multiclass", class_names="abc")


def test_arrays_are_left_as_they_are():
    schema = ArraySchema.fit(images())
    assert schema == ArraySchema(ClassTarget("target", ("a", "b", "c")), (2, 2, 1), "uint8", 0.0, 11.0)
    np.testing.assert_array_equal(schema.encode(images()), images().x)
    assert schema.encode(images().x.tolist()).dtype == np.uint8
    assert schema.encode_target(images()).tolist() == [2, 0, 1]
    assert schema.labels(np.eye(3)).tolist() == ["a", "b", "c"]
    assert from_json(to_json(schema)) == schema
    assert ArraySchema.fit(images(np.float64)).dtype == "float32"
    assert [row["name"] for row in schema.describe()] == ["x", "target"]


def test_flat_named_arrays_understand_tables():
    digits = load("digits")
    schema = ArraySchema.fit(digits)
    columns = {name: digits.x[:5, i] for i, name in enumerate(digits.feature_names)}
    np.testing.assert_array_equal(schema.encode(columns), digits.x[:5])
    with pytest.raises(DataError, match="no column 'pixel_0_0'"):
        schema.encode({"a": [1]})


def test_regression_arrays_are_undone():
    data = Dataset(np.zeros((4, 2, 2)), [10.0, 20.0, 30.0, 40.0], "regression")
    schema = ArraySchema.fit(data)
    assert schema.target == RegressionTarget("target", 25.0, float(np.std([10, 20, 30, 40])))
    np.testing.assert_allclose(schema.decode(schema.encode_target(data)), data.y, rtol=1e-6)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (np.zeros((2, 2, 1)), r"float64 of shape \(2, 2, 1\).*write x\[None\]"),
        (np.zeros((5, 3, 3, 1)), r"expected numbers of shape \(rows, 2, 2, 1\)"),
        (np.full((1, 2, 2, 1), 0.5), "numbers that do not fit uint8"),
        (np.full((1, 2, 2, 1), 300), "numbers that do not fit uint8"),
        (np.full((1, 2, 2, 1), np.nan), "do not fit uint8"),
        (np.full((1, 2, 2, 1), "a"), "got <U1"),
    ],
)
def test_arrays_that_do_not_fit_are_said(rows, words):
    with pytest.raises(DataError, match=words):
        ArraySchema.fit(images()).encode(rows)


def test_numbers_that_are_not_finite_are_said():
    with pytest.raises(DataError, match="not finite; expected float32 as in training"):
        ArraySchema.fit(images(np.float32)).encode(np.full((1, 2, 2, 1), np.inf))


def test_a_dtype_must_be_of_numbers():
    for dtype in ("object", "U3", "nonsense"):
        with pytest.raises(SpecError, match="a dtype of numbers"):
            ArraySchema(ClassTarget("t", ("a", "b")), (2,), dtype, 0.0, 1.0)


def test_the_schema_that_suits():
    assert isinstance(fit_schema(load("iris")), Schema)
    assert isinstance(fit_schema(Table.of(ROWS)), Schema)
    assert isinstance(fit_schema(load("digits")), ArraySchema)
    assert isinstance(fit_schema(images()), ArraySchema)
