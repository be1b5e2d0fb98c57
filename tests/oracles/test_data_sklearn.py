"""Encodings and stratified parts against scikit-learn's."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liuli.data import Column, Dataset, Schema, Table, load
from liuli.data.encoders import fit_encoder

pytest.importorskip("sklearn", reason="the oracle is scikit-learn")
from sklearn.impute import SimpleImputer
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

pytestmark = pytest.mark.oracle

NUMBERS = st.lists(st.floats(-1e4, 1e4, width=32), min_size=3, max_size=40)


@given(NUMBERS, NUMBERS)
def test_numbers_are_standardized(train, test):
    column = Column("c", "number", np.array(train, float))
    oracle = StandardScaler().fit(column.values[:, None])
    found = fit_encoder(column).features(np.array(test, float))
    np.testing.assert_allclose(found, oracle.transform(np.array(test, float)[:, None]), rtol=1e-9, atol=1e-9)


@given(NUMBERS, st.data())
def test_gaps_become_the_mean_and_a_feature(values, data):
    train = np.array([*values, np.nan], float)
    gaps = data.draw(st.lists(st.integers(0, len(values) - 2), max_size=5))
    train[gaps] = np.nan
    found = fit_encoder(Column("c", "number", train)).features(train)
    imputer = SimpleImputer(strategy="mean", add_indicator=True).fit(train[:, None])
    imputed = imputer.transform(train[:, None])
    present = train[~np.isnan(train)]
    scaler = StandardScaler().fit(present[:, None])
    np.testing.assert_allclose(found[:, 0], scaler.transform(imputed[:, :1])[:, 0], rtol=1e-7, atol=1e-7)
    np.testing.assert_array_equal(found[:, 1], imputed[:, 1])


WORDS = st.lists(st.sampled_from(["a", "b", "c", "B", "é", "10", "9"]), min_size=1, max_size=30)


@given(WORDS, WORDS)
def test_categories_are_one_hot(train, test):
    oracle = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(np.array(train, object)[:, None])
    encoder = fit_encoder(Column("c", "category", np.array(train, object)))
    with warnings.catch_warnings(category=UserWarning, action="ignore"):  # scikit-learn's, of unknown categories
        expected = oracle.transform(np.array(test, object)[:, None])
    np.testing.assert_array_equal(encoder.features(np.array(test, object)), expected)
    assert encoder.values == tuple(oracle.categories_[0])


def test_a_whole_table():
    wine = load("wine")
    train, test = wine.split(0.3, stratify=True)
    schema = Schema.fit(train)
    oracle = make_pipeline(SimpleImputer(), StandardScaler()).fit(train.x.astype(float))
    np.testing.assert_allclose(schema.encode(test), oracle.transform(test.x.astype(float)), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(schema.encode(Table.of(test)), schema.encode(test))


@given(st.lists(st.integers(8, 40), min_size=2, max_size=5), st.floats(0.25, 0.6), st.integers(0, 1000))
def test_strata_are_within_a_row_of_scikit_learns(counts, share, seed):
    y = np.repeat(np.arange(len(counts)), counts)
    _, test = Dataset(np.arange(len(y))[:, None], y, "multiclass").split(share, stratify=True, seed=seed)
    oracle = StratifiedShuffleSplit(1, test_size=len(test), random_state=seed)
    _, rows = next(oracle.split(y, y))
    difference = np.bincount(test.y, minlength=len(counts)) - np.bincount(y[rows], minlength=len(counts))
    assert abs(difference).max() <= 1
