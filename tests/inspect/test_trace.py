"""What a trace holds beyond its numbers, which tests/oracles compares with PyTorch."""

import jax
import numpy as np
import pytest

import liuli as ll
from liuli import layers
from liuli.inspect import trace as public
from liuli.inspect.trace import _tracer

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(6, 5)), RNG.integers(0, 3, size=6)


def classifier(*hidden, **kwargs):
    return ll.Model(ll.Sequential([*hidden, layers.Dense(3, "softmax")]), loss="categorical_crossentropy", **kwargs)


def test_reads_as_a_mapping_in_the_order_of_computation():
    t = public(classifier(layers.Dense(4, "relu")), X, Y)
    assert list(t) == ["input_1/y", "dense_1/z", "dense_1/y", "dense_2/z", "dense_2/y"]
    assert "dense_1/z" in t and "dense_9/z" not in t and t.get("dense_9/z") is None
    np.testing.assert_array_equal(t["input_1/y"].value, X.astype(np.float32))


def test_an_unknown_path_lists_near_ones():
    t = public(classifier(), X, Y)
    with pytest.raises(KeyError, match="dense_1/z") as caught:
        t["dense1/z"]
    assert isinstance(caught.value, ll.LiuliError)


def test_loss_and_predictions_are_the_models():
    model = classifier(layers.Dense(4, "tanh", kernel_regularizer="l2"), layers.Dropout(0.5))
    t = public(model, X, Y)
    assert t.loss == pytest.approx(model.evaluate(X, Y)["loss"], rel=1e-6)
    np.testing.assert_allclose(t.predictions, model.predict(X), rtol=1e-6)
    np.testing.assert_array_equal(t["dense_2/y"].value, t.predictions)


def test_statistics():
    seen = public(classifier(layers.Dense(4, "relu")), X, Y)["dense_1/y"]
    value = seen.value
    assert seen.shape == (6, 4)
    assert (seen.mean, seen.std, seen.min, seen.max) == pytest.approx(
        (value.mean(), value.std(), value.min(), value.max())
    )
    assert seen.zeros == (value == 0).sum() / 24 and 0 < seen.zeros < 1
    assert seen.norm == pytest.approx(np.linalg.norm(seen.gradient))


def test_dials_as_they_stand_without_another_program():
    model = classifier(layers.Dense(4, "leaky_relu"))
    model.build((5,))
    before = public(model, X, Y)
    programs = _tracer.cache_info().misses
    model.dials["dense_1/activation/negative_slope"] = 0.5
    after = public(model, X, Y)
    assert _tracer.cache_info().misses == programs
    negative = before["dense_1/z"].value < 0
    np.testing.assert_allclose(after["dense_1/y"].value[negative], 50 * before["dense_1/y"].value[negative], rtol=1e-5)


def test_training_drops_out_as_the_next_step_does():
    model = classifier(layers.Dropout(0.5))
    quiet, noisy = public(model, X, Y), public(model, X, Y, training=True)
    np.testing.assert_array_equal(quiet["dropout_1/y"].value, X.astype(np.float32))
    dropped = noisy["dropout_1/y"].value
    assert 0 < (dropped == 0).sum() < dropped.size
    np.testing.assert_allclose(dropped[dropped != 0], 2 * X[dropped != 0], rtol=1e-6)
    model = classifier(layers.Dropout(0.5), optimizer=ll.optimizers.SGD(1.0))
    gradient = public(model, X, Y, training=True).params["dense_1"]["kernel"].gradient
    start = np.asarray(model.params["dense_1"]["kernel"])
    model.fit(X, Y, batch_size=6, shuffle=False, verbose=0)
    np.testing.assert_allclose(start - np.asarray(model.params["dense_1"]["kernel"]), gradient, atol=1e-6)


@pytest.mark.parametrize(
    ("precision", "dtype"), [("float64", "float64"), ("bfloat16", "float32"), ("float16", "float32")]
)
def test_precision(precision, dtype):
    model = classifier(layers.Dense(4, "relu"), precision=precision)
    t = public(model, X, Y)
    assert {seen.value.dtype for seen in t.values()} == {np.dtype(dtype)}
    assert t.params["dense_1"]["kernel"].gradient.dtype == np.dtype(dtype)
    exact = X.astype(dtype) @ t.params["dense_1"]["kernel"].value
    np.testing.assert_allclose(t["dense_1/z"].value, exact, rtol=0.05, atol=0.05 if dtype == "float32" else 1e-12)
    assert not jax.config.jax_enable_x64


def test_integers_have_no_gradient():
    net = ll.Sequential([layers.Embedding(4, 2), layers.Flatten(), layers.Dense(1)])
    t = public(ll.Model(net, "mse"), np.array([[0, 1], [3, 3]]), np.ones((2, 1)))
    assert t["input_1/y"].gradient is None
    rows = t["embedding_1/y"].gradient
    np.testing.assert_allclose(t.params["embedding_1"]["embeddings"].gradient[3], rows[1].sum(0), rtol=1e-6)


def test_graphs_within_graphs():
    inner = ll.Sequential([layers.Dense(4, "relu"), layers.Dense(3, "softmax")])
    t = public(ll.Model(ll.Sequential([inner]), "categorical_crossentropy"), X, Y)
    assert "graph_1/dense_1/z" in t
    for path in ("graph_1/dense_2/y", "graph_1/y"):
        np.testing.assert_array_equal(t[path].value, t.predictions)
        np.testing.assert_allclose(
            t[path].gradient[np.arange(6), Y], -1 / 6 / t.predictions[np.arange(6), Y], rtol=1e-5
        )
    assert t.params["graph_1"]["dense_1"]["kernel"].gradient.shape == (5, 4)


def test_shows_as_a_table():
    t = public(classifier(layers.Dense(4, "relu")), X, Y)
    for shown in (str(t), t._repr_html_()):
        assert all(path in shown for path in (*t, "dense_1/kernel")) and "(6, 4)" in shown


def test_a_batch_that_does_not_fit():
    model = classifier().build((5,))
    with pytest.raises(ll.LiuliError, match="rows of shape"):
        public(model, X[:, :3], Y)
    with pytest.raises(ll.LiuliError, match="3 classes"):
        public(model, X, Y + 3)
