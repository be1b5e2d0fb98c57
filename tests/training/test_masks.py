"""Masked time steps: sequences filled up with steps that do not count train as if these were not there."""

import jax
import numpy as np
import pytest

import liuli as ll
from liuli import layers, losses, metrics
from tests.numeric import close

RNG = np.random.default_rng(0)
X = RNG.integers(1, 9, (10, 5))
X[3:, 3:] = 0  # most sequences have three steps
Y = RNG.integers(0, 3, X.shape)


def padded(a):
    """The same sequences with four more steps that do not count."""
    return np.concatenate([a, np.zeros((len(a), 4), int)], axis=1)


def model_of(loss="sparse_categorical_crossentropy", last="softmax", measured=("accuracy", "precision", "perplexity")):
    net = ll.Sequential(
        [
            layers.Embedding(9, 4, mask_zero=True),
            layers.LSTM(5, return_sequences=True),
            layers.Dense(3, last),
        ]
    )
    return ll.Model(net, loss=loss, metrics=list(measured), optimizer=ll.optimizers.Adam(0.05), seed=1)


@pytest.mark.parametrize(
    ("loss", "last"),
    [
        ("sparse_categorical_crossentropy", "softmax"),
        (losses.CategoricalCrossentropy(0.1, from_logits=True), None),
        ("categorical_hinge", None),
    ],
)
def test_training_does_not_see_padding(loss, last):
    short, long = (model_of(loss, last or "linear", ["accuracy"]) for _ in range(2))
    history = [model.fit(x, y, epochs=2, batch_size=4) for model, x, y in ((short, X, Y), (long, padded(X), padded(Y)))]
    for name in ("loss", "accuracy"):
        np.testing.assert_allclose(history[1][name], history[0][name], rtol=1e-5)
    close(long.params, short.params, relative=1e-4)


def test_evaluation_does_not_see_padding():
    short, long = (model_of().evaluate(x, y, batch_size=4) for x, y in ((X, Y), (padded(X), padded(Y))))
    assert short.keys() == long.keys() == {"loss", "accuracy", "precision", "perplexity"}
    np.testing.assert_allclose(list(long.values()), list(short.values()), rtol=1e-5)


def test_what_is_measured_are_the_steps_that_count():
    model = model_of()
    found = model.evaluate(X, Y)
    p, mask = model.predict(X), X != 0
    right = p.argmax(-1) == Y
    log_p = np.log(np.take_along_axis(p, Y[..., None], axis=-1)[..., 0])
    np.testing.assert_allclose(found["accuracy"], right[mask].mean(), rtol=1e-5)
    np.testing.assert_allclose(found["perplexity"], np.exp(-log_p[mask].mean()), rtol=1e-5)
    each = [-row[counts].mean() for row, counts in zip(log_p, mask, strict=True)]
    np.testing.assert_allclose(found["loss"], np.mean(each), rtol=1e-5)


def test_a_trace_has_the_gradients_of_the_steps_that_count():
    short, long = (ll.inspect.trace(model_of(), x, y) for x, y in ((X, Y), (padded(X), padded(Y))))
    assert long.loss == pytest.approx(short.loss, rel=1e-5)
    gradient = [jax.tree.map(lambda seen: seen.gradient, t.params) for t in (short, long)]
    close(gradient[1], gradient[0], relative=1e-4)
    for path in ("dense_1/z", "dense_1/y"):
        assert not long[path].gradient[~(padded(X) != 0)].any()
        np.testing.assert_allclose(long[path].gradient[:, :5], short[path].gradient, rtol=1e-4, atol=1e-7)


def test_what_is_checked_and_derived_is_the_masked_loss():
    model = model_of()
    assert ll.inspect.gradcheck(model, X[:4], Y[:4]).ok
    derived = ll.inspect.derive(model_of(last="linear", loss=losses.MultiMargin(), measured=()), X[:4], Y[:4])
    assert max(derived.errors.values()) < 1e-4


def test_ctc_takes_the_mask_for_the_length_of_the_input():
    x, y = RNG.integers(1, 9, (6, 6)), RNG.integers(1, 3, (6, 2))
    short, long = (model_of(losses.CTC(), "linear", ()) for _ in range(2))
    both = [model.fit(a, y, epochs=2, batch_size=3) for model, a in ((short, x), (long, padded(x)))]
    np.testing.assert_allclose(both[1]["loss"], both[0]["loss"], rtol=1e-5)
    close(long.params, short.params, relative=1e-4)


def test_metrics_beside_a_loss_on_logits_make_probabilities():
    model = model_of(losses.CategoricalCrossentropy(from_logits=True), "linear", ("perplexity", metrics.BrierScore()))
    found = model.evaluate(X, Y)
    p = np.asarray(jax.nn.softmax(model.predict(X)))
    brier = np.square(p - np.eye(3)[Y]).sum(-1)[X != 0].mean()
    np.testing.assert_allclose(found["brier_score"], brier, rtol=1e-5)
