"""What each kind of column becomes. The arithmetic is held against scikit-learn in tests/oracles."""

import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liuli.core.errors import DataError
from liuli.core.specs import from_json, to_json
from liuli.data import CategoryEncoder, Column, DateEncoder
from liuli.data.cells import read_date
from liuli.data.encoders import MOST, fit_encoder


def texts(*cells):
    return np.array(cells, object)


COLUMNS = {
    "number": Column("c", "number", np.array([1.0, 3.0, np.nan])),
    "boolean": Column("c", "boolean", np.array([1.0, 0.0, np.nan])),
    "category": Column("c", "category", texts("a", "b", None)),
    "date": Column("c", "date", np.array([0.0, 30.5, np.nan])),
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_missing_has_a_feature_where_training_had_gaps(kind):
    gap, full = fit_encoder(COLUMNS[kind]), fit_encoder(COLUMNS[kind].take([0, 1]))
    assert gap.feature_names == (*full.feature_names, "c missing")
    values = COLUMNS[kind].values
    np.testing.assert_array_equal(gap.features(values)[:, -1], [0, 0, 1])
    np.testing.assert_array_equal(gap.features(values)[:, :-1], full.features(values))
    assert np.isfinite(full.features(values)).all()


@pytest.mark.parametrize("kind", COLUMNS)
def test_comes_back_from_json(kind):
    encoder = fit_encoder(COLUMNS[kind])
    again = from_json(to_json(encoder))
    assert again == encoder and isinstance(encoder.describe(), str)
    np.testing.assert_array_equal(again.features(COLUMNS[kind].values), encoder.features(COLUMNS[kind].values))


@pytest.mark.parametrize("kind", COLUMNS)
def test_a_part_without_values_has_an_encoder(kind):
    empty = fit_encoder(COLUMNS[kind].take([2]))
    assert np.isfinite(empty.features(COLUMNS[kind].values)).all()
    assert empty.features(COLUMNS[kind].values).shape == (3, len(empty.feature_names))


def test_rare_categories_share_a_slot():
    common = [f"c{i:02}" for i in range(MOST)]
    column = Column("c", "category", texts(*common, *common, "rare", "seldom"))
    encoder = fit_encoder(column)
    assert encoder.values == tuple(common) and encoder.has_other
    encoded = encoder.features(texts("rare", "never seen", "c03"))
    assert encoded.argmax(axis=1).tolist() == [MOST, MOST, 3]
    assert (encoded.sum(axis=1) == 1).all()


def test_unknown_categories_are_zeros_where_training_had_no_others():
    encoder = CategoryEncoder("c", ("a", "b"))
    assert encoder.features(texts("b", "z", None)).tolist() == [[0, 1], [0, 0], [0, 0]]


@given(st.datetimes(datetime.datetime(1950, 1, 1), datetime.datetime(2090, 1, 1)))
def test_dates_have_month_and_weekday(moment):
    x = DateEncoder("d", mean=0.0, std=1.0).features(np.array([read_date(moment)]))[0]
    month, weekday = 2 * np.pi * (moment.month - 1) / 12, 2 * np.pi * moment.weekday() / 7
    np.testing.assert_allclose(
        x[1:], [np.sin(month), np.cos(month), np.sin(weekday), np.cos(weekday)], rtol=0, atol=1e-12
    )
    assert x[0] == read_date(moment)


def test_cells_of_another_kind_are_named():
    with pytest.raises(DataError, match=r"'c', row 1: got 'x'; expected a number.*leave it empty"):
        fit_encoder(COLUMNS["number"]).encode(texts("1", "x"), lambda row: f"row {row}")
