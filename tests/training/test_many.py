"""Many networks at once: each is what training it alone gives."""

import numpy as np
import pytest

import liuli as ll
from liuli import layers
from liuli.core.errors import DataError, SpecError
from tests.numeric import close

RATES = [0.003, 0.03, 0.3]
X = np.random.default_rng(0).standard_normal((30, 3)).astype(np.float32)
Y = np.arange(30) % 2
SIZES = [4, 200]  # a network that is compiled whole, and one that is trained in blocks


def model(units, rate=0.01, seed=0):
    net = ll.Sequential([layers.Dense(units, "tanh"), layers.Dropout(0.2), layers.Dense(2, "softmax")])
    return ll.Model(net, "categorical_crossentropy", ll.optimizers.Adam(rate), ["accuracy"], seed=seed)


@pytest.mark.parametrize("units", SIZES)
@pytest.mark.parametrize("batch_size", [10, 8])
def test_members_are_trained_as_alone(units, batch_size):
    how = {"epochs": 4, "batch_size": batch_size, "shuffle": False}
    many = ll.fit_many(
        model(units), X, Y, settings={"optimizer/learning_rate": RATES, "dropout_1/rate": [0, 0.2, 0.5]}, **how
    )
    assert many["loss"].shape == many["accuracy"].shape == (3, 4)
    for i, rate in enumerate(RATES):
        alone = model(units, rate, seed=i)
        alone.dials["dropout_1/rate"] = (0, 0.2, 0.5)[i]
        history = alone.fit(X, Y, verbose=0, **how)
        np.testing.assert_allclose(many["loss"][i], history["loss"], rtol=1e-4)
        member = many.model(i)
        close(member.params, alone.params, relative=1e-3, absolute=1e-4)
        assert member.dials["optimizer/learning_rate"] == rate and member.history["loss"] == list(many["loss"][i])
        assert member.evaluate(X, Y)["loss"] == pytest.approx(alone.evaluate(X, Y)["loss"], rel=1e-3)


@pytest.mark.parametrize("units", SIZES)
def test_seeds_alone(units):
    many = ll.fit_many(model(units), X, Y, seeds=[5, 6, 5], epochs=2)
    assert [own["seed"] for own in many.settings] == [5, 6, 5]
    np.testing.assert_array_equal(many["loss"][0], many["loss"][2])
    assert (many["loss"][0] != many["loss"][1]).all()


def test_more_members_than_a_block_holds():
    many = ll.fit_many(model(200), X, Y, seeds=range(70), epochs=1)
    assert len(many) == 70 and np.isfinite(many["loss"]).all() and len(np.unique(many["loss"])) == 70


def test_the_model_stays_as_it_is_and_the_best_is_found(tmp_path):
    start = model(4)
    start.fit(X, Y, epochs=1, verbose=0)
    before, history = start.params["dense_1"]["kernel"].copy(), start.history
    many = ll.fit_many(start, X, Y, settings={"optimizer/learning_rate": [1e-5, 0.1, 1e30]}, epochs=5)
    assert start.history is history and (start.params["dense_1"]["kernel"] == before).all()
    assert many.best() == 1 and many.best("accuracy", largest=True) in (0, 1)
    assert "best 1" in repr(many)
    read = ll.Model.load(many.model(1).save(tmp_path / "best.liuli"))
    np.testing.assert_array_equal(read.predict(X), many.model(1).predict(X))


@pytest.mark.parametrize(
    ("fields", "error", "words"),
    [
        ({}, DataError, "nothing"),
        ({"seeds": []}, DataError, "0 of seeds"),
        ({"seeds": [1], "settings": {"optimizer/learning_rate": [0.1, 0.2]}}, DataError, "1 of seeds"),
        ({"settings": {"optimizer/learningrate": [0.1]}}, SpecError, "optimizer/learning_rate"),
        ({"settings": {"dropout_1/rate": [1.5]}}, SpecError, "dropout_1/rate"),
        ({"seeds": [1], "epochs": 0}, DataError, "epochs"),
        ({"seeds": [1], "batch_size": 31}, DataError, "batch_size"),
    ],
)
def test_bad_settings(fields, error, words):
    with pytest.raises(error, match=words):
        ll.fit_many(model(4), X, Y, **fields)
