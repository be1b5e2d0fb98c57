"""Predictions, however the rows lie in memory and are cut, and whatever was changed since the last ones."""

import copy

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import liuli as ll
from liuli import layers
from liuli.core.errors import DataError, ShapeError

COLUMNS = 64
GAIN = np.random.default_rng(0).normal(size=(COLUMNS, 2)).astype(np.float32)


def linear():
    """y = 2 x G, as its dial and its weights are."""
    net = ll.Sequential([ll.Input((COLUMNS,)), layers.Rescaling(2.0), layers.Dense(2, use_bias=False)])
    model = ll.Model(net, "mse")
    model.params["dense_1"]["kernel"] = GAIN
    return model


def rows_of(count, seed=0):
    return np.random.default_rng(seed).normal(size=(count, COLUMNS)).astype(np.float32)


MODEL = linear()


@settings(max_examples=6)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
@example(4096, 4096, 0)  # a large batch
@example(5000, 4096, 0)  # one, and a second that is filled up
def test_rows_are_predicted_however_they_are_cut(rows, batch, seed):
    x = rows_of(rows, seed)
    kept = x.copy()
    y = MODEL.predict(x, batch_size=batch)
    np.testing.assert_allclose(y, 2 * x.astype(float) @ GAIN, rtol=1e-4, atol=1e-4)
    y[:] = 0  # it is the caller's
    assert np.array_equal(x, kept)


@pytest.mark.parametrize("form", [np.asfortranarray, lambda x: x[::-1], lambda x: x.astype(float), np.ndarray.tolist])
def test_rows_of_other_forms_are_predicted_alike(form):
    x = rows_of(4096)
    y = MODEL.predict(form(x), batch_size=4096)
    np.testing.assert_allclose(y, MODEL.predict(np.array(form(x), np.float32), batch_size=4096), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("rows", [3, 5000])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused_wherever_it_is(rows, value):
    x = rows_of(rows)
    x[rows - 1, 7] = value
    with pytest.raises(DataError, match=f"row {rows - 1}, column 7"):
        MODEL.predict(x)


@pytest.mark.parametrize("rows", [3, 5000])
def test_large_numbers_are_finite(rows):
    assert MODEL.predict(np.full((rows, COLUMNS), 3e37, np.float32)).shape == (rows, 2)


def test_what_was_assigned_since_the_last_prediction_is_used():
    model, x = linear(), rows_of(1)
    before = model.predict(x)
    model.params["dense_1"]["kernel"] = np.zeros_like(GAIN)
    assert not model.predict(x).any()
    kernel = model.params["dense_1"]["kernel"] = GAIN.copy()
    np.testing.assert_array_equal(model.predict(x), before)
    kernel *= 3
    np.testing.assert_allclose(model.predict(x), 3 * before, rtol=1e-5)
    model.dials["rescaling_1/scale"] = 4.0
    np.testing.assert_allclose(model.predict(x), 6 * before, rtol=1e-5)
    model.params["dense_1"]["kernel"] = GAIN.T
    with pytest.raises(ShapeError, match="transpose"):
        model.predict(x)
    model.params["dense_1"] = {"kernel": GAIN, "other": GAIN}
    with pytest.raises(ShapeError, match="other"):
        model.predict(x)


def test_what_was_learned_since_the_last_prediction_is_used():
    model, x = linear(), rows_of(8)
    before = model.predict(x)
    model.fit(x, x[:, :2], epochs=1, verbose=0)
    trained = model.predict(x)
    assert (trained != before).all()
    assert np.array_equal(copy.deepcopy(model).predict(x), trained)


@pytest.mark.parametrize("precision", ["float32", "float64", "bfloat16"])
def test_several_inputs_and_outputs(precision):
    a, b = ll.Input((3,), name="a"), ll.Input((400,), name="b")
    both = layers.Concatenate()([a, b])
    net = ll.Graph(inputs=[a, b], outputs=[layers.Rescaling(1.0)(both), layers.Dense(1)(both)])
    model = ll.Model(net, ("mse", "mse"), precision=precision)
    x = [np.random.default_rng(0).normal(size=(rows, n)) for rows, n in ((1500, 3), (1500, 400))]
    same, made = model.predict({"b": x[1], "a": x[0]}, batch_size=1024)
    assert same.shape == (1500, 403) and made.shape == (1500, 1)
    np.testing.assert_allclose(same, np.hstack(x), rtol=1e-2 if precision == "bfloat16" else 1e-6)
